# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action ``verdict``: each host fails by its own checks, after the report was printed."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import (
    CRITICAL,
    UNKNOWN,
    WARNING,
    Check,
    worst,
)
from ansible_collections.xorb.runbook.plugins.plugin_utils._core.action import RunbookAction
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.render import wording


class Judged(AnsibleActionFail):
    """A host fails by its checks. No task is wrong, so Ansible is not to show where in which file one stands."""

    @property
    def omit_exception_key(self) -> bool:
        """Where a release of Ansible does not ask, it shows the place, and the host fails all the same."""
        return True


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
            raise Judged(sentence(decisive, page=str(arguments["report"].get("files", {}).get("html", ""))))
        if failing:
            return {"changed": False, "msg": f"{len(failing)} failing, excused: see the report"}
        return {"changed": False, "msg": "no failing check"}


def sentence(failing: list[Check], page: str = "") -> str:
    """What fails, in one line: the worst status, how much, the first root cause, and where to read on."""
    causes = dict.fromkeys(
        check.blocked_by or check.address for check in sorted(failing, key=lambda check: bool(check.blocked_by))
    )
    more = f" and {len(causes) - 1} more" if len(causes) > 1 else ""
    read_on = f"; see {page}" if page else ""
    status = wording.status_word(worst(check.status for check in failing)).upper()
    return f"{status}: {len(failing)} failing by {next(iter(causes))}{more}{read_on}"
