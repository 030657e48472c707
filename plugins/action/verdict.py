# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action ``verdict``: each host fails by its own checks, after the report was printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, UNKNOWN, WARNING

#: As many failing checks as the sentence names; the report has them all.
NAMED = 3


class ActionModule(ActionBase):
    """Judges by what it is handed of the report. Needs no connection, so it judges hosts that are gone, too."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Fail when a check that counts is critical or unknown."""
        super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(
            {
                "judged_by": {"type": "list", "elements": "dict", "required": True},
                "fail_on_warning": {"type": "bool", "default": False},
            }
        )
        fail_on = (CRITICAL, UNKNOWN, WARNING) if arguments["fail_on_warning"] else (CRITICAL, UNKNOWN)
        failing = [line for line in arguments["judged_by"] if line["status"] in fail_on]
        decisive = [line for line in failing if not line["excused"]]
        if decisive:
            return {"failed": True, "changed": False, "msg": sentence(decisive)}
        if failing:
            return {"changed": False, "msg": f"{len(failing)} failing, excused: see the report"}
        return {"changed": False, "msg": "no failing check"}


def sentence(failing: Sequence[Mapping[str, Any]]) -> str:
    """What fails, in one line: root causes before what they explain."""
    named = [
        f"{line['id']} {line['status']}" + (f" (blocked by {line['blocked_by']})" if line["blocked_by"] else "")
        for line in sorted(failing, key=lambda line: bool(line["blocked_by"]))[:NAMED]
    ]
    more = len(failing) - len(named)
    return f"{len(failing)} failing: {', '.join(named)}" + (f" and {more} more" if more else "")
