# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The parameters of a module that works with a copy, as what acts on it takes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...._backup.copies import ACCESS, COPY, check
from ...._core.errors import InvalidOptions
from ...._core.options import Option, Options, out_of_range
from ..stores import NAME_OPTIONS

#: One copy of a backup, as the description has it.
COPY_OPTIONS: Options = {
    "platform": Option("str", "Name of the platform.", required=True),
    **NAME_OPTIONS,
    "host": Option("str", "Inventory name of the host that the copies are of.", required=True),
    "copy": Option("str", "Name of the copy within the backup.", required=True),
    **COPY,
}


#: The copy that a restore begins with.
SOURCE_OPTIONS: Options = {
    "name": Option("str", "Name of the copy within the backup.", required=True),
    "host": Option("str", "Inventory name of the host that the sets are of.", required=True),
    **{name: COPY[name] for name in ACCESS},
}

SOURCE_OPTION: Options = {
    "copy": Option(
        "dict",
        "Copy that the set is brought back from, on a host that has nothing but this. The set is looked up there and"
        " brought to this host, where it stays.",
        options=SOURCE_OPTIONS,
    )
}


def source_of(given: Mapping[str, Any], copy: Mapping[str, Any]) -> dict[str, Any]:
    """The options of the copy that a backup is restored from; raises `InvalidOptions` as `given_of` does."""
    if found := [*out_of_range(SOURCE_OPTIONS, copy), *check(copy)]:
        raise InvalidOptions([(f"copy.{name}", message) for name, message in found])
    names = ("platform", "service", "backup", "directory")
    return {**copy, **{name: given[name] for name in names}, "copy": copy["name"]}


def given_of(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a copy; raises `InvalidOptions` for those that cannot be meant."""
    return sound(COPY_OPTIONS, parameters)


def sound(options: Options, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Some of the options of a copy, compared with one another; see `given_of`."""
    given = {name: parameters[name] for name in options}
    if found := [*out_of_range(options, given), *check(given)]:
        raise InvalidOptions(found)
    return given
