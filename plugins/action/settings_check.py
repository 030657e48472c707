# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action ``settings_check``: the variables of a run, before any host is contacted or anything is changed."""

from __future__ import annotations

from typing import Any

from ansible_collections.xorb.runbook.plugins.plugin_utils._core.action import RunbookAction
from ansible_collections.xorb.runbook.plugins.plugin_utils._platform import settings
from ansible_collections.xorb.runbook.plugins.plugin_utils._platform.inventory import Inventory


class ActionModule(RunbookAction):
    """Compares names and values of variables with those that roles and playbooks read. Runs once, contacts no host."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Fail with every fault found."""
        super().run(tmp, task_vars)
        self.validate_argument_spec({})
        inventory = Inventory(task_vars or {}, self._templar)
        problems, warning = settings.examined(inventory)
        self.warn(warning)
        if problems:
            return self.refusal(list(map(str, problems)), "variables of this run")
        return {"changed": False, "msg": "no variable is misspelled or has a value that it cannot have"}
