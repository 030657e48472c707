# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The certificate sets of one host: what the description says of them, and what the host's modules find and do.

Every procedure that changes certificates is made of these. Why something is done is the procedure's to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._certificates.spec import SET_OPTIONS
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import Check
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._core.names import DONE

from ..._prove.actions import Action
from ..described import described as described_points
from ..described import faults, refuse_unknown
from ..procedure import Answer, Context
from ..result import StepResult

#: A set as the modules take it.
Set = Mapping[str, Any]

#: How a set is called on the way: service and point.
Name = tuple[str, str]

#: Has the certificate of a set issued for a request in PEM, and returns the set with it. Raises `RunbookError`.
Issue = Callable[[Set, str], Set]

#: Why a set is replaced, in one sentence, of the reasons for which it is due.
Why = Callable[[Sequence[str]], str]

#: How the names of procedures begin that change sets: what they left half done may be in service without its service
#: having been reloaded.
OURS = "certificate_"


def name_of(one: Mapping[str, Any]) -> Name:
    """The name of a set, or of what a module returns of it."""
    return one["service"], one["point"]


def label(one: Mapping[str, Any]) -> str:
    """What a set is called, for people."""
    return " ".join(name_of(one))


def described(context: Context, services: Sequence[str] = ()) -> list[Set]:
    """The sets of this host, resolved. Raises `RunbookError` for the first thing that is wrong with any of them."""
    refuse_unknown(context, services)
    if wrong := faults(context, services):
        raise RunbookError(f"the description is wrong, so nothing is changed: {'; '.join(wrong)}")
    sets: list[Set] = []
    for one in described_points(context, ["certificate"], services):
        if one.fault:
            raise RunbookError(one.fault)
        sets.append({name: one.options[name] for name in SET_OPTIONS if one.options.get(name) is not None})
    return sets


@dataclass(frozen=True)
class Gathered:
    """What a host has in service: ``found`` as `certificate_request` returns it, and what killed runs left half done.

    ``pending`` are those of the unfinished operations that this run cannot end.
    """

    found: Sequence[Mapping[str, Any]] = ()
    unfinished: Sequence[str] = ()
    pending: Sequence[str] = ()
    diff: Mapping[str, Any] | None = None

    @property
    def due(self) -> list[Mapping[str, Any]]:
        """What is to be replaced."""
        return [one for one in self.found if one["due"]]

    @property
    def left(self) -> list[str]:
        """The unfinished operations on certificates."""
        return [entry for entry in self.unfinished if entry.startswith(OURS)]

    def lines(self) -> list[str]:
        """What a plan says of what was left half done."""
        left = [
            (entry, "not ended by this run" if entry in self.pending else "ended first") for entry in self.unfinished
        ]
        return [f"left half done by a run that was killed, and {how}: {entry}" for entry, how in left]


def gather(context: Context, sets: Sequence[Set], *, force: bool) -> Gathered:
    """What the host has in service, and what of it is due; changes nothing. Raises `RunbookError`."""
    if not sets:
        return Gathered()
    answer = context.ask("certificate_request", "certificates", certificates=sets, force=force, only_decide=True)
    if answer.fault:
        raise RunbookError(answer.fault)
    return _gathered(answer)


def _gathered(answer: Answer) -> Gathered:
    values = answer.values
    return Gathered(values["certificates"], values["unfinished"], values["pending"], values.get("diff"))


