# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action ``certificate_revocation``: what a revocation does on the control node, once for all hosts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.utils.display import Display
from ansible_collections.xorb.runbook.plugins.action.certificate_revoke import PROCEDURE
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._core.names import DONE
from ansible_collections.xorb.runbook.plugins.module_utils._core.time import timestamp
from ansible_collections.xorb.runbook.plugins.plugin_utils._act.certificates.revocation import (
    ENDED,
    OPTIONS,
    Decision,
    InService,
    Shelf,
    decide,
    of_host,
    opened,
    revoke,
    validated,
)
from ansible_collections.xorb.runbook.plugins.plugin_utils._core import paths
from ansible_collections.xorb.runbook.plugins.plugin_utils._core.action import RunbookAction
from ansible_collections.xorb.runbook.plugins.plugin_utils._core.operator import operator
from ansible_collections.xorb.runbook.plugins.plugin_utils._pki.authority import Authority
from ansible_collections.xorb.runbook.plugins.plugin_utils._pki.state import STANDBY
from ansible_collections.xorb.runbook.plugins.plugin_utils._platform.inventory import Inventory
from ansible_collections.xorb.runbook.plugins.plugin_utils._platform.settings import ACTED
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.actions import Action
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.render.formatting import clean

STEPS = ("preflight", "revoke")


