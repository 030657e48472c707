# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action ``certificate_rotate``: the certificates of one host that are due, from the request to the proof."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible.utils.display import Display
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates.deploy import ISSUED_OPTIONS
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates.set import SET_OPTIONS
from ansible_collections.xorb.runbook.plugins.module_utils._act.journal import STATE
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import Check
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._core.names import DONE
from ansible_collections.xorb.runbook.plugins.module_utils._core.time import timestamp
from ansible_collections.xorb.runbook.plugins.plugin_utils._core.action import RunbookAction
from ansible_collections.xorb.runbook.plugins.plugin_utils._core.messages import brief, suggest
from ansible_collections.xorb.runbook.plugins.plugin_utils._core.operator import who
from ansible_collections.xorb.runbook.plugins.plugin_utils._pki.authority import Authority, PresentList
from ansible_collections.xorb.runbook.plugins.plugin_utils._pki.external_issuer import issuer
from ansible_collections.xorb.runbook.plugins.plugin_utils._platform.inventory import Inventory
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.actions import Action, failed_before
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.render.wording import clean

PROCEDURE = "certificate_rotate"

#: How the names of procedures begin that change sets: what they left half done may be in service and untold.
OURS = "certificate_"

#: How a set is called on the way: service and point.
Name = tuple[str, str]


@dataclass(frozen=True)
class Renewal:
    """A set whose revocation lists are to be renewed: why, and all that its file is to hold of this CA, in PEM."""

    name: Name
    why: str
    text: str


def renewals(found: Iterable[Mapping[str, Any]], present: Sequence[PresentList]) -> list[Renewal]:
    """The sets with a list in service that the CA has a newer one of, or is about to make.

    They get the lists of whomever they have one of or trust. Who begins to read lists is decided elsewhere.
    """
    return [
        Renewal(_name(one), "; ".join(whys), "".join(each.text for each in present if each.issuer in known))
        for one in found
        if (numbers := {each["issuer"]: each["number"] for each in one["lists"]})
        and (whys := [why for each in present if each.issuer in numbers and (why := _outdated(each, numbers))])
        and (known := {*numbers, *one["trusts"]})
    ]


def _outdated(present: PresentList, numbers: Mapping[str, int]) -> str:
    number = numbers[present.issuer]
    if present.due:
        return f"the next list of the {present.name} is due, {present.due}"
    if present.number > number:
        return f"the {present.name} has list {present.number}, and {number} is in service"
    return ""