def due_rows(found: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What is due, as the result of a step has it."""
    return [{key: one[key] for key in ("service", "point", "serial", "not_after", "reasons")} for one in found]


def recover(context: Context, sets: Sequence[Set]) -> StepResult:
    """End what killed runs left half done, and change nothing else."""
    answer = context.ask("certificate_request", "recovered", certificates=sets)
    return StepResult(
        changed=answer.changed,
        acts=answer.changed,
        actions=context.recovered(answer),
        faults=[answer.fault] if answer.fault else [],
    )


def replace_sets(
    context: Context, sets: Sequence[Set], issue: Issue, *, force: bool, why: Why
) -> tuple[StepResult, Gathered]:
    """Replace what is due: request it on the host, have it issued here, and let the host put it into service."""
    if not sets:
        return StepResult(values={"due": []}), Gathered()
    answer = context.ask("certificate_request", "certificates", certificates=sets, force=force)
    if answer.fault:
        return StepResult(changed=answer.changed, faults=[answer.fault]), Gathered()
    gathered = _gathered(answer)
    due = {name_of(one): one for one in gathered.due}
    requested = StepResult(
        changed=answer.changed,
        acts=bool(due or gathered.unfinished),
        actions=context.recovered(answer),
        values={"due": due_rows(gathered.due)},
    )
    if not due:
        return requested, gathered
    try:
        issued = [_issued(one, due[name_of(one)]["csr"], issue) for one in sets if name_of(one) in due]
    except RunbookError as exc:
        return replace(requested, faults=[f"nothing was changed: {exc}"]), gathered
    answer = context.ask("certificate_deploy", "certificates", certificates=issued)
    changes = [
        _change(context, one, why(due[name_of(one)]["reasons"])) for one in answer.values.get("certificates", ())
    ]
    deployed = StepResult(
        changed=answer.changed,
        actions=[*context.recovered(answer), *changes],
        faults=[answer.fault] if answer.fault else [],
        diff=answer.values.get("diff") or {},
    )
    return requested + deployed, gathered


def _issued(one: Set, csr: str, issue: Issue) -> Set:
    try:
        return issue(one, csr)
    except RunbookError as exc:
        raise RunbookError(f"{label(one)}: {exc}") from exc


def _change(context: Context, one: Mapping[str, Any], why: str) -> Action:
    until = f"certificate {one['serial']} is in service until {one['not_after']}"
    before = f", in place of {one['previous_serial']}" if one["previous_serial"] else ""
    done = f"{until}{before} ({one['message']})"
    what = done if one["outcome"] == DONE else f"certificate {one['serial']}: {one['message']}"
    return context.action(label(one), what, why=why, outcome=one["outcome"])


def put_trust(
    context: Context, sets: Sequence[Set], *, what: str, why: Callable[[Mapping[str, Any]], str]
) -> StepResult:
    """Put authorities and revocation lists into service for sets that come with theirs; ``why`` tells, of each set."""
    if not sets:
        return StepResult()
    answer = context.ask("certificate_trust", "certificates", certificates=sets)
    actions = [
        context.action(label(one), f"{what} ({one['message']})", why=why(one), outcome=one["outcome"])
        for one in answer.values.get("certificates", ())
        if one["outcome"] != "unchanged"
    ]
    return StepResult(
        changed=answer.changed,
        acts=answer.changed,
        actions=[*context.recovered(answer), *actions],
        faults=[answer.fault] if answer.fault else [],
    )


def end_sessions(context: Context, sets: Sequence[Set], revoked: Sequence[str]) -> StepResult:
    """End the sessions that were opened with what was revoked; the checks are what the module found."""
    return _shown(context, "certificate_sessions_end", "sessions", sets, revoked=revoked)


def verify_revocation(context: Context, sets: Sequence[Set], revocations: str) -> StepResult:
    """Show what was revoked to every endpoint that has to refuse it; the checks are what the module found."""
    return _shown(context, "certificate_revocation_verify", "nothing is proved", sets, revocations=revocations)


def _shown(context: Context, module: str, complaint: str, sets: Sequence[Set], **given: Any) -> StepResult:
    answer = context.ask(module, "checks", certificates=sets, **given)
    if answer.fault:
        return StepResult(faults=[f"{complaint}: {answer.fault}"])
    checks = checks_of(context, answer.values["checks"])
    actions = [
        context.action(
            f"{check.service} {check.id.split('.')[1]}",
            check.message,
            why="sessions outlive the certificate that they were opened with",
        )
        for check in checks
        if check.id.endswith(".sessions") and check.value
    ]
    return StepResult(changed=bool(actions), acts=True, actions=actions, checks=checks)


def checks_of(context: Context, returned: Iterable[Mapping[str, Any]]) -> list[Check]:
    """The checks that a module of this host returned: the host inspected itself."""
    return [Check.from_dict({**check, "host": context.host, "owner": context.host}) for check in returned]
