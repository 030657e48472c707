# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action ``certificate_revoke``: what a revocation does on one host, step by step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.utils.display import Display
from ansible_collections.xorb.runbook.plugins.action.certificate_rotate import OURS, unfinished_told
from ansible_collections.xorb.runbook.plugins.action.certificate_rotate import ActionModule as Rotation
from ansible_collections.xorb.runbook.plugins.module_utils._act.journal import STATE
from ansible_collections.xorb.runbook.plugins.module_utils._certificates.spec import common_name
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.plugin_utils._act.certificates.revocation import (
    OPTIONS,
    Memory,
    Shelf,
    of_host,
    opened,
    validated,
)
from ansible_collections.xorb.runbook.plugins.plugin_utils._core import paths
from ansible_collections.xorb.runbook.plugins.plugin_utils._core.action import RunbookAction
from ansible_collections.xorb.runbook.plugins.plugin_utils._pki.authority import Authority
from ansible_collections.xorb.runbook.plugins.plugin_utils._platform.inventory import Inventory
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.actions import Action, failed_before
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.render.wording import clean

PROCEDURE = "certificate_revoke"

STEPS = ("plan", "replace", "distribute", "sessions", "prove")


class ActionModule(Rotation):
    """Replaces as a rotation does; what may be revoked is decided elsewhere, of all hosts at once."""

    procedure = PROCEDURE

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what the step found or did."""
        RunbookAction.run(self, tmp, task_vars)
        self._variables = task_vars or {}
        _validation, self._arguments = self.validate_argument_spec(
            {
                "step": {"type": "str", "required": True, "choices": list(STEPS)},
                **OPTIONS,
                "host_state_dir": {"type": "path", "default": STATE},
            }
        )
        self._host = self._variables["inventory_hostname"]
        step = self._arguments["step"]
        if step != "plan" and self._task.check_mode:
            return {"changed": False, "skipped": True, "msg": "check mode ends with the plan"}
        try:
            known = Inventory(self._variables, self._templar).platform(self._host).services
            validated(self._arguments["scope"], self._arguments["services"], known=known)
            result: dict[str, Any] = getattr(self, f"_{step}")()
        except RunbookError as exc:
            raise self.failure(exc) from None
        return {"changed": False, "acts": False, "sets": [], "actions": [], "checks": [], **result}

    # --- what every step needs

    def _all_sets(self) -> list[dict[str, Any]]:
        """Every set of this host, whether or not it is revoked: what is in service must be known of all."""
        wanted = self._arguments["services"]
        self._arguments["services"] = []
        try:
            return self._sets()
        finally:
            self._arguments["services"] = wanted

    def _targeted(self, given: Mapping[str, Any]) -> bool:
        return self._arguments["scope"] == "all" or given["service"] in self._arguments["services"]

    def _memory(self) -> Memory:
        platform = Inventory(self._variables, self._templar).platform(self._host)
        shelf = Shelf(paths.of(platform.name, self._arguments["state_dir"]).state)
        return shelf.read(self._arguments["incident"], self._arguments["scope"])

    def _authority(self) -> Authority:
        return opened(self._arguments["ca_dir"], self._arguments["ca_passphrase"])

    def _in_service(self, sets: list[dict[str, Any]]) -> dict[str, Any]:
        """What the host has in service now, as the decisions of all hosts need it."""
        if not sets:
            return {"sets": []}
        answer = self._module("certificate_request", sets, force=True, only_decide=True)
        if answer.get("failed") or "certificates" not in answer:
            raise RunbookError(str(answer.get("msg", "the host gave no result")))
        found = {(one["service"], one["point"]): one for one in answer["certificates"]}
        told = [
            {
                "service": given["service"],
                "point": given["point"],
                "serial": found[given["service"], given["point"]]["serial"],
                "common_name": common_name(given),
                "targeted": self._targeted(given),
                "reads_lists": bool(given.get("crl")),
                "sessions": str((given.get("sessions") or {}).get("kind", "")),
            }
            for given in sets
        ]
        return {"sets": told, "unfinished": answer["unfinished"], "pending": answer["pending"]}

    # --- the steps

    def _plan(self) -> dict[str, Any]:  # type: ignore[override]
        """What this host has in service, and what of it is to be replaced."""
        found = self._in_service(self._all_sets())
        unfinished, pending = found.pop("unfinished", []), found.pop("pending", [])
        for line in unfinished_told({"unfinished": unfinished, "pending": pending}):
            Display().display(clean(f"{self._host}: {line}"))
        memory, sets = self._memory(), of_host(self._host, found)
        memory.take_up(sets)
        acts = bool(unfinished or memory.waiting(sets))
        return {**found, "acts": acts, "changed": bool(acts and self._task.check_mode)}

    def _replace(self) -> dict[str, Any]:
        """Replace what waits for it, each service by itself: where one refuses, the keys of others are known as well.

        What is in service afterwards is told in any case; where it cannot be, nothing of it is revoked.
        """
        memory, sets = self._memory(), self._all_sets()
        actions: list[dict[str, Any]] = []
        faults: list[str] = []
        changed = acts = False
        found = self._in_service(sets)
        if found.get("unfinished"):
            # What was cut off may have swapped a certificate that its service was never told of.
            answer = self._module("certificate_request", sets)
            faults += [str(answer.get("msg", "the host gave no result"))] if "recovered" not in answer else []
            actions += [self._recovered(text).as_dict() for text in answer.get("recovered", ())]
            changed = acts = bool(answer.get("changed"))
            found = self._in_service(sets)
        waits = {(one.service, one.point) for one in memory.waiting(of_host(self._host, found))}
        self._arguments["force"] = True
        for service in sorted({service for service, _point in waits}):
            mine = [one for one in sets if one["service"] == service and (service, one["point"]) in waits]
            done = self._act(mine, self._authority())
            actions += done["actions"]
            changed = changed or bool(done.get("changed"))
            faults += [str(done["msg"])] if done.get("failed") else []
            acts = True
        told: list[dict[str, Any]] | None = None
        try:
            found = self._in_service(sets) if acts else found
            # Who was never told of a swap may serve what is no longer on the disk.
            left = [entry for entry in found.get("unfinished", ()) if entry.startswith(OURS)]
            faults += [f"left half done by a run that was killed, and not ended: {entry}" for entry in left]
            told = None if left else found["sets"]
        except RunbookError as exc:
            faults.append(str(exc))
        result = {"changed": changed, "acts": acts, "actions": actions, "sets": told}
        return {**result, **({"failed": True, "msg": " | ".join(faults)} if faults else {})}

    def _deed(self, one: Mapping[str, Any], reasons: list[str]) -> Action:  # noqa: ARG002 - none of them is why
        """What became of a replacement, which is made for another reason than that it was due."""
        return super()._deed(one, [f"the one before is to be revoked, scope {self._arguments['scope']}"])

    def _distribute(self) -> dict[str, Any]:
        """Put the lists into service wherever somebody reads them."""
        before = failed_before(f"{PROCEDURE}_distribute", self._variables)
        if before:
            return {"skipped": True, "msg": f"not done, since it failed on {before}"}
        readers = [given for given in self._all_sets() if given.get("crl")]
        if not readers:
            return {}
        lists = self._authority().crls()
        why = f"revocation, scope {self._arguments['scope']}"
        whys = {(given["service"], given["point"]): why for given in readers}
        return self.put_lists([{**given, "revocations": lists} for given in readers], whys)

    def _sessions(self) -> dict[str, Any]:
        """End the sessions of what was revoked, before any is presented: a port that ends one looks like a refusal."""
        memory, sets = self._memory(), [given for given in self._all_sets() if given.get("sessions")]
        if not sets or not memory.revoked:
            return {}
        return self.refused("certificate_sessions_end", sets, "sessions", revoked=memory.revoked)

    def _prove(self) -> dict[str, Any]:
        """Present what was revoked to every endpoint that has to refuse it."""
        memory, outgoing = self._memory(), []
        for given in self._all_sets():
            serial = memory.old.get(f"{self._host} {given['service']} {given['point']}")
            if serial in memory.revoked:
                outgoing.append({**given, "old": [serial]})
        if not outgoing:
            return {}
        lists = self._authority().crls()
        return self.refused("certificate_revocation_verify", outgoing, "nothing is proved", revocations=lists)