class ActionModule(RunbookAction):
    """Asks the host what is due, has it issued here, and lets the host deploy it: two round trips in all."""

    #: What the actions are told to belong to.
    procedure = PROCEDURE

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what is due or was done, and the actions for the report."""
        super().run(tmp, task_vars)
        self._variables = task_vars or {}
        _validation, self._arguments = self.validate_argument_spec(
            {
                "services": {"type": "list", "elements": "str", "default": []},
                "force": {"type": "bool", "default": False},
                "plan": {"type": "bool", "default": False},
                "incident": {"type": "str", "default": ""},
                "host_state_dir": {"type": "path", "default": STATE},
                "ca_dir": {"type": "path"},
                "ca_passphrase": {"type": "str", "no_log": True},
                "ca_root_passphrase": {"type": "str", "no_log": True},
                "issuer_command": {"type": "list", "elements": "str", "default": []},
                "issuer_trust": {"type": "str", "default": ""},
            }
        )
        self._host = self._variables["inventory_hostname"]
        only_plan = self._arguments["plan"] or self._task.check_mode
        if not only_plan:
            before = failed_before(PROCEDURE, self._variables)
            if before:
                return {"changed": False, "skipped": True, "msg": f"not done, since it failed on {before}"}
        try:
            sets = self._sets()
            # Whoever issues is asked only when something is due, but that nobody does is known before.
            asked = None if only_plan or not sets else self._issuer()
            return self._plan(sets) if only_plan else self._ended(self._act(sets, asked), sets, asked)
        except RunbookError as exc:
            raise self.failure(exc) from None

    def _issuer(self) -> Any:
        given = self._arguments
        return issuer(
            command=given["issuer_command"],
            trust=given["issuer_trust"],
            directory=given["ca_dir"] or "",
            passphrase=given["ca_passphrase"] or "",
            root_passphrase=given["ca_root_passphrase"] or "",
        )

    def _sets(self) -> list[dict[str, Any]]:
        """The sets of this host, resolved. Raises `RunbookError` for the first thing that is wrong with any of them."""
        inventory = Inventory(self._variables, self._templar)
        platform = inventory.platform(self._host)
        wanted = self._arguments["services"]
        for name in wanted:
            if name not in platform.services:
                raise RunbookError(f"{name}: there is no such service{suggest(name, platform.services)}")
        faults = [str(problem) for problem in platform.problems if not wanted or problem.service in wanted]
        if faults:
            raise RunbookError(f"the description is wrong, so nothing is changed: {'; '.join(faults)}")
        resolve = inventory.resolver(self._host)
        sets = []
        for look in platform.looks(observer=self._host, services=wanted, kinds=["certificate"]):
            try:
                (probe,) = look.resolved(resolve, "localhost")
            except Exception as exc:
                raise RunbookError(f"{look.path}: {brief(exc)}") from exc
            sets.append({name: probe.options[name] for name in SET_OPTIONS if probe.options.get(name) is not None})
        return sets

    def _module(self, name: str, sets: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self._execute_module(
            module_name=f"xorb.runbook.{name}",
            module_args={
                "certificates": sets,
                "operator": who(self._variables),
                "controller_time": time.time(),
                "state_dir": self._arguments["host_state_dir"],
                **more,
            },
            task_vars=self._variables,
        )
        return answer

    def _plan(self, sets: list[dict[str, Any]]) -> dict[str, Any]:
        """What is due, and why; changes nothing."""
        if not sets:
            return {"changed": False, "acts": False, "due": [], "actions": []}
        answer = self._module("certificate_request", sets, force=self._arguments["force"], only_decide=True)
        if answer.get("failed") or "certificates" not in answer:
            return _failed(answer, [])
        unfinished = answer["unfinished"]
        renewals, remark = self._renewals_planned(answer["certificates"])
        due = [
            {key: one[key] for key in ("service", "point", "serial", "not_after", "reasons")}
            for one in answer["certificates"]
            if one["due"]
        ]
        self._show(answer, renewals, remark)
        acts = bool(due or unfinished or renewals or remark)
        return {
            "changed": bool(self._task.check_mode and acts),
            "acts": acts,
            "due": due,
            "actions": [],
            "diff": answer["diff"],
        }

    def _renewals_planned(self, found: Sequence[Mapping[str, Any]]) -> tuple[list[Renewal], str]:
        """What is going to be done about the lists in service, or why that is found out later."""
        if not self._renews(found):
            return [], ""
        try:
            return renewals(found, Authority.open(self._arguments["ca_dir"]).lists()), ""
        except RunbookError as exc:
            return [], f"whether revocation lists are renewed is found out by the run: {exc}"

    def _renews(self, found: Sequence[Mapping[str, Any]]) -> bool:
        """Whether lists are this procedure's business: there are some, and the CA is ours."""
        given = self._arguments
        return bool(given["ca_dir"] and not given["issuer_command"] and any(one["lists"] for one in found))

    def _ended(self, result: dict[str, Any], sets: Sequence[Mapping[str, Any]], asked: Any) -> dict[str, Any]:
        """The result of replacing, after the lists in service were renewed, and failed where something is left."""
        found = result.pop("found", ())
        if result.get("failed") or not self._renews(found):
            return _faulted(result)
        try:
            asked.crls()
            stale = renewals(found, asked.lists())
        except RunbookError as exc:
            return _faulted({**result, "failed": True, "msg": f"no revocation list was renewed: {exc}"})
        texts, whys = {one.name: one.text for one in stale}, {one.name: one.why for one in stale}
        readers = [{**one, "revocations": texts[_name(one)]} for one in sets if _name(one) in texts]
        part = self.put_lists(readers, whys)
        both = {key: result[key] or part[key] for key in ("acts", "changed")}
        return _faulted({**result, **part, **both, "actions": [*result["actions"], *part["actions"]]})

    def put_lists(self, readers: list[dict[str, Any]], whys: Mapping[Name, str]) -> dict[str, Any]:
        """Put revocation lists into service for sets that come with theirs; ``whys`` tell why, by their names."""
        if not readers:
            return {"changed": False, "acts": False, "actions": []}
        answer = self._module("certificate_trust", readers)
        actions = [self._recovered(text) for text in answer.get("recovered", ())]
        actions += [
            self._action(
                subject=f"{one['service']} {one['point']}",
                what=f"the revocation lists ({one['message']})",
                why=whys[_name(one)],
                outcome=one["outcome"],
            )
            for one in answer.get("certificates", ())
            if one["outcome"] != "unchanged"
        ]
        changed = bool(answer.get("changed"))
        if answer.get("failed") or "certificates" not in answer:
            return {**_failed(answer, actions), "acts": changed}
        return {"changed": changed, "acts": changed, "actions": _told(actions)}

    def _show(self, answer: Mapping[str, Any], stale: Sequence[Renewal], remark: str) -> None:
        """Print the plan as text: which certificates change, and why; and which do not."""
        lines = unfinished_told(answer)
        for one in answer["certificates"]:
            name, until = f"{one['service']} {one['point']}", one["not_after"] or "nothing that can be read"
            if one["due"]:
                lines.append(f"{name} is replaced: {'; '.join(one['reasons'])}")
            else:
                lines.append(f"{name} stays: valid until {until}")
        lines += [f"{' '.join(one.name)} gets the revocation lists: {one.why}" for one in stale]
        lines += [remark] if remark else []
        Display().display("\n".join(clean(f"{self._host}: {line}") for line in lines))

    def _act(self, sets: list[dict[str, Any]], asked: Any) -> dict[str, Any]:
        """Replace what is due."""
        if not sets:
            return {"changed": False, "acts": False, "due": [], "actions": []}
        answer = self._module("certificate_request", sets, force=self._arguments["force"])
        if answer.get("failed") or "certificates" not in answer:
            return _failed(answer, [])
        actions = [self._recovered(text) for text in answer["recovered"]]
        due = {(one["service"], one["point"]): one for one in answer["certificates"] if one["due"]}
        result = {
            "found": answer["certificates"],
            "changed": answer["changed"],
            "acts": bool(due or answer["unfinished"]),
            "unfinished": [entry for entry in answer["unfinished"] if entry.startswith(OURS)],
            "due": [
                {key: one[key] for key in ("service", "point", "serial", "not_after", "reasons")}
                for one in due.values()
            ],
        }
        if not due:
            return {**result, "actions": _told(actions), "diff": {}}
        try:
            issued = [self._issued(given, due[_name(given)]["csr"], asked) for given in sets if _name(given) in due]
        except RunbookError as exc:
            return {**result, "actions": _told(actions), "failed": True, "msg": f"nothing was changed: {exc}"}
        answer = self._module("certificate_deploy", issued)
        actions += [self._recovered(text) for text in answer.get("recovered", ())]
        actions += [self._deed(one, due[_name(one)]["reasons"]) for one in answer.get("certificates", ())]
        result["changed"] = bool(result["changed"] or answer.get("changed"))
        if answer.get("failed") or "certificates" not in answer:
            return {**result, **_failed(answer, actions)}
        return {**result, "actions": _told(actions), "diff": answer["diff"]}

    def _issued(self, given: dict[str, Any], csr: str, asked: Any) -> dict[str, Any]:
        """A set with the certificate that was issued for its request."""
        try:
            made = asked.issue(
                csr,
                profile=given["profile"],
                names=given["names"],
                common_name=given.get("common_name") or "",
                days=given["days"],
            )
        except RunbookError as exc:
            raise RunbookError(f"{given['service']} {given['point']}: {exc}") from exc
        return {**given, **{name: getattr(made, name) for name in ISSUED_OPTIONS}}

    def refused(self, module: str, sets: list[dict[str, Any]], complaint: str, **given: Any) -> dict[str, Any]:
        """End sessions of some sets, or show what was revoked of them; the checks are what the module found."""
        answer = self._module(module, sets, **given)
        if answer.get("failed") or "checks" not in answer:
            return {"failed": True, "msg": f"{complaint}: {answer.get('msg', 'the module gave no result')}"}
        checks = [{**check, "host": self._host, "owner": self._host} for check in answer["checks"]]
        actions = _told(self._sessions_ended(map(Check.from_dict, checks)))
        return {"changed": bool(actions), "acts": True, "checks": checks, "actions": actions}

    def _sessions_ended(self, checks: Iterable[Check]) -> list[Action]:
        """What was done to sessions, by what was found out about them."""
        return [
            self._action(
                subject=f"{check.service} {check.id.split('.')[1]}",
                what=check.message,
                why="sessions outlive the certificate that they were opened with",
                outcome=DONE,
            )
            for check in checks
            if check.id.endswith(".sessions") and check.value
        ]

    def _deed(self, one: Mapping[str, Any], reasons: list[str]) -> Action:
        until = f"certificate {one['serial']} is in service until {one['not_after']}"
        place = f", in place of {one['previous_serial']}" if one["previous_serial"] else ""
        done = one["outcome"] == DONE
        return self._action(
            subject=f"{one['service']} {one['point']}",
            what=f"{until}{place} ({one['message']})" if done else f"certificate {one['serial']}: {one['message']}",
            why="; ".join(reasons),
            outcome=one["outcome"],
        )

    def _recovered(self, text: str) -> Action:
        return self._action(subject="a run that was killed", what=text, why="it was left half done", outcome=DONE)

    def _action(self, *, subject: str, what: str, why: str, outcome: str) -> Action:
        return Action(
            at=timestamp(),
            host=self._host,
            procedure=self.procedure,
            subject=subject,
            what=what,
            why=why,
            who=who(self._variables),
            outcome=outcome,
            incident=self._arguments["incident"],
        )


