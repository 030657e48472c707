# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The drills of one host: copies of other hosts' backups, as the module takes them that restores one here.

All of it comes from the description, as the variables of the other host resolve it: that host itself may be gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._backup.drills import KIND
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from .. import described as points
from ..described import Described
from ..procedure import Context
from . import host_backups, host_copies
from .host_backups import Backup
from .host_copies import Copy


@dataclass(frozen=True)
class Drill:
    """The drill of one copy on this host; ``fault`` says why its options are not known."""

    owner: str
    backup: Backup
    copy: Copy
    options: Mapping[str, Any] = field(default_factory=dict)
    fault: str = ""

    @property
    def label(self) -> str:
        """What is drilled, for people."""
        return f"{self.copy.label} of {self.owner}"

    def arguments(self, context: Context) -> dict[str, Any]:
        """What the module takes that holds it."""
        access = {name: value for name, value in self.copy.options.items() if name != "directory"}
        return {
            **self.backup.arguments_on(context.host, context),
            "owner": self.owner,
            "copy": self.copy.name,
            "access": access,
            "directory": self.options["directory"],
        }


def described(context: Context) -> tuple[list[Drill], list[str]]:
    """The drills of this host that the options ``services``, ``backups`` and ``copies`` select, and what is wrong.

    A fault of one keeps no other from being held. Raises `RunbookError` for a name that the description has not.
    """
    host_copies.refuse_unknown_names(context)
    drills = (_drill(context, one) for one in points.described(context, (KIND,), context.options["services"]))
    found = [one for one in drills if host_copies.selected(context, one.copy)]
    involved = {one.copy.service for one in found}
    wrong = [str(problem) for problem in context.platform.problems if problem.service in involved]
    return [one for one in found if not one.fault], [*wrong, *(one.fault for one in found if one.fault)]


def _drill(context: Context, one: Described) -> Drill:
    """A drill with its backup and its copy, as their own host has them."""
    service, owner = one.target.service, one.target.owner
    backup, copy = one.target.point.split(".")[:2]
    nothing = Drill(owner, Backup(service, backup, ""), Copy(service, backup, copy), fault=one.fault)
    if one.fault:
        return nothing
    try:
        source = context.on(owner)
        found = Drill(
            owner,
            host_backups.of(source, service, backup),
            host_copies.of(source, service, backup, copy),
            one.options,
        )
    except RunbookError as exc:
        return replace(nothing, fault=f"{one.target.path}: {exc}")
    return replace(found, fault=found.backup.fault or found.copy.fault)
