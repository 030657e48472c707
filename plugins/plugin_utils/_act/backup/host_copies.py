# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The copies of one host's backups: what the description says of each, as the modules take it that work with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._backup.copies import ACCESS, COPY, KIND
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from ..._core.messages import suggest
from .. import described as points
from ..described import Described
from ..procedure import Context
from .host_backups import refuse_unknown


@dataclass(frozen=True)
class Copy:
    """One copy of a backup of a host; ``fault`` says why its options are not known."""

    service: str
    backup: str
    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    fault: str = ""

    @property
    def label(self) -> str:
        """What it is called, for people."""
        return f"{self.service}.{self.backup}.{self.name}"

    def source(self, host: str) -> dict[str, Any]:
        """What the module takes that restores a set of a host out of it."""
        access = {name: value for name, value in self.options.items() if name in ACCESS}
        return {**access, "name": self.name, "host": host}

    def arguments(self, context: Context) -> dict[str, Any]:
        """What the modules take that work with it."""
        return {
            "platform": context.platform.name,
            "service": self.service,
            "backup": self.backup,
            "copy": self.name,
            "host": context.host,
            **self.options,
        }


def described(context: Context) -> tuple[list[Copy], list[str]]:
    """The copies of this host that the options ``services``, ``backups`` and ``copies`` select, and what is wrong.

    A fault of one keeps no other from being made. Raises `RunbookError` for a name that the description has not.
    """
    refuse_unknown_names(context)
    copies = map(_copy, points.described(context, (KIND,), context.options["services"]))
    found = [one for one in copies if selected(context, one)]
    involved = {one.service for one in found}
    wrong = [str(problem) for problem in context.platform.problems if problem.service in involved]
    return [one for one in found if not one.fault], [*wrong, *(one.fault for one in found if one.fault)]


def of(context: Context, service: str, backup: str, name: str) -> Copy:
    """The copy of one backup of this host; raises `RunbookError` for a name that the description has not."""
    there = {
        one.name: one
        for one in map(_copy, points.described(context, (KIND,), [service]))
        if (one.service, one.backup) == (service, backup)
    }
    if name not in there:
        known = f"; it has: {', '.join(sorted(there))}" if there else ", nor any other"
        raise RunbookError(f"the backup {service}.{backup} has no copy {name!r}{suggest(name, there) or known}")
    return there[name]


def selected(context: Context, one: Copy) -> bool:
    """Whether the options ``backups`` and ``copies`` select a copy."""
    names, wanted = context.options["backups"], context.options["copies"]
    return (not names or f"{one.service}.{one.backup}" in names) and (not wanted or one.name in wanted)


def refuse_unknown_names(context: Context) -> None:
    """Raise `RunbookError` for a service, a backup or a copy among the options that the description has not."""
    points.refuse_unknown(context, context.options["services"])
    refuse_unknown(context, context.options["backups"])
    _refuse_unknown_copies(context, context.options["copies"])


def _refuse_unknown_copies(context: Context, names: Sequence[str]) -> None:
    known = {
        point.name.partition(".")[2]
        for service in context.platform.services.values()
        for point in service.points
        if point.kind.name == KIND
    }
    for name in names:
        if name not in known:
            raise RunbookError(f"copies: there is no copy {name!r}{suggest(name, known)}")


def _copy(one: Described) -> Copy:
    backup, _dot, name = one.target.point.partition(".")
    options = {name: one.options[name] for name in COPY if one.options.get(name) is not None}
    return Copy(one.target.service, backup, name, options, one.fault)
