# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The procedure ``certificate_revoke``: what a revocation does on each host, and once for all of them.

Replaces as a rotation does. What may be revoked is decided by the leader, of what all hosts have in service.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._certificates.spec import common_name
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from ..._pki.authority import Authority
from ..._pki.state import STANDBY
from ..procedure import Context, Options, Step
from ..result import StepResult
from . import host_sets, revocation
from .host_sets import Gathered, Set, name_of
from .revocation import ENDED, Decision, Incident, InService
from .rotate import issue_by

OPTIONS: Options = {
    "scope": {"type": "str"},
    "services": {"type": "list", "elements": "str"},
    "incident": {"type": "str"},
    "reason": {"type": "str"},
    "ca_dir": {"type": "path"},
    "ca_passphrase": {"type": "str", "no_log": True},
    "state_dir": {"type": "path"},
}


# --- what every step needs


def _validate(context: Context) -> None:
    given = context.options
    revocation.validate(given["scope"], given["services"], reason=given["reason"], known=context.platform.services)


def _incident(context: Context) -> Incident:
    given = context.options
    return revocation.opened(revocation.incidents(context.state), given["incident"], given["scope"])


def _authority(context: Context) -> Authority:
    given = context.options
    return revocation.revoking_authority(given["ca_dir"], given["ca_passphrase"])


def _in_service(context: Context, sets: Sequence[Set], gathered: Gathered) -> list[dict[str, Any]]:
    """What the host has in service now, as the decisions of all hosts need it."""
    given = context.options
    serials = {name_of(one): one["serial"] for one in gathered.found}
    return [
        {
            "service": one["service"],
            "point": one["point"],
            "serial": serials[name_of(one)],
            "common_name": common_name(one),
            "targeted": given["scope"] == "all" or one["service"] in given["services"],
            "reads_lists": bool(one.get("crl")),
            "sessions": str((one.get("sessions") or {}).get("kind", "")),
        }
        for one in sets
    ]


# --- the steps of a host


def plan(context: Context) -> StepResult:
    """What this host has in service, and what of it is to be replaced."""
    _validate(context)
    sets = host_sets.described(context)
    gathered = host_sets.gather(context, sets, force=True)
    context.show(f"{context.host}: {line}" for line in gathered.lines())
    rows = _in_service(context, sets, gathered)
    incident, found = _incident(context), revocation.of_host(context.host, {"sets": rows})
    incident.take_up(found)
    acts = bool(gathered.unfinished or incident.pending(found))
    return StepResult(changed=acts and context.check_mode, acts=acts, values={"sets": rows})


def replace(context: Context) -> StepResult:
    """Replace what is to be revoked, each service by itself: where one refuses, the keys of others are exposed as well.

    What is in service afterwards is part of the result in any case; where it is not known, nothing of it is revoked.
    """
    incident, sets = _incident(context), host_sets.described(context)
    gathered = host_sets.gather(context, sets, force=True)
    result = StepResult(values={"sets": None})
    if gathered.unfinished:
        # What was cut off may have activated a certificate without reloading its service.
        result += host_sets.recover(context, sets)
        gathered = host_sets.gather(context, sets, force=True)
    rows = _in_service(context, sets, gathered)
    pending = {(one.service, one.point) for one in incident.pending(revocation.of_host(context.host, {"sets": rows}))}
    for service in sorted({service for service, _point in pending}):
        mine = [one for one in sets if one["service"] == service and name_of(one) in pending]
        result += _replaced(context, mine)
    try:
        gathered = host_sets.gather(context, sets, force=True) if result.acts else gathered
    except RunbookError as exc:
        return result + StepResult(faults=[str(exc)])
    if gathered.left:
        # A service that was not reloaded may serve what is no longer on the disk.
        left = [f"left half done by a run that was killed, and not ended: {entry}" for entry in gathered.left]
        return result + StepResult(faults=left)
    return result + StepResult(values={"sets": _in_service(context, sets, gathered)})


def _replaced(context: Context, sets: Sequence[Set]) -> StepResult:
    why = f"the one before is to be revoked, scope {context.options['scope']}"
    issue = issue_by(_authority(context))
    result, _gathered = host_sets.replace_sets(context, sets, issue, force=True, why=lambda _reasons: why)
    return StepResult(result.changed, True, result.actions, faults=result.faults)


def distribute(context: Context) -> StepResult:
    """Put the lists into service for every set that reads them."""
    readers = [one for one in host_sets.described(context) if one.get("crl")]
    if not readers:
        return StepResult()
    lists, why = _authority(context).crls(), f"revocation, scope {context.options['scope']}"
    with_lists = [{**one, "revocations": lists} for one in readers]
    return host_sets.put_trust(context, with_lists, what="the revocation lists", why=lambda _one: why)


def sessions(context: Context) -> StepResult:
    """End the sessions of what was revoked, before it is shown: an endpoint that ends one looks like a refusal."""
    incident = _incident(context)
    sets = [one for one in host_sets.described(context) if one.get("sessions")]
    if not sets or not incident.revoked:
        return StepResult()
    return host_sets.end_sessions(context, sets, incident.revoked)


def prove(context: Context) -> StepResult:
    """Show what was revoked to every endpoint that has to refuse it."""
    incident, sets = _incident(context), []
    for one in host_sets.described(context):
        serial = incident.old.get(f"{context.host} {host_sets.label(one)}")
        if serial in incident.revoked:
            sets.append({**one, "old": [serial]})
    if not sets:
        return StepResult()
    return host_sets.verify_revocation(context, sets, _authority(context).crls())