class ActionModule(RunbookAction):
    """Decides what is revoked, of what all hosts told. Runs once and contacts none of them."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what is to be revoked, or was."""
        super().run(tmp, task_vars)
        self._variables = task_vars or {}
        _validation, self._arguments = self.validate_argument_spec(
            {
                "step": {"type": "str", "required": True, "choices": list(STEPS)},
                **OPTIONS,
                "reason": {"type": "str", "default": "key_compromise"},
            }
        )
        step = self._arguments["step"]
        try:
            self._inventory = Inventory(self._variables, self._templar)
            here = self._variables["inventory_hostname"]
            if step == "revoke" and here != self._speaker():
                return _nothing()
            platform = self._inventory.platform(here)
            scope, services, reason = (self._arguments[name] for name in ("scope", "services", "reason"))
            validated(scope, services, reason=reason, known=platform.services)
            self._shelf = Shelf(paths.of(platform.name, self._arguments["state_dir"]).state)
            self._memory = self._shelf.read(self._arguments["incident"], scope)
            authority = opened(self._arguments["ca_dir"], self._arguments["ca_passphrase"])
            if authority.phase != STANDBY:
                raise RunbookError(
                    f"the CA in {self._arguments['ca_dir']} is being replaced, and two of them are trusted; end that"
                    " first, or take it back, by certificate_authority_rotate. Nothing was revoked"
                )
            return self._preflight(authority) if step == "preflight" else self._revoke(authority)
        except RunbookError as exc:
            raise self.failure(exc) from None

    def _speaker(self) -> str:
        """The one host for which it is done: what C(run_once) registers counts for every host, and is told by each."""
        return next(host for host in self._inventory.hosts if host in self._variables["ansible_play_hosts"])

    def _heard(self) -> tuple[list[InService], dict[str, str]]:
        """What is in service by the newest word of each host, and the hosts that gave none, with the reasons.

        Of a host whose newest word says nothing, the word before stands, for what it had in service may be so still.
        """
        sets: list[InService] = []
        silent: dict[str, str] = {}
        for host in self._inventory.hosts:
            variables = self._inventory.variables(host)
            told = [variables.get(f"{ACTED}{PROCEDURE}{suffix}") for suffix in ("", "_plan")]
            words = [word for word in told if isinstance(word, Mapping)]
            if not words or not _tells(words[0]):
                why = words[0].get("msg") if words else ""
                silent[host] = " ".join(str(why or "left out of this run").split())[:200]
            said = next(filter(_tells, words), None)
            if said is not None:
                sets += of_host(host, said)
        return sets, silent

    def _preflight(self, authority: Authority) -> dict[str, Any]:
        """Refuse what could not be ended, and show what is going to be done."""
        sets, silent = self._heard()
        memory = self._memory
        memory.take_up(sets)
        if not memory.old:
            told = "; ".join(f"{host} does not answer: {why}" for host, why in silent.items())
            raise RunbookError(f"there is no certificate to be revoked{f' ({told})' if told else ''}")
        register = authority.register()
        known = {int(row.serial, 16) for row in register}
        foreign = [
            f"{name} ({serial})"
            for name, serial in memory.old.items()
            if int(serial, 16) not in known and serial not in memory.revoked
        ]
        if foreign:
            raise RunbookError(
                f"{', '.join(foreign)}: not issued by the CA in {self._arguments['ca_dir']}, which can revoke only what"
                " it issued; rotate these first. Nothing was changed"
            )
        decision = decide(memory, sets, register, silent, planned=True)
        self._show(decision, sets, silent)
        if not self._task.check_mode:
            self._shelf.write(memory)
        changed = bool(self._task.check_mode and (memory.waiting(sets) or decision.serials))
        return {**_nothing(), "changed": changed, "planned": decision.serials, "kept": decision.kept}

    def _show(self, decision: Decision, sets: list[InService], silent: Mapping[str, str]) -> None:
        """Print the plan as text."""
        memory = self._memory
        lines = [f"incident {memory.incident}, scope {memory.scope}, begun {memory.began_at}"]
        waiting = {one.name for one in memory.waiting(sets)}
        for name, serial in memory.old.items():
            how = "is replaced by a new certificate, and then" if name in waiting else "was replaced, and"
            if name in decision.kept:
                lines.append(f"{name}: certificate {serial} is NOT revoked: its host does not answer")
            else:
                lines.append(f"{name}: certificate {serial} {how} revoked")
        lines += [
            f"certificate {serial} is revoked, which nobody described has in service" for serial in decision.others
        ]
        lines += [f"{one.name}: gets the revocation lists" for one in sets if one.reads_lists]
        lines += [f"{one.name}: {ENDED[one.sessions]} are ended" for one in sets if one.sessions]
        lines += [f"{host} does not answer, so nothing is done there: {why}" for host, why in silent.items()]
        lines += [decision.held_back] if decision.held_back else []
        Display().display("\n".join(map(clean, lines)))

    def _revoke(self, authority: Authority) -> dict[str, Any]:
        """Revoke what nobody has in service any more, and make the lists."""
        if self._task.check_mode:
            return _nothing()
        sets, silent = self._heard()
        decision = decide(self._memory, sets, authority.register(), silent)
        fresh = revoke(self._shelf, self._memory, authority, decision, reason=self._arguments["reason"])
        names = {serial: name for name, serial in self._memory.old.items()}
        result = {
            "changed": bool(fresh),
            "revoked": fresh,
            "planned": decision.serials,
            "kept": decision.kept,
            "actions": [self._action(serial, names.get(serial, "")).as_dict() for serial in fresh],
        }
        faults = [
            f"{name} {'may still have' if name.split()[0] in silent else 'still has'} {serial}, which is not revoked"
            for name, serial in decision.kept.items()
        ]
        faults += [decision.held_back] if decision.held_back else []
        if faults:
            return {**result, "failed": True, "msg": "; ".join(faults)}
        return result

    def _action(self, serial: str, name: str) -> Action:
        host, _space, subject = name.partition(" ")
        return Action(
            at=timestamp(),
            host=host or self._variables["inventory_hostname"],
            procedure=PROCEDURE,
            subject=subject or "the CA",
            what=f"certificate {serial} is revoked",
            why=f"{self._arguments['reason']}, scope {self._arguments['scope']}",
            who=operator(self._variables),
            outcome=DONE,
            incident=self._arguments["incident"],
        )


def _nothing() -> dict[str, Any]:
    return {"changed": False, "revoked": [], "planned": [], "kept": {}, "actions": []}


def _tells(word: Mapping[str, Any]) -> bool:
    """Whether a result says what is in service; one that failed may do that as well."""
    return isinstance(word.get("sets"), list) and not word.get("unreachable")
