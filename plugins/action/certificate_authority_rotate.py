# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action ``certificate_authority_rotate``: what the replacement of the CA does on a host and on the control node.

Steps that concern all hosts at once are taken by one of them, the leader, and are nothing on the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible.utils.display import Display
from ansible_collections.xorb.runbook.plugins.action.certificate_rotate import ActionModule as Rotation
from ansible_collections.xorb.runbook.plugins.module_utils._act.journal import STATE
from ansible_collections.xorb.runbook.plugins.module_utils._certificates import spec
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import OK
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._core.names import DONE
from ansible_collections.xorb.runbook.plugins.plugin_utils._act.certificates import authority_rotation as rotation
from ansible_collections.xorb.runbook.plugins.plugin_utils._act.certificates.authority_rotation import (
    IDLE,
    PROOF_NAME,
    SPREAD,
    WITHDRAW,
    Consumer,
    Course,
    Proofs,
)
from ansible_collections.xorb.runbook.plugins.plugin_utils._act.certificates.revocation import (
    ENDED,
    LEVELS_OF_SCOPE,
    Memory,
    Shelf,
    refuse_reason,
)
from ansible_collections.xorb.runbook.plugins.plugin_utils._core import paths as controller_paths
from ansible_collections.xorb.runbook.plugins.plugin_utils._core.action import RunbookAction
from ansible_collections.xorb.runbook.plugins.plugin_utils._core.messages import brief
from ansible_collections.xorb.runbook.plugins.plugin_utils._core.operator import who
from ansible_collections.xorb.runbook.plugins.plugin_utils._pki.authority import Authority
from ansible_collections.xorb.runbook.plugins.plugin_utils._pki.issuance import UNITS
from ansible_collections.xorb.runbook.plugins.plugin_utils._platform.inventory import Inventory
from ansible_collections.xorb.runbook.plugins.plugin_utils._platform.settings import ACTED
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.actions import Action, failed_before
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.render.wording import clean

PROCEDURE = "certificate_authority_rotate"

#: The variable that a message names.
REASON = "certificate_authority_rotate_reason"

#: In the order in which the playbook takes them.
STEPS = (
    *("plan", "preflight", "trust", "prove", "switch", "reissue"),
    *("look", "gate", "withdraw", "refuse", "sessions", "close"),
)

#: The steps that one host takes for all.
LEADING = frozenset({"preflight", "switch", "gate", "close"})

#: The keys of a look under which a file of authorities is named.
TRUST_KEYS = ("ca", "trust")

NOTHING: Mapping[str, Any] = {
    "changed": False,
    "acts": False,
    "stage": "",
    "consumers": {},
    "sessions": [],
    "checks": [],
    "actions": [],
}


