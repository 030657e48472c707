# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action ``run_diff``: what changed between two runs of the ledger."""

from __future__ import annotations

from typing import Any

from ansible.utils.display import Display
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.plugin_utils._core.action import RunbookAction
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove import diff
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.ledger import location
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.ledger.history import History, PastRun
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.render import diff_text


class ActionModule(RunbookAction):
    """Reads two runs and prints what is different. Runs on the control node, writes nothing, and contacts no host."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return every change; fail only where there are no two runs to compare."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        _validation, arguments = self.validate_argument_spec(
            {
                "ledger": {"type": "str"},
                "procedure": {"type": "str"},
                "from": {"type": "str"},
                "to": {"type": "str"},
                "change": {"type": "float", "default": 10.0},
            }
        )
        resolve = self._templar.template
        try:
            history = History(arguments["ledger"] or location.described(variables, resolve))
            before, after = _runs(history, arguments, platform=str(resolve(variables.get("platform_name", ""))))
            found = diff.compare(history.checks_of(before), history.checks_of(after), change=arguments["change"])
        except RunbookError as exc:
            raise self.failure(exc) from None
        Display().display(diff_text.render(before, after, found))
        groups = {name: [made.as_dict() for made in getattr(found, name)] for name, _title in diff_text.SECTIONS}
        return {
            "changed": False,
            "msg": diff_text.summary(found),
            "from": before.as_dict(),
            "to": after.as_dict(),
            "unchanged": found.unchanged,
            # The name of a result that says whether the task changed anything is taken.
            "moved": groups.pop("changed"),
            **groups,
        }


def _runs(history: History, arguments: dict[str, Any], *, platform: str) -> tuple[PastRun, PastRun]:
    """The older and the newer run: those that are named, else the newest and the last good one before it."""
    after = (
        history.run(arguments["to"])
        if arguments["to"]
        else history.newest(platform=platform, procedure=arguments["procedure"] or "")
    )
    before = history.run(arguments["from"]) if arguments["from"] else history.last_good_before(after)
    if before.sequence == after.sequence:
        raise RunbookError(f"run {after.sequence} cannot be compared with itself; name another one with 'from'")
    return before, after
