# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The steps of the replacement of the CA that every host takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._certificates import spec
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import OK, Check
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from ..._pki.issuance import UNITS
from ..result import StepResult
from . import authority_rotation, host_sets
from .authority_rotation import LEVELS, SPREAD, WITHDRAW, Consumer
from .authority_run import Rotation
from .host_sets import Set
from .proofs import PROOF_NAME, Proofs
from .revocation import ENDED
from .rotate import issue_by


def plan(rotation: Rotation) -> StepResult:
    """Which CAs this host trusts, and which certificates it has."""
    found = rotation.info(rotation.sets, rotation.files)
    consumers = authority_rotation.consumers(rotation.context.host, found)
    acts = any(authority_rotation.concerned(rotation.plan, one) for one in consumers)
    ended = [f"{host_sets.label(one)}: {ENDED[one['sessions']['kind']]}" for one in _with_sessions(rotation)]
    return StepResult(acts=acts, values={"consumers": found, "sessions": ended})


def trust(rotation: Rotation) -> StepResult:
    """Let every consumer on this host trust both."""
    if rotation.stage() != SPREAD:
        return StepResult()
    plan_, lists = rotation.plan, rotation.authority.crls()
    what = f"trusts {plan_.remaining.name} beside {plan_.outgoing.name}"
    return _put(rotation, rotation.known("plan"), plan_.both, (plan_.bundle, lists), what)


def withdraw(rotation: Rotation) -> StepResult:
    """Let every consumer on this host trust the remaining CA, alone."""
    if rotation.stage("gate") != WITHDRAW:
        return StepResult()
    remaining = rotation.plan.remaining
    lists = "".join(rotation.authority.crl(level=level, generation=remaining.slot) for level in LEVELS)
    what = f"trusts {remaining.name} alone, and {rotation.plan.outgoing.name} no more"
    return _put(rotation, rotation.known("gather"), remaining.fingerprints, (remaining.chain, lists), what)


def _put(
    rotation: Rotation,
    known: Mapping[tuple[str, ...], Consumer],
    wanted: Iterable[str],
    trusted: tuple[str, str],
    what: str,
) -> StepResult:
    """Put authorities and lists into service wherever they are not yet; ``trusted`` are both in PEM."""
    bundle, lists = trusted
    lacking = authority_rotation.lacking(known.values(), rotation.plan, wanted)
    # A change of a set first ends what was left half done, even where nothing else is to be done.
    unfinished = bool(rotation.context.result("plan")["consumers"]["unfinished"])
    changes = []
    for given in rotation.sets:
        one = known.get(authority_rotation.key_of(given))
        if one is None:
            continue
        more = {"trust": bundle + one.foreign} if one.has_trust and (one in lacking or unfinished) else {}
        if one.reads_lists:
            more["revocations"] = lists
        changes += [{**given, **more}] if more else []
    result = host_sets.put_trust(rotation.context, changes, what=what, why=lambda _one: rotation.plan.why)
    result += StepResult(acts=bool(changes))
    paths = [one.path for one in lacking if one.is_file]
    if paths and not result.failed:
        result += _put_files(rotation, paths, bundle, what)
    return result


def _put_files(rotation: Rotation, paths: Sequence[str], bundle: str, what: str) -> StepResult:
    given = {"paths": paths, "authorities": rotation.plan.bundle, "trust": bundle}
    answer = rotation.context.ask("certificate_trust_bundle", "files", **given)
    return StepResult(
        changed=answer.changed,
        acts=True,
        actions=[rotation.change(path, what) for path in answer.values.get("files", ())],
        faults=[answer.fault] if answer.fault else [],
    )


def prove(rotation: Rotation) -> StepResult:
    """Show pairs of the remaining CA to every consumer that has to accept them, before anything depends on it."""
    if rotation.stage() != SPREAD:
        return StepResult()
    with Proofs(rotation.authority, rotation.plan.remaining) as proofs:
        return _shown(rotation, "plan", "does not trust", {"accepted": proofs})


def refuse(rotation: Rotation) -> StepResult:
    """Show pairs of the outgoing CA to every consumer that has to refuse them, and of the other one beside them."""
    if rotation.stage("gate") != WITHDRAW:
        return StepResult()
    plan_, authority, lists = rotation.plan, rotation.authority, None
    if plan_.levels == ("intermediate",):
        # The root stays trusted: what distinguishes the two is its list.
        levels = (("root", plan_.remaining), ("intermediate", plan_.remaining), ("intermediate", plan_.outgoing))
        lists = "".join(authority.crl(level=level, generation=each.slot) for level, each in levels)
    with Proofs(authority, plan_.remaining) as good, Proofs(authority, plan_.outgoing) as bad:
        return _shown(rotation, "gather", "is not proved to refuse", {"accepted": good, "refused": bad}, lists)


