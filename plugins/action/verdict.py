# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action ``verdict``: each host fails by its own checks, after the report was printed."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, UNKNOWN, WARNING, Check
from ansible_collections.xorb.runbook.plugins.plugin_utils._core.action import RunbookAction

#: As many failing checks as the sentence names; the report has them all.
NAMED = 3


class ActionModule(RunbookAction):
    """Judges one host by the report of the run. Needs no connection, so it judges hosts that are gone, too."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Fail when a check of this host, or one about the run itself, is critical or unknown."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        _validation, arguments = self.validate_argument_spec(
            {
                "report": {"type": "dict", "required": True},
                "fail_on_warning": {"type": "bool", "default": False},
                "every_host": {"type": "bool", "default": False},
            }
        )
        if "checks" not in arguments["report"]:
            raise AnsibleActionFail("report: there is no report of this run to judge by")
        fail_on = (CRITICAL, UNKNOWN, WARNING) if arguments["fail_on_warning"] else (CRITICAL, UNKNOWN)
        host = variables["inventory_hostname"]
        excused = {excuse["check"] for excuse in arguments["report"].get("excused", ())}
        failing = [
            check
            for check in map(Check.from_dict, arguments["report"]["checks"])
            if (arguments["every_host"] or check.host in (host, "")) and check.status in fail_on
        ]
        decisive = [check for check in failing if not check.host or check.address not in excused]
        if decisive:
            return {"failed": True, "changed": False, "msg": sentence(decisive)}
        if failing:
            return {"changed": False, "msg": f"{len(failing)} failing, excused: see the report"}
        return {"changed": False, "msg": "no failing check"}


def sentence(failing: list[Check]) -> str:
    """What fails, in one line: root causes before what they explain."""
    failing = sorted(failing, key=lambda check: bool(check.blocked_by))
    named = [
        f"{check.id} {check.status}" + (f" (blocked by {check.blocked_by})" if check.blocked_by else "")
        for check in failing[:NAMED]
    ]
    more = len(failing) - len(named)
    return f"{len(failing)} failing: {', '.join(named)}" + (f" and {more} more" if more else "")
