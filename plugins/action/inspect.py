# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action ``inspect``: everything that a host has to look at, in one round trip."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import Check
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._core.text import lines
from ansible_collections.xorb.runbook.plugins.module_utils._core.time import timestamp
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.runner import Probe
from ansible_collections.xorb.runbook.plugins.plugin_utils._core.action import RunbookAction
from ansible_collections.xorb.runbook.plugins.plugin_utils._core.messages import brief, undefined
from ansible_collections.xorb.runbook.plugins.plugin_utils._platform.inventory import Inventory
from ansible_collections.xorb.runbook.plugins.plugin_utils._platform.selectors import SELECTORS, selected


class ActionModule(RunbookAction):
    """Selects what this host looks at, resolves just that, and calls ``probe`` once."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the checks of this host; whatever is wrong with one target never costs another."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        _validation, arguments = self.validate_argument_spec({"deadline": {"type": "int", "default": 30}, **SELECTORS})
        host = variables["inventory_hostname"]
        started_at = timestamp()
        inventory = Inventory(variables, self._templar)
        try:
            platform = inventory.platform(host)
        except RunbookError as exc:
            raise self.failure(exc) from None

        probes: list[Probe] = []
        checks: list[Check] = []
        resolve = inventory.resolver(host)
        for target in platform.targets(observer=host, **selected(arguments)):
            try:
                probes += target.resolved(resolve, inventory.address(target), arguments["deadline"])
            except Exception as exc:  # noqa: BLE001 - an undefined variable or a wrong value makes this target unknown, and no other
                checks += target.placeholders(f"cannot be looked at: {brief(exc)}", undefined(exc))
        result: dict[str, Any] = {"changed": False, "started_at": started_at, "selectors": selected(arguments)}
        if probes:
            try:
                answer = self._probe(probes, arguments["deadline"], variables)
            except AnsibleConnectionFailure as exc:
                # Returned, and not raised: no task is wrong, so Ansible is not to show where in which file one stands.
                return {"changed": False, "unreachable": True, "msg": str(exc), "started_at": started_at}
            if answer.get("failed") or "checks" not in answer:
                return {**result, "failed": True, "msg": _why(answer)}
            checks += [Check.from_dict(check) for check in answer["checks"]]
            result["warnings"] = answer.get("warnings", [])
        result["checks"] = [replace(check, host=host).as_dict() for check in checks]
        return result

    def _probe(self, probes: list[Probe], deadline: int, variables: dict[str, Any]) -> dict[str, Any]:
        """The one round trip."""
        arguments: dict[str, Any] = defaultdict(list)
        for probe in probes:
            unsent = probe.kind.acting
            given = {key: value for key, value in probe.options.items() if value is not None and key not in unsent}
            arguments[probe.kind.name].append(given)
        answer: dict[str, Any] = self._execute_module(
            module_name="xorb.runbook.probe", module_args={"deadline": deadline, **arguments}, task_vars=variables
        )
        return answer


def _why(answer: dict[str, Any]) -> str:
    """Why there is no result: the host's own message, where Ansible only found that it was no result."""
    message = str(answer.get("msg") or "the probe module gave no result")
    words = str(answer.get("module_stderr") or "").strip() or str(answer.get("module_stdout") or "").strip()
    # The end of it: a shell says there what it could not run, and Python what it could not do.
    return f"{lines(words)[-1].strip()} ({message})" if words else message
