# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The procedure ``backup_list``: what sets a host has, what was proved of each, and when it expires."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..procedure import Answer, Context, Options, Step
from ..result import StepResult
from . import lines
from .host_backups import Backup, described

OPTIONS: Options = {
    "services": {"type": "list", "elements": "str"},
    "backups": {"type": "list", "elements": "str"},
}

VALUES: Mapping[str, Any] = {"backups": []}


def ask(context: Context, found: Sequence[Backup]) -> Answer:
    """The sets of some backups, by one question."""
    if not found:
        return Answer({"backups": []})
    return context.ask("backup_set_info", "backups", backups=[one.store() for one in found])


def show(context: Context) -> StepResult:
    """Print the sets of this host."""
    found, faults = described(context)
    answer = ask(context, found)
    listed = answer.values.get("backups", ())
    context.show(
        f"{context.host}: {line}" for one in listed for line in lines.table(f"{one['service']}.{one['backup']}", one)
    )
    unread = [f"{one['folder']}: {one['fault']}" for one in listed if one["fault"]]
    return StepResult(
        faults=[*faults, *([answer.fault] if answer.fault else []), *unread],
        values={"backups": [dict(one) for one in listed]},
    )


STEPS: Mapping[str, Step] = {"show": Step(show, in_check_mode=True)}
