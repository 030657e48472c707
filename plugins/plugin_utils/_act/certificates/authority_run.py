# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What every step of the replacement of the CA begins with: the CA, the incident, and which way it goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._certificates import spec
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._core.names import DONE

from ..._core.messages import brief
from ..._pki.authority import Authority
from ..._prove.actions import Action
from ..procedure import Context
from . import authority_rotation, host_sets, revocation
from .authority_rotation import SERIAL, Consumer, RotationPlan
from .host_sets import Set
from .revocation import LEVELS_OF_SCOPE, Incident, refuse_reason

#: The variable that a message names.
REASON = "certificate_authority_rotate_reason"

#: The keys of a probe target under which a file of authorities is named.
TRUST_KEYS = ("ca", "trust")


@dataclass
class Rotation:
    """One step of a rotation on one host. Which CA remains and which is outgoing is the same for all hosts."""

    context: Context
    authority: Authority
    #: Only where the CA is replaced because its key may be known.
    incident: Incident | None
    serial: str
    levels: Sequence[str]
    reason: str

    @classmethod
    def begin(cls, context: Context) -> Rotation:
        """Open the CA, finish what a killed run began with it, and take up the incident. Raises `RunbookError`."""
        given = context.options
        if not given["ca_dir"]:
            raise RunbookError("ca_dir: missing; set the folder of the CA on the control node")
        refuse_reason(given["reason"], REASON)
        authority = Authority.open(
            given["ca_dir"], passphrase=given["ca_passphrase"], root_passphrase=given["ca_root_passphrase"]
        )
        if not context.check_mode:
            authority.recover()
        begun = cls(context, authority, None, given["serial"], given["levels"], given["reason"])
        if given["scope"]:
            begun._take_up(given["incident"], given["scope"])
        return begun

    def _take_up(self, name: str, scope: str) -> None:
        """The incident says what is replaced: else the next run of it would replace the CA that it has made."""
        if self.serial:
            raise RunbookError(f"{SERIAL}: the incident knows which CA is replaced; leave it out")
        incident = revocation.opened(revocation.incidents(self.context.state), name, scope)
        self.serial = incident.take_up_authority(self.authority, self.reason)
        self.incident, self.levels, self.reason = incident, LEVELS_OF_SCOPE[scope], incident.reason

    def remember(self) -> None:
        """Write the incident down, where there is one."""
        if self.incident:
            revocation.incidents(self.context.state).write(self.incident.incident, self.incident)

    @cached_property
    def plan(self) -> RotationPlan:
        """Which CA remains and which is outgoing, by the phase of the CA as it is now."""
        back = self.context.options["rollback"]
        return authority_rotation.rotation_plan(self.authority, back=back, serial=self.serial, levels=self.levels)

    def planned_anew(self) -> RotationPlan:
        """The same after the phase of the CA has changed."""
        del self.plan
        return self.plan

    def stage(self, step: str = "preflight") -> str:
        """What is to be done, as the leader registered it."""
        return next((result["stage"] for _host, result in self.context.results(step) if result.get("stage")), "")

    def change(self, subject: str, what: str, outcome: str = DONE) -> Action:
        """What was done, for the reason for which the CA is replaced."""
        return self.context.action(subject, what, why=self.plan.why, outcome=outcome)

    # --- the consumers

    @cached_property
    def sets(self) -> list[Set]:
        """The sets of this host: none is left out. Raises `RunbookError`."""
        return host_sets.described(self.context)

    @cached_property
    def files(self) -> list[dict[str, str]]:
        """The files of authorities that this host reads and that belong to no set, each once. Raises `RunbookError`."""
        resolve = self.context.inventory.resolver(self.context.host)
        named: dict[str, dict[str, str]] = {}
        for target in self.context.platform.targets(observer=self.context.host):
            for key in TRUST_KEYS:
                if target.given.get(key):
                    try:
                        path = str(resolve(target.given[key]))
                    except Exception as exc:
                        raise RunbookError(f"{target.path}.{key}: {brief(exc)}") from exc
                    named.setdefault(path, {"service": target.service, "point": target.point, "path": path})
        for one in self.sets:
            for where in (one.get("reload") or {}, *(one.get("accepted_by") or ())):
                if where.get("ca"):
                    file = {"service": one["service"], "point": one["point"], "path": str(where["ca"])}
                    named.setdefault(file["path"], file)
        own = {str(path) for one in self.sets for path in spec.paths(one).values()}
        return [one for path, one in named.items() if path not in own]

    def known(self, step: str) -> dict[tuple[str, ...], Consumer]:
        """The consumers of this host that have to do with either CA, as an earlier step found them."""
        found = authority_rotation.consumers(self.context.host, self.context.result(step).get("consumers") or {})
        return {one.key: one for one in found if authority_rotation.concerned(self.plan, one)}

    def all_consumers(self, step: str) -> tuple[list[Consumer], dict[str, str]]:
        """The consumers of all hosts, and the hosts with consumers that registered none, with the reasons."""
        found: list[Consumer] = []
        silent: dict[str, str] = {}
        for host, result in self.context.results(step):
            planned = self.context.result("plan", host)
            if result.get("consumers") and not result.get("failed"):
                found += authority_rotation.consumers(host, result["consumers"])
            elif step != "plan" and planned.get("consumers") and not planned.get("acts"):
                # It has nothing to do with either CA, and took no part in this step.
                continue
            elif any(_trusts_a_ca(target) for target in self.context.platform.targets(observer=host)):
                silent[host] = " ".join(str(result.get("msg") or "left out of this run").split())[:200]
        return found, silent

    def info(self, sets: Sequence[Set], files: Sequence[Mapping[str, Any]], **more: Any) -> Mapping[str, Any]:
        """What the host has in sets and files, and what became of what was shown to them. Raises `RunbookError`."""
        if not sets and not files:
            return {"certificates": [], "files": [], "checks": [], "unfinished": []}
        given = {"certificates": sets, "files": files, "authorities": self.plan.bundle}
        answer = self.context.ask("certificate_trust_info", "certificates", **given, **more)
        if answer.fault:
            raise RunbookError(answer.fault)
        return {name: answer.values[name] for name in ("certificates", "files", "checks", "unfinished")}


def _trusts_a_ca(target: Any) -> bool:
    """Whether a probe target is a set of certificates, or reads a file of authorities."""
    return target.kind.name == "certificate" or any(target.given.get(key) for key in TRUST_KEYS)
