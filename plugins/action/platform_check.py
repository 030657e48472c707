# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action ``platform_check``: every fault of the platform description, without touching a host."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ansible.errors import AnsibleError
from ansible.utils.display import Display
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import InvalidOptions, RunbookError
from ansible_collections.xorb.runbook.plugins.plugin_utils._core.action import RunbookAction
from ansible_collections.xorb.runbook.plugins.plugin_utils._core.messages import brief
from ansible_collections.xorb.runbook.plugins.plugin_utils._platform import settings
from ansible_collections.xorb.runbook.plugins.plugin_utils._platform.inventory import Inventory
from ansible_collections.xorb.runbook.plugins.plugin_utils._platform.model import ProbeTarget

#: Where the deadline of a host is looked up, and what it is otherwise.
DEADLINES, DEADLINE = ("inspect_deadline", "platform_deadline"), 30


class ActionModule(RunbookAction):
    """Reads the description as every host of the inventory would, and resolves all of it."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Fail with every fault found; return what is described where there is none."""
        super().run(tmp, task_vars)
        self.validate_argument_spec({})
        inventory = Inventory(task_vars or {}, self._templar)
        about_run, warning = settings.examined(inventory)
        self.warn(warning)
        targets: list[ProbeTarget] = []
        faults: dict[str, None] = {}
        try:
            for host in inventory.hosts:
                seen = inventory.platform(host).targets(observer=host)
                targets += seen
                within = deadline(inventory, host)
                faults.update(
                    dict.fromkeys(fault for target in seen for fault in unresolved(inventory, target, within))
                )
        except RunbookError as exc:
            faults[str(exc)] = None
        problems = list(dict.fromkeys([*map(str, [*about_run, *inventory.problems]), *faults]))
        if not targets and not problems:
            problems = ["platform_services: nothing is described that any host could look at"]
        if problems:
            return self.refusal(problems, "platform description")
        services = sorted({target.service for target in targets})
        hosts = sorted({target.observer for target in targets})
        checks = sum(len(target.kind.expected(target.given)) for target in targets)
        sentence = f"{checks} checks of {len(services)} services on {len(hosts)} hosts"
        Display().display(f"The description is sound: {sentence}.")
        return {"changed": False, "msg": sentence, "services": services, "hosts": hosts, "checks": checks}


def deadline(inventory: Inventory, host: str) -> float | None:
    """The seconds that a host has for all its probes; nothing where that is a fault of its own."""
    variables = inventory.variables(host)
    given = next((variables[name] for name in DEADLINES if name in variables), DEADLINE)
    try:
        return float(inventory.resolver(host)(given))
    except (AnsibleError, TypeError, ValueError):
        return None


def unresolved(inventory: Inventory, target: ProbeTarget, within: float | None) -> Iterator[str]:
    """What is wrong with a target once its templates are resolved as its observer would."""
    try:
        target.resolved(inventory.resolver(target.observer), inventory.address(target), within)
    except InvalidOptions as exc:
        yield from (f"{key}: {message}" for key, message in exc.problems)
    except Exception as exc:  # noqa: BLE001 - whatever a template raises is a fault of the description
        yield f"{target.path}: {brief(exc)}"