def unfinished_told(answer: Mapping[str, Any]) -> list[str]:
    """What a plan says of what was left half done."""
    left = [(entry, entry in answer["pending"]) for entry in answer["unfinished"]]
    return [
        f"left half done by a run that was killed, and {'not ended by this run' if waits else 'ended first'}: {entry}"
        for entry, waits in left
    ]


def _faulted(result: dict[str, Any]) -> dict[str, Any]:
    """A result that fails where something stays half done, whatever else was done."""
    left = result.pop("unfinished", ())
    if not left:
        return result
    told = [
        f"left half done by a run that was killed, and not ended: {entry}: this takes a run that has its sets, by the"
        " same names, with their password"
        for entry in left
    ]
    return {**result, "failed": True, "msg": " | ".join([*([str(result["msg"])] if "msg" in result else []), *told])}


def _name(one: Mapping[str, Any]) -> Name:
    return one["service"], one["point"]


def _told(actions: list[Action]) -> list[dict[str, Any]]:
    return [action.as_dict() for action in actions]


def _failed(answer: Mapping[str, Any], actions: list[Action]) -> dict[str, Any]:
    """The result where the module failed, with what was done before."""
    return {
        "changed": bool(answer.get("changed")),
        "failed": True,
        "msg": answer.get("msg", "the module gave no result"),
        "actions": _told(actions),
    }
