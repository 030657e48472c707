# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action ``verdict``: each host fails by its own checks, after the report was printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, UNKNOWN, WARNING, worst
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.plugin_utils._core.action import RunbookAction
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.render import formatting


class Judged(AnsibleActionFail):
    """A host fails by its checks. No task is wrong, so Ansible is not to show where in which file one stands."""

    @property
    def omit_exception_key(self) -> bool:
        """A release of Ansible that does not ask shows the file and line, and the host fails all the same."""
        return True


class ActionModule(RunbookAction):
    """Judges by what it is handed of the report. Needs no connection, so it judges hosts that are gone, too."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Fail when a check that counts is critical or unknown."""
        super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(
            {
                "judged_by": {"type": "list", "elements": "dict"},
                "fail_on_warning": {"type": "bool", "default": False},
                "page": {"type": "str", "default": ""},
            }
        )
        # Not required by the spec, which takes an empty list for none: nothing to be judged by is what one hopes for.
        if arguments["judged_by"] is None:
            raise self.failure(RunbookError("judged_by: missing; there is no report of this run to judge by"))
        fail_on = (CRITICAL, UNKNOWN, WARNING) if arguments["fail_on_warning"] else (CRITICAL, UNKNOWN)
        failing = [line for line in arguments["judged_by"] if line["status"] in fail_on]
        decisive = [line for line in failing if not line["suppressed"]]
        if decisive:
            raise Judged(sentence(decisive, page=arguments["page"]))
        if failing:
            return {"changed": False, "msg": f"{len(failing)} failing, suppressed: see the report"}
        return {"changed": False, "msg": "no failing check"}


def sentence(failing: Sequence[Mapping[str, Any]], page: str = "") -> str:
    """What fails, in one line: the worst status, how much, the first root cause, and where to read on."""
    causes = dict.fromkeys(
        line["blocked_by"] or line["address"] for line in sorted(failing, key=lambda line: bool(line["blocked_by"]))
    )
    more = f" and {len(causes) - 1} more" if len(causes) > 1 else ""
    read_on = f"; see {page}" if page else ""
    status = formatting.status_word(worst(line["status"] for line in failing)).upper()
    return f"{status}: {len(failing)} failing by {next(iter(causes))}{more}{read_on}"
