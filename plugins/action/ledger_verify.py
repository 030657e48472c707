# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action ``ledger_verify``: whether the record of what was done is still the one that was written."""

from __future__ import annotations

from typing import Any

from ansible.utils.display import Display
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.plugin_utils._core.action import RunbookAction
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.ledger import location as ledger_location
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.ledger.ledger import Ledger, Verification


class ActionModule(RunbookAction):
    """Walks the ledger of the platform. Runs on the control node, writes nothing, and contacts no host."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what the walk found; fail where the ledger is broken or cannot be walked."""
        super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec({"ledger": {"type": "str"}, "head": {"type": "str"}})
        try:
            location = arguments["ledger"] or ledger_location.described(task_vars or {}, self._templar.template)
            found = Ledger(location).verify(arguments["head"])
        except RunbookError as exc:
            raise self.failure(exc) from None
        result = _result(found)
        if found.intact:
            # The default output shows no message of a task that succeeds, and this one is what the run was for.
            Display().display(found.verdict)
        else:
            result["failed"] = True
        return result


def _result(found: Verification) -> dict[str, Any]:
    return {
        "changed": False,
        "msg": found.verdict,
        "path": found.path,
        "runs": found.runs,
        "checked": found.checked,
        "pruned": found.pruned,
        "head": dict(found.head),
        "faults": [{"sequence": fault.sequence, "what": fault.what} for fault in found.faults],
    }