def _shown(
    rotation: Rotation, known_by: str, complaint: str, pairs: Mapping[str, Proofs], revocations: str | None = None
) -> StepResult:
    """Show a pair of each CA to each consumer that an earlier step found; fails where any does not do as it should."""
    known = rotation.known(known_by)
    shown = [
        [{**given, **_pairs(given, pairs)} for given in part if authority_rotation.key_of(given) in known]
        for part in (rotation.sets, rotation.files)
    ]
    if not any(shown):
        return StepResult()
    answer, plan_ = rotation.info(shown[0], shown[1], revocations=revocations), rotation.plan
    refusing = "refused" in pairs
    wanted = plan_.remaining.fingerprints if refusing else plan_.both
    found = authority_rotation.consumers(rotation.context.host, answer)
    lacking = authority_rotation.lacking(found, plan_, wanted)
    checks = host_sets.checks_of(rotation.context, answer["checks"])
    bad = [f"{one.name}: does not hold what it was given" for one in lacking] + _failing(checks)
    about = plan_.outgoing if refusing else plan_.remaining
    faults = [f"{complaint} {about.name}: {'; '.join(bad)}"] if bad else []
    return StepResult(acts=True, checks=checks, faults=faults, values={"consumers": answer})


def _failing(checks: Iterable[Check]) -> list[str]:
    return [f"{check.name}: {check.message}" for check in checks if check.status != OK]


def _pairs(given: Mapping[str, Any], pairs: Mapping[str, Proofs]) -> dict[str, Any]:
    """A pair of each CA like the one that a set has; a file is read by clients, which verify a server's."""
    if "directory" in given:
        like = {
            "common_name": spec.common_name(given),
            "names": given["names"],
            "organizational_unit": UNITS[given["profile"]],
        }
    else:
        like = {"common_name": PROOF_NAME, "names": [PROOF_NAME], "organizational_unit": UNITS["server"]}
    return {name: proofs.pair(**like) for name, proofs in pairs.items()}


def _with_sessions(rotation: Rotation) -> list[Set]:
    """The sets of this host whose sessions end: in an incident alone, else no client came in that should not have."""
    return [one for one in rotation.sets if one.get("sessions")] if rotation.incident else []


def sessions(rotation: Rotation) -> StepResult:
    """End the sessions that were opened with certificates of the outgoing CA: no client can open another one.

    A step of its own, after all hosts have proved: a session that a host opens to prove something would be ended with
    the others, and would look refused.
    """
    sets = _with_sessions(rotation) if rotation.stage("gate") == WITHDRAW else []
    if not sets:
        return StepResult()
    issued = [row.serial for row in rotation.authority.register(generation=rotation.plan.outgoing.slot)]
    ended = host_sets.end_sessions(rotation.context, sets, issued)
    bad = _failing(ended.checks)
    return ended + StepResult(faults=["; ".join(bad)] if bad else [])


def reissue(rotation: Rotation) -> StepResult:
    """Issue for every set on this host whose certificate is of the outgoing CA."""
    if rotation.stage() != SPREAD:
        return StepResult()
    if not rotation.plan.issues:
        raise RunbookError(f"{rotation.plan.remaining.name} does not issue yet, so nothing more is done")
    known = rotation.known("prove")
    due = {one.key for one in authority_rotation.to_issue(rotation.plan, known.values())}
    wanted = [given for given in rotation.sets if authority_rotation.key_of(given) in due]
    if not wanted:
        return StepResult()
    issue = issue_by(rotation.authority)

    def issue_with_both(one: Set, csr: str) -> Set:
        """With the trust that all sets have now, and whatever else this one trusts."""
        return {**issue(one, csr), "ca": rotation.plan.bundle + known[authority_rotation.key_of(one)].foreign}

    result, _gathered = host_sets.replace_sets(
        rotation.context, wanted, issue_with_both, force=True, why=lambda _reasons: rotation.plan.why
    )
    return StepResult(result.changed, True, result.actions, faults=result.faults)


def gather(rotation: Rotation) -> StepResult:
    """What this host has now, and whether it serves that."""
    if rotation.stage() not in (SPREAD, WITHDRAW):
        return StepResult()
    return StepResult(values={"consumers": rotation.info(rotation.sets, rotation.files, check_ports=True)})
