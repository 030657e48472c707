# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The steps of the replacement of the CA that one host takes for all, of what the others registered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from ..result import StepResult
from . import authority_rotation
from .authority_rotation import BEGIN, IDLE, SPREAD, WITHDRAW, Consumer
from .authority_run import Rotation
from .proofs import PROOF_NAME

#: What the ledger calls what all hosts have in common.
THE_CA = "the CA"


def preflight(rotation: Rotation) -> StepResult:
    """Refuse what could not be ended, show what is going to be done, and make the next CA where one begins."""
    context = rotation.context
    found, silent = rotation.all_consumers("plan")
    unfinished = {
        host: entries
        for host, result in context.results("plan")
        if (entries := (result.get("consumers") or {}).get("unfinished"))
    }
    now = authority_rotation.stage(rotation.plan, found, unfinished=bool(unfinished))
    if now != IDLE and silent:
        reasons = "; ".join(f"{host} does not answer: {why}" for host, why in silent.items())
        raise RunbookError(f"{reasons}: every host has to answer before the CA is replaced. Nothing was changed")
    if now != IDLE:
        authority_rotation.refuse_unready(found)
    context.show(_preview(rotation, found, now, unfinished))
    if now != BEGIN or context.check_mode:
        acts = now != IDLE
        return StepResult(changed=context.check_mode and acts, acts=acts, values={"stage": now})
    rotation.remember()
    rotation.authority.prepare_next(levels=rotation.plan.levels)
    plan = rotation.planned_anew()
    made = rotation.change(THE_CA, f"{plan.remaining.name} is made beside {plan.outgoing.name}")
    return StepResult(changed=True, acts=True, actions=[made], values={"stage": SPREAD})


def _preview(
    rotation: Rotation, found: Sequence[Consumer], now: str, unfinished: Mapping[str, Sequence[str]]
) -> Iterator[str]:
    if incident := rotation.incident:
        yield f"incident {incident.incident}, scope {incident.scope}, begun {incident.began_at}"
    yield from authority_rotation.preview(rotation.plan, found, now)
    for host, entries in unfinished.items():
        yield from (f"{host}: left half done by a run that was killed, and ended first: {entry}" for entry in entries)
    if now != IDLE:
        for host, result in rotation.context.results("plan"):
            yield from (f"{host} {ended} are ended" for ended in result.get("sessions", ()))


def activate(rotation: Rotation) -> StepResult:
    """Let the remaining CA issue, after all consumers have proved to trust it."""
    if rotation.stage() != SPREAD or rotation.plan.issues:
        return StepResult()
    _require(rotation, "prove")
    if rotation.plan.back:
        rotation.authority.reactivate_previous()
    else:
        rotation.authority.activate_next()
    plan = rotation.planned_anew()
    what = f"{plan.remaining.name} issues from now on; {plan.outgoing.name} is trusted still"
    return StepResult(changed=True, acts=True, actions=[rotation.change(THE_CA, what)])


def _require(rotation: Rotation, step: str) -> None:
    """Raise `RunbookError` where a host that has to take a step did not come to its end."""
    found, _silent = rotation.all_consumers("plan")
    hosts = {one.host for one in found if authority_rotation.concerned(rotation.plan, one)}
    missing = sorted(host for host in hosts if not rotation.context.result(step, host).get("acts"))
    if missing:
        raise RunbookError(f"{', '.join(missing)}: gave no proof, so nothing more is done")


def gate(rotation: Rotation) -> StepResult:
    """Begin the last phase, where no consumer needs the outgoing CA any more."""
    if rotation.stage() not in (SPREAD, WITHDRAW):
        return StepResult()
    plan = rotation.plan
    faults = list(_needed(rotation, *rotation.all_consumers("gather")))
    if faults:
        raise RunbookError(f"{plan.outgoing.name} is not withdrawn: {'; '.join(faults)}")
    if plan.levels != ("intermediate",):
        return StepResult(acts=True, values={"stage": WITHDRAW})
    revoked = rotation.authority.revoke_intermediate(generation=plan.outgoing.slot, reason=rotation.reason)
    actions = [rotation.change(THE_CA, f"{plan.outgoing.name} is revoked by its root")] if revoked else []
    return StepResult(changed=bool(revoked), acts=True, actions=actions, values={"stage": WITHDRAW})


def _needed(rotation: Rotation, found: Sequence[Consumer], silent: Mapping[str, str]) -> Iterator[str]:
    """What keeps the last phase from beginning."""
    plan = rotation.plan
    yield from (f"{host} does not answer: {why}" for host, why in silent.items())
    for one in authority_rotation.to_issue(plan, found):
        yield f"{one.host}: {one.name} still has {one.serial} of it"
    yield from (f"{one.host}: {one.name}: {one.fault}" for one in found if one.fault)
    for one in authority_rotation.distrusting(plan, found):
        yield f"{one.host}: {one.name} does not trust {plan.remaining.name}"
    if not plan.back and not rotation.context.options["abandon_outstanding"]:
        others = {row.common_name: row.serial for row in rotation.authority.outstanding()}
        # A proof that a killed run left is no service's certificate, and ends by itself within the hour.
        others.pop(PROOF_NAME, None)
        for name, serial in others.items():
            yield (
                f"{name} ({serial}) is valid and of no described service; describe it, revoke it, or set"
                " certificate_authority_rotate_abandon_outstanding"
            )


def close(rotation: Rotation) -> StepResult:
    """End the rotation, after all consumers have proved to refuse the outgoing CA."""
    if rotation.stage("gate") != WITHDRAW:
        return StepResult()
    _require(rotation, "refuse")
    _require_sessions_ended(rotation)
    plan = rotation.plan
    ended = rotation.change(THE_CA, f"{plan.outgoing.name} is withdrawn; {plan.remaining.name} is the only one")
    if plan.back:
        rotation.authority.abandon_next()
    else:
        if rotation.incident:
            # Before it is withdrawn, or a run that is killed in between would never be known to have done it.
            rotation.incident.revoked = list(rotation.incident.old.values())
            rotation.remember()
        # The gate refused certificates of no described service.
        rotation.authority.withdraw_previous(force=True)
    return StepResult(changed=True, acts=True, actions=[ended])


def _require_sessions_ended(rotation: Rotation) -> None:
    """Refuse to go on where sessions should have ended and did not: a step can be left out by its tag."""
    due = (host for host, result in rotation.context.results("plan") if rotation.incident and result.get("sessions"))
    if left := [host for host in due if not rotation.context.result("sessions", host).get("acts")]:
        raise RunbookError(f"sessions were not ended on {', '.join(left)}: the step was left out")
