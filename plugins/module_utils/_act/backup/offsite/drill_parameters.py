# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The parameters of the module that holds drills, as what acts on it takes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...._backup.copies import COPY
from ...._backup.drills import DRILL
from ...._core.options import Option, Options
from ..parameters import BACKUP_OPTIONS, PROOF_OPTIONS
from .parameters import sound

#: What opens a copy, and what it says of itself, on a host that is not its own.
_ACCESS: Options = {name: option for name, option in COPY.items() if name != "directory"}

#: The copy of another host that is drilled, and where the receipt is kept.
COPY_OPTIONS: Options = {
    "owner": Option("str", "Inventory name of the host that the copy is of; never that of I(host).", required=True),
    "copy": Option("str", "Name of the copy within the backup.", required=True),
    "access": Option("dict", "The copy, as the description has it.", options=_ACCESS, required=True),
    "directory": DRILL["directory"],
}

#: The same, with the backup as it is proved on this host.
OPTIONS: Options = {**BACKUP_OPTIONS, **PROOF_OPTIONS, **COPY_OPTIONS}


def copy_of(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The options of the copy, whose host is the owner; raises `InvalidOptions` for those that cannot be meant."""
    names = {name: parameters[name] for name in ("platform", "service", "backup", "copy")}
    return {**sound(_ACCESS, parameters["access"]), **names, "host": parameters["owner"]}