class ActionModule(Rotation):
    """Issues as a rotation does; which CA stays and which goes is the same for all hosts."""

    procedure = PROCEDURE

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what the step found or did."""
        RunbookAction.run(self, tmp, task_vars)
        self._variables = task_vars or {}
        _validation, self._arguments = self.validate_argument_spec(
            {
                "step": {"type": "str", "required": True, "choices": list(STEPS)},
                "serial": {"type": "str", "default": ""},
                "levels": {"type": "list", "elements": "str", "default": ["root", "intermediate"]},
                "scope": {"type": "str", "default": "", "choices": ["", *LEVELS_OF_SCOPE]},
                "reason": {"type": "str", "default": "superseded"},
                "rollback": {"type": "bool", "default": False},
                "abandon_outstanding": {"type": "bool", "default": False},
                "incident": {"type": "str", "default": ""},
                "ca_dir": {"type": "path", "required": True},
                "ca_passphrase": {"type": "str", "no_log": True, "required": True},
                "ca_root_passphrase": {"type": "str", "no_log": True},
                "state_dir": {"type": "path"},
                "host_state_dir": {"type": "path", "default": STATE},
            }
        )
        self._host = self._variables["inventory_hostname"]
        # Nobody is left out, and whose certificate is exchanged does not follow from its dates.
        self._arguments.update(services=[], force=True)
        step = self._arguments["step"]
        if self._task.check_mode and step not in ("plan", "preflight"):
            return {**NOTHING, "skipped": True, "msg": "check mode ends with the plan"}
        if step in LEADING and self._host != self._variables["ansible_play_hosts"][0]:
            return dict(NOTHING)
        try:
            self._inventory = Inventory(self._variables, self._templar)
            if step not in ("plan", "preflight"):
                before = failed_before(f"{PROCEDURE}_{step}", self._variables)
                if before:
                    return {**NOTHING, "skipped": True, "msg": f"not done, since it failed on {before}"}
                if self._stopped():
                    # The step that failed is what fails the run.
                    return dict(NOTHING)
            refuse_reason(self._arguments["reason"], REASON)
            self._authority = self._opened()
            self._incident = self._taken_up() if self._arguments["scope"] else None
            self._course = self._newest_course()
            return {**NOTHING, **getattr(self, f"_step_{step}")()}
        except RunbookError as exc:
            raise self.failure(exc) from None

    # --- what every step needs

    def _opened(self) -> Authority:
        given = self._arguments
        authority = Authority.open(
            given["ca_dir"], passphrase=given["ca_passphrase"], root_passphrase=given["ca_root_passphrase"] or ""
        )
        if not self._task.check_mode:
            authority.recover()
        return authority

    def _shelf(self) -> Shelf:
        platform = self._inventory.platform(self._host)
        return Shelf(controller_paths.of(platform.name, self._arguments["state_dir"]).state)

    def _taken_up(self) -> Memory:
        """The incident, which says what is replaced: else the next run of it would replace the CA that it has made."""
        given = self._arguments
        if given["serial"]:
            raise RunbookError(f"{rotation.SERIAL}: the incident knows which CA is replaced; leave it out")
        memory = self._shelf().read(given["incident"], given["scope"])
        given["serial"] = memory.take_up_authority(self._authority, given["reason"])
        given.update(levels=LEVELS_OF_SCOPE[given["scope"]], reason=memory.reason)
        return memory

    def _newest_course(self) -> Course:
        given = self._arguments
        return rotation.course(self._authority, back=given["rollback"], serial=given["serial"], levels=given["levels"])

    def _said(self, step: str, host: str) -> Mapping[str, Any]:
        said = self._inventory.variables(host).get(f"{ACTED}{PROCEDURE}_{step}")
        return said if isinstance(said, Mapping) else {}

    def _stage(self, step: str = "preflight") -> str:
        """What the leader has said is to be done."""
        return next(
            (said["stage"] for host in self._inventory.hosts if (said := self._said(step, host)).get("stage")), ""
        )

    def _stopped(self) -> bool:
        """Whether an earlier step of this run failed somewhere."""
        earlier = STEPS[: STEPS.index(self._arguments["step"])]
        return any(
            said.get("failed") or said.get("unreachable") or said.get("skipped")
            for host in self._inventory.hosts
            for step in earlier
            if (said := self._said(step, host))
        )

    def _heard(self, step: str) -> tuple[list[Consumer], dict[str, str]]:
        """The consumers of all hosts, and the hosts with some that did not tell of them, with the reasons."""
        found: list[Consumer] = []
        silent = {}
        platform = self._inventory.platform(self._host)
        for host in self._inventory.hosts:
            said = self._said(step, host)
            planned = self._said("plan", host)
            if said.get("consumers") and not said.get("failed"):
                found += rotation.consumers(host, said["consumers"])
            elif step != "plan" and planned.get("consumers") and not planned.get("acts"):
                # It told that it has nothing to do with either CA, and nobody asked it again.
                continue
            elif any(_trusts_somebody(look) for look in platform.looks(observer=host)):
                silent[host] = " ".join(str(said.get("msg") or "left out of this run").split())[:200]
        return found, silent

    def _files(self, sets: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
        """The files of authorities that this host reads and that belong to no set, each once."""
        resolve = self._inventory.resolver(self._host)
        named: dict[str, dict[str, str]] = {}
        for look in self._inventory.platform(self._host).looks(observer=self._host):
            for key in TRUST_KEYS:
                if look.given.get(key):
                    try:
                        path = str(resolve(look.given[key]))
                    except Exception as exc:
                        raise RunbookError(f"{look.path}.{key}: {brief(exc)}") from exc
                    named.setdefault(path, {"service": look.service, "point": look.point, "path": path})
        for given in sets:
            for where in (given.get("reload") or {}, *(given.get("accepted_by") or ())):
                if where.get("ca"):
                    one = {"service": given["service"], "point": given["point"], "path": str(where["ca"])}
                    named.setdefault(one["path"], one)
        own = {str(path) for given in sets for path in spec.paths(given).values()}
        return [one for path, one in named.items() if path not in own]

    def _consumers(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """The sets and the files of this host. Raises `RunbookError`."""
        sets = self._sets()
        return sets, self._files(sets)

    def _known(self, step: str) -> dict[tuple[str, ...], Consumer]:
        """What this host told in an earlier step, by set and file."""
        told = self._said(step, self._host).get("consumers") or {}
        return {one.key: one for one in rotation.consumers(self._host, told) if rotation.concerned(self._course, one)}

    def _info(self, sets: list[dict[str, Any]], files: list[Any], **more: Any) -> Mapping[str, Any]:
        """What the host says of its sets and files, and of what was shown to them. Raises `RunbookError`."""
        if not sets and not files:
            return {"certificates": [], "files": [], "checks": [], "unfinished": []}
        authorities = self._course.bundle
        answer = self._module("certificate_trust_info", sets, files=files, authorities=authorities, **more)
        if answer.get("failed") or "certificates" not in answer:
            raise RunbookError(str(answer.get("msg", "the module gave no result")))
        return {name: answer[name] for name in ("certificates", "files", "checks", "unfinished")}

    def _deed_of(self, subject: str, what: str, outcome: str = DONE) -> Action:
        return self._action(subject=subject, what=what, why=self._course.why, outcome=outcome)

    # --- what is to be done

    def _step_plan(self) -> dict[str, Any]:
        """Whom this host trusts, and which certificates it has."""
        answer = self._info(*self._consumers())
        found = rotation.consumers(self._host, answer)
        acts = any(rotation.concerned(self._course, one) for one in found)
        kept = [f"{one['service']} {one['point']}: {ENDED[one['sessions']['kind']]}" for one in self._with_sessions()]
        return {"consumers": answer, "acts": acts, "sessions": kept}

    def _step_preflight(self) -> dict[str, Any]:
        """Refuse what could not be ended, show what is going to be done, and make the next CA where one begins."""
        found, silent = self._heard("plan")
        unfinished = {
            host: entries
            for host in self._inventory.hosts
            if (entries := self._said("plan", host).get("consumers", {}).get("unfinished"))
        }
        now = rotation.stage(self._course, found, unfinished=bool(unfinished))
        if now != IDLE and silent:
            told = "; ".join(f"{host} does not answer: {why}" for host, why in silent.items())
            raise RunbookError(f"{told}: everybody has to be asked before the CA is replaced. Nothing was changed")
        if now != IDLE:
            rotation.refuse_unready(found)
        memory = self._incident
        lines = [f"incident {memory.incident}, scope {memory.scope}, begun {memory.began_at}"] if memory else []
        lines += rotation.preview(self._course, found, now)
        lines += [
            f"{host}: left half done by a run that was killed, and ended first: {entry}"
            for host, entries in unfinished.items()
            for entry in entries
        ]
        if now != IDLE:
            kept = {host: self._said("plan", host).get("sessions", ()) for host in self._inventory.hosts}
            lines += [f"{host} {one} are ended" for host, ended in kept.items() for one in ended]
        Display().display("\n".join(map(clean, lines)))
        if now != rotation.BEGIN or self._task.check_mode:
            return {"stage": now, "acts": now != IDLE, "changed": bool(self._task.check_mode and now != IDLE)}
        if memory:
            self._shelf().write(memory)
        self._authority.prepare_next(levels=self._course.levels)
        self._course = self._newest_course()
        made = self._deed_of("the CA", f"{self._course.stays.name} is made beside {self._course.goes.name}")
        return {"stage": SPREAD, "acts": True, "changed": True, "actions": [made.as_dict()]}

    # --- trust

    def _step_trust(self) -> dict[str, Any]:
        """Let everybody on this host trust both."""
        if self._stage() != SPREAD:
            return {}
        course = self._course
        told = f"trusts {course.stays.name} beside {course.goes.name}"
        return self._put(self._known("plan"), course.both, course.bundle, self._authority.crls(), told)

    def _step_withdraw(self) -> dict[str, Any]:
        """Let everybody on this host trust the one that stays, alone."""
        if self._stage("gate") != WITHDRAW:
            return {}
        stays = self._course.stays
        lists = [self._authority.crl(level=level, generation=stays.place) for level in rotation.LEVELS]
        told = f"trusts {stays.name} alone, and {self._course.goes.name} no more"
        return self._put(self._known("look"), stays.fingerprints, stays.chain, "".join(lists), told)

    def _put(
        self, known: Mapping[tuple[str, ...], Consumer], wanted: Iterable[str], trust: str, lists: str, told: str
    ) -> dict[str, Any]:
        """Put authorities and lists into service wherever they are not yet."""
        lacking = rotation.lacking(known.values(), self._course, wanted)
        # Whoever changes a set ends first what was left half done, even where nothing else is to be done.
        unfinished = bool(self._said("plan", self._host)["consumers"]["unfinished"])
        changes = []
        for given in self._sets():
            one = known.get(rotation.key_of(given))
            if one is None:
                continue
            more = {"trust": trust + one.foreign} if one.has_trust and (one in lacking or unfinished) else {}
            if one.reads_lists:
                more["revocations"] = lists
            changes += [{**given, **more}] if more else []
        result: dict[str, Any] = {"acts": bool(changes), "changed": False, "actions": []}
        if changes:
            result.update(self._put_sets(changes, told))
        paths = [one.path for one in lacking if one.is_file]
        if paths and not result.get("failed"):
            part = self._put_files(paths, trust, told)
            part["actions"] = [*result["actions"], *part["actions"]]
            part["changed"] = part["changed"] or result["changed"]
            result.update(part, acts=True)
        return result

    def _put_sets(self, changes: list[dict[str, Any]], told: str) -> dict[str, Any]:
        answer = self._module("certificate_trust", changes)
        actions = [self._recovered(text) for text in answer.get("recovered", ())]
        actions += [
            self._deed_of(f"{one['service']} {one['point']}", f"{told} ({one['message']})", one["outcome"])
            for one in answer.get("certificates", ())
            if one["outcome"] != "unchanged"
        ]
        return self._answered(answer, actions, "certificates")

    def _put_files(self, paths: list[str], trust: str, told: str) -> dict[str, Any]:
        answer = self._execute_module(
            module_name="xorb.runbook.certificate_trust_bundle",
            module_args={
                "paths": paths,
                "authorities": self._course.bundle,
                "trust": trust,
                "operator": who(self._variables),
                "state_dir": self._arguments["host_state_dir"],
            },
            task_vars=self._variables,
        )
        return self._answered(answer, [self._deed_of(path, told) for path in answer.get("files", ())], "files")

    def _answered(self, answer: Mapping[str, Any], actions: Sequence[Action], key: str) -> dict[str, Any]:
        failed = answer.get("failed") or key not in answer
        return {
            "changed": bool(answer.get("changed")),
            "actions": [action.as_dict() for action in actions],
            **({"failed": True, "msg": answer.get("msg", "the module gave no result")} if failed else {}),
        }

    # --- proofs

    def _step_prove(self) -> dict[str, Any]:
        """Show pairs of the CA that stays to everybody who has to accept them, before anybody relies on it."""
        if self._stage() != SPREAD:
            return {}
        with Proofs(self._authority, self._course.stays) as proofs:
            return self._shown("plan", "does not trust", accepted=proofs)

    def _step_refuse(self) -> dict[str, Any]:
        """Show pairs of the CA that goes to everybody who has to refuse them, and of the other one beside them."""
        if self._stage("gate") != WITHDRAW:
            return {}
        course, lists = self._course, None
        if course.levels == ("intermediate",):
            # The root stays trusted: what tells the two apart is its list.
            levels = (("root", course.stays), ("intermediate", course.stays), ("intermediate", course.goes))
            lists = "".join(self._authority.crl(level=level, generation=each.place) for level, each in levels)
        with Proofs(self._authority, course.stays) as good, Proofs(self._authority, course.goes) as bad:
            return self._shown("look", "is not proved to refuse", accepted=good, refused=bad, revocations=lists)

    def _with_sessions(self) -> list[dict[str, Any]]:
        """The sets of this host whose sessions end: in an incident alone, else nobody came in who should not have."""
        return [given for given in self._sets() if given.get("sessions")] if self._incident else []

    def _step_sessions(self) -> dict[str, Any]:
        """End the sessions that were opened with certificates of the CA that goes: nobody can open another one.

        A step of its own, after all hosts have proved: a session that a host opens to prove something would be ended
        with the others, and would look refused.
        """
        sets = self._with_sessions() if self._stage("gate") == WITHDRAW else []
        if not sets:
            return {}
        issued = [row.serial for row in self._authority.register(generation=self._course.goes.place)]
        ended = self.refused("certificate_sessions_end", sets, "sessions", revoked=issued)
        bad = [f"{check['name']}: {check['message']}" for check in ended.get("checks", ()) if check["status"] != OK]
        return {**ended, **({"failed": True, "msg": "; ".join(bad)} if bad else {})}

    def _shown(self, told: str, complaint: str, *, revocations: str | None = None, **pairs: Proofs) -> dict[str, Any]:
        """Show a pair of each CA to each consumer that was told of; fails where any does not do as it should."""
        known = self._known(told)
        shown = [
            [{**given, **self._pairs(given, pairs)} for given in part if rotation.key_of(given) in known]
            for part in self._consumers()
        ]
        if not any(shown):
            return {}
        answer = self._info(*shown, revocations=revocations)
        course = self._course
        trusted = course.stays if "refused" in pairs else None
        wanted = trusted.fingerprints if trusted else course.both
        found = rotation.consumers(self._host, answer)
        bad = [f"{one.name}: does not hold what it was given" for one in rotation.lacking(found, course, wanted)]
        checks = [{**check, "host": self._host, "owner": self._host} for check in answer["checks"]]
        bad += [f"{check['name']}: {check['message']}" for check in checks if check["status"] != OK]
        about = course.goes if trusted else course.stays
        failed = {"failed": True, "msg": f"{complaint} {about.name}: {'; '.join(bad)}"} if bad else {}
        return {"acts": True, "checks": checks, "consumers": answer, **failed}

    def _pairs(self, given: Mapping[str, Any], pairs: Mapping[str, Proofs]) -> dict[str, Any]:
        """A pair of each CA like the one that a set has; a file is read by clients, who look at a server's."""
        if "directory" in given:
            like = {
                "common_name": spec.common_name(given),
                "names": given["names"],
                "organizational_unit": UNITS[given["profile"]],
            }
        else:
            like = {"common_name": PROOF_NAME, "names": [PROOF_NAME], "organizational_unit": UNITS["server"]}
        return {name: proofs.pair(**like) for name, proofs in pairs.items()}

    # --- certificates

    def _step_switch(self) -> dict[str, Any]:
        """Let the CA that stays issue, after everybody has proved to trust it."""
        if self._stage() != SPREAD or self._course.issues:
            return {}
        self._require("prove")
        if self._arguments["rollback"]:
            self._authority.reactivate_previous()
        else:
            self._authority.activate_next()
        self._course = self._newest_course()
        what = f"{self._course.stays.name} issues from now on; {self._course.goes.name} is trusted still"
        return {"acts": True, "changed": True, "actions": [self._deed_of("the CA", what).as_dict()]}

    def _require(self, step: str) -> None:
        """Raise `RunbookError` where a host that has to take a step did not come to its end."""
        found, _silent = self._heard("plan")
        hosts = {one.host for one in found if rotation.concerned(self._course, one)}
        missing = sorted(host for host in hosts if not self._said(step, host).get("acts"))
        if missing:
            raise RunbookError(f"{', '.join(missing)}: gave no proof, so nothing more is done")

    def _step_reissue(self) -> dict[str, Any]:
        """Issue for everybody on this host whose certificate is of the CA that goes."""
        if self._stage() != SPREAD:
            return {}
        if not self._course.issues:
            raise RunbookError(f"{self._course.stays.name} does not issue yet, so nothing more is done")
        known = self._known("prove")
        due = {one.key for one in rotation.to_issue(self._course, known.values())}
        self._foreign = {key: one.foreign for key, one in known.items()}
        wanted = [given for given in self._sets() if rotation.key_of(given) in due]
        if not wanted:
            return {}
        done = self._act(wanted, self._authority)
        return {**{key: done[key] for key in ("changed", "failed", "msg", "actions") if key in done}, "acts": True}

    def _issued(self, given: dict[str, Any], csr: str, asked: Any) -> dict[str, Any]:
        """With the trust that everybody has now, and whatever else the set trusts."""
        foreign = self._foreign[rotation.key_of(given)]
        return {**super()._issued(given, csr, asked), "ca": self._course.bundle + foreign}

    def _deed(self, one: Mapping[str, Any], reasons: list[str]) -> Action:
        return super()._deed(one, [self._course.why] if reasons else reasons)

    # --- the end

    def _step_look(self) -> dict[str, Any]:
        """What this host has now, and whether it serves that."""
        if self._stage() not in (SPREAD, WITHDRAW):
            return {}
        return {"consumers": self._info(*self._consumers(), check_ports=True)}

    def _step_gate(self) -> dict[str, Any]:
        """Begin the last phase, where nobody needs the CA that goes any more."""
        if self._stage() not in (SPREAD, WITHDRAW):
            return {}
        course = self._course
        faults = list(self._left(*self._heard("look")))
        if faults:
            raise RunbookError(f"{course.goes.name} is not withdrawn: {'; '.join(faults)}")
        if course.levels != ("intermediate",):
            return {"stage": WITHDRAW, "acts": True}
        revoked = self._authority.revoke_intermediate(generation=course.goes.place, reason=self._arguments["reason"])
        what = f"{course.goes.name} is revoked by its root"
        actions = [self._deed_of("the CA", what).as_dict()] if revoked else []
        return {"stage": WITHDRAW, "acts": True, "changed": bool(revoked), "actions": actions}

    def _left(self, found: Sequence[Consumer], silent: Mapping[str, str]) -> Iterator[str]:
        """What keeps the last phase from beginning."""
        course = self._course
        yield from (f"{host} does not answer: {why}" for host, why in silent.items())
        for one in rotation.to_issue(course, found):
            yield f"{one.host}: {one.name} still has {one.serial} of it"
        yield from (f"{one.host}: {one.name}: {one.fault}" for one in found if one.fault)
        for one in rotation.distrusting(course, found):
            yield f"{one.host}: {one.name} does not trust {course.stays.name}"
        if not course.back and not self._arguments["abandon_outstanding"]:
            others = {row.common_name: row.serial for row in self._authority.outstanding()}
            # A proof that a killed run left is nobody's certificate, and ends by itself within the hour.
            others.pop(PROOF_NAME, None)
            for name, serial in others.items():
                yield (
                    f"{name} ({serial}) is valid and of nobody who is described; describe it, revoke it, or set"
                    " certificate_authority_rotate_abandon_outstanding"
                )

    def _require_ended(self) -> None:
        """Refuse to go on where sessions should have ended and nobody asked: a step can be left out by its tag."""
        due = (host for host in self._inventory.hosts if self._incident and self._said("plan", host).get("sessions"))
        if left := [host for host in due if not self._said("sessions", host).get("acts")]:
            raise RunbookError(f"sessions were not ended on {', '.join(left)}: the step was left out")

    def _step_close(self) -> dict[str, Any]:
        """End the rotation, after everybody has proved to refuse the CA that goes."""
        if self._stage("gate") != WITHDRAW:
            return {}
        self._require("refuse")
        self._require_ended()
        stays, goes = self._course.stays.name, self._course.goes.name
        what = self._deed_of("the CA", f"{goes} is withdrawn; {stays} is the only one")
        if self._course.back:
            self._authority.abandon_next()
        else:
            if self._incident:
                # Before it is withdrawn, or a run that is killed in between would never be known to have done it.
                self._incident.revoked = list(self._incident.old.values())
                self._shelf().write(self._incident)
            # Whoever is not described was asked for at the gate.
            self._authority.withdraw_previous(force=True)
        return {"acts": True, "changed": True, "actions": [what.as_dict()]}


def _trusts_somebody(look: Any) -> bool:
    """Whether a look is of a set of certificates, or reads a file of authorities."""
    return look.kind.name == "certificate" or any(look.given.get(key) for key in TRUST_KEYS)