# --- the steps of the leader


def preflight(context: Context) -> StepResult:
    """Refuse what could not be ended, and show what is going to be done."""
    _validate(context)
    incident, authority = _incident(context), _resting_authority(context)
    sets, silent = _all_in_service(context)
    incident.take_up(sets)
    if not incident.old:
        reasons = "; ".join(f"{host} does not answer: {why}" for host, why in silent.items())
        raise RunbookError(f"there is no certificate to be revoked{f' ({reasons})' if reasons else ''}")
    register = authority.register()
    known = {int(row.serial, 16) for row in register}
    foreign = [
        f"{name} ({serial})"
        for name, serial in incident.old.items()
        if int(serial, 16) not in known and serial not in incident.revoked
    ]
    if foreign:
        raise RunbookError(
            f"{', '.join(foreign)}: not issued by the CA in {context.options['ca_dir']}, which can revoke only what"
            " it issued; rotate these first. Nothing was changed"
        )
    decision = revocation.decide(incident, sets, register, silent, planned=True)
    context.show(_preview(incident, decision, sets, silent))
    if not context.check_mode:
        revocation.incidents(context.state).write(incident.incident, incident)
    changed = bool(context.check_mode and (incident.pending(sets) or decision.serials))
    return StepResult(changed=changed, values={"planned": decision.serials, "kept": decision.kept})


def revoke(context: Context) -> StepResult:
    """Revoke what is in service nowhere any more, and make the lists."""
    _validate(context)
    incident, authority = _incident(context), _resting_authority(context)
    sets, silent = _all_in_service(context)
    decision = revocation.decide(incident, sets, authority.register(), silent)
    store = revocation.incidents(context.state)
    fresh = revocation.revoke(store, incident, authority, decision, reason=context.options["reason"])
    names = {serial: name for name, serial in incident.old.items()}
    faults = [
        f"{name} {'may still have' if name.split()[0] in silent else 'still has'} {serial}, which is not revoked"
        for name, serial in decision.kept.items()
    ]
    faults = ["; ".join([*faults, *filter(None, [decision.held_back])])] if faults or decision.held_back else []
    return StepResult(
        changed=bool(fresh),
        acts=bool(fresh),
        actions=[_revoked(context, serial, names.get(serial, "")) for serial in fresh],
        faults=faults,
        values={"revoked": fresh, "planned": decision.serials, "kept": decision.kept},
    )


def _resting_authority(context: Context) -> Authority:
    authority = _authority(context)
    if authority.phase != STANDBY:
        raise RunbookError(
            f"the CA in {context.options['ca_dir']} is being replaced, and two of them are trusted; end that first, or"
            " roll it back, by certificate_authority_rotate. Nothing was revoked"
        )
    return authority


def _all_in_service(context: Context) -> tuple[list[InService], dict[str, str]]:
    """What is in service by the newest result of each host, and the hosts that have none, with the reasons.

    Of a host whose newest result says nothing, the one before stands, for what it had in service may be so still.
    """
    sets: list[InService] = []
    silent: dict[str, str] = {}
    for host in context.inventory.hosts:
        results = [result for step in ("replace", "plan") if (result := context.result(step, host))]
        if not results or not _has_sets(results[0]):
            why = results[0].get("msg") if results else ""
            silent[host] = " ".join(str(why or "left out of this run").split())[:200]
        newest = next(filter(_has_sets, results), None)
        if newest is not None:
            sets += revocation.of_host(host, newest)
    return sets, silent


def _has_sets(result: Mapping[str, Any]) -> bool:
    """Whether a result says what is in service; one that failed may do that as well."""
    return isinstance(result.get("sets"), list) and not result.get("unreachable")


def _preview(
    incident: Incident, decision: Decision, sets: Iterable[InService], silent: Mapping[str, str]
) -> Iterator[str]:
    yield f"incident {incident.incident}, scope {incident.scope}, begun {incident.began_at}"
    sets = list(sets)
    pending = {one.name for one in incident.pending(sets)}
    for name, serial in incident.old.items():
        how = "is replaced by a new certificate, and then" if name in pending else "was replaced, and"
        if name in decision.kept:
            yield f"{name}: certificate {serial} is NOT revoked: its host does not answer"
        else:
            yield f"{name}: certificate {serial} {how} revoked"
    for serial in decision.others:
        yield f"certificate {serial} is revoked, which no described service has"
    yield from (f"{one.name}: gets the revocation lists" for one in sets if one.reads_lists)
    yield from (f"{one.name}: {ENDED[one.sessions]} are ended" for one in sets if one.sessions)
    yield from (f"{host} does not answer, so nothing is done there: {why}" for host, why in silent.items())
    if decision.held_back:
        yield decision.held_back


def _revoked(context: Context, serial: str, name: str) -> Any:
    host, _space, subject = name.partition(" ")
    return context.action(
        subject or "the CA",
        f"certificate {serial} is revoked",
        why=f"{context.options['reason']}, scope {context.options['scope']}",
        host=host,
    )


#: In the order in which the playbook takes them.
STEPS: Mapping[str, Step] = {
    "plan": Step(plan, in_check_mode=True),
    "preflight": Step(preflight, leader=True, in_check_mode=True),
    "replace": Step(replace),
    "revoke": Step(revoke, leader=True),
    "distribute": Step(distribute, stops_after=("distribute",)),
    "sessions": Step(sessions),
    "prove": Step(prove),
}

#: ``sets`` is nothing where it is not known what is in service.
VALUES: Mapping[str, Any] = {"sets": None, "revoked": [], "planned": [], "kept": {}}
