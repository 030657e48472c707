# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The procedure ``backup_verify``: sets are restored into scratch and compared, and then what nothing keeps expires."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._core.names import DONE
from ansible_collections.xorb.runbook.plugins.module_utils._core.text import size

from ..._prove.actions import Action
from ..other_host import turn
from ..procedure import Answer, Context, Options, Step
from ..result import StepResult
from . import elsewhere, lines, listing
from .host_backups import Backup, described, refused_for_good, unrefused

OPTIONS: Options = {
    **listing.OPTIONS,
    "incident": {"type": "str"},
    "sets": {"type": "list", "elements": "str"},
    "older": {"type": "bool"},
    "identities": {"type": "list", "elements": "str", "no_log": True},
    "scratch_dir": {"type": "path"},
}

_FAILED = "failed"


def plan(context: Context) -> StepResult:
    """Which sets would be verified, what refuses that, and what expires; changes nothing."""
    found, faults = _selected(context)
    refused: list[str] = []
    result = StepResult(faults=faults, values={"refused": refused})
    for one in found:
        answer = context.ask("backup_set_verify", "due", only_plan=True, **_arguments(context, one))
        context.show(f"{context.host}: {one.label}: {line}" for line in _planned(answer))
        if refused_for_good(context, answer):
            context.show([f"{context.host}: {one.label}: cannot be verified: {answer.fault}"])
            refused.append(one.label)
            result += StepResult(faults=_faults(one, answer))
            continue
        due = bool(answer.values.get("due") or answer.values.get("unfinished"))
        reads = bool(answer.values.get("read_again"))
        result += StepResult(changed=context.check_mode and due, acts=due or reads)
        result += _restores_planned(context, one, answer.values.get("due") or ())
    expiry = _expiry_planned(context, found)
    return result + replace(expiry, changed=context.check_mode and expiry.acts)


def _selected(context: Context) -> tuple[list[Backup], list[str]]:
    found, faults = described(context)
    if context.options["sets"] and len(found) > 1:
        some = ", ".join(one.label for one in found)
        raise RunbookError(f"sets: are those of one backup, and {some} are selected; name it as backups")
    return found, faults


def _planned(answer: Answer) -> Iterator[str]:
    for entry in answer.values.get("unfinished", ()):
        yield f"left half done by a run that was killed, and ended first: {entry}"
    due = answer.values.get("due")
    if due == []:
        yield "nothing to restore: there is no set, or the newest is verified"
    if again := answer.values.get("read_again"):
        yield f"read again, as verified before: {', '.join(again)}"


def _restores_planned(context: Context, one: Backup, due: Sequence[Mapping[str, Any]]) -> StepResult:
    """Say of each set where it would be restored, and why it cannot be; outside of check mode, the run says that."""
    faults = []
    for found in due:
        much = size(found["plain_size"]) if found["plain_size"] is not None else "of unknown size"
        what, how = f"{found['id']} ({much}, {lines.state(found)})", "is restored into scratch and compared"
        if one.verify_on and not found["fault"]:
            how, fault = _placed(context, one, found["id"])
            faults += [f"{one.label}: {found['id']}: {fault}"] if fault else []
        context.show([f"{context.host}: {one.label}: {what} {how}"])
    return StepResult(faults=faults if context.check_mode else ())


def _placed(context: Context, one: Backup, name: str) -> tuple[str, str]:
    """On which host a set would be restored, in words, and why it cannot be."""
    try:
        chosen = elsewhere.place(context, one, name)
    except RunbookError as exc:
        return f"cannot be verified: {exc}", str(exc)
    silent = "".join(f" (no answer of {other})" for other in chosen.silent)
    if chosen.fault:
        return f"cannot be verified on {chosen.host}{silent}: {chosen.fault}", f"{chosen.host}: {chosen.fault}"
    return f"is brought to {chosen.host}, restored into scratch there, and compared{silent}", ""


def _expiry_planned(context: Context, found: list[Backup]) -> StepResult:
    answer = listing.ask(context, found)
    acts = False
    for listed in answer.values.get("backups", ()):
        label = f"{context.host}: {listed['service']}.{listed['backup']}"
        expiring = [one for one in listed["sets"] if one["expires"]]
        acts = acts or bool(expiring)
        when = "" if _newest_is_verified(listed) else " once the newest set is verified"
        context.show(f"{label}: {one['id']} expires{when}: {one['expires']}" for one in expiring)
    return StepResult(acts=acts, faults=[answer.fault] if answer.fault else [])


def verify(context: Context) -> StepResult:
    """Verify what is due; a set that fails costs no other backup its verification."""
    found, faults = unrefused(context, *_selected(context))
    result = StepResult(faults=faults)
    for one in found:
        with turn(context.host):
            answer = context.ask_job("backup_set_verify", "receipts", one.label, **_arguments(context, one))
        result += _verified(context, one, answer)
        for name in answer.values.get("sound", ()):
            result += _verified_elsewhere(context, one, name)
    return result


def _verified(context: Context, one: Backup, answer: Answer) -> StepResult:
    receipts = answer.values.get("receipts", ())
    actions = [_shown(context, one, receipt, lines.proved(receipt)) for receipt in receipts]
    return StepResult(
        changed=answer.changed,
        acts=bool(receipts),
        actions=[*context.recovered(answer), *actions],
        faults=_faults(one, answer),
    )


def _verified_elsewhere(context: Context, one: Backup, name: str) -> StepResult:
    """Verify one set on another host; whatever keeps that from being done costs this set alone."""
    try:
        chosen = elsewhere.place(context, one, name)
        answer = Answer({}, chosen.fault) if chosen.fault else elsewhere.proved(context, one, name, chosen)
    except RunbookError as exc:
        return StepResult(faults=[f"{one.label}: {name}: {exc}"])
    recovered = chosen.there.recovered(answer)
    if answer.fault:
        return StepResult(actions=recovered, faults=[f"{one.label}: {name}: {chosen.host}: {answer.fault}"])
    receipt = answer.values["kept"]
    done = _shown(context, one, receipt, lines.proved(receipt, chosen.host))
    faults = [f"{one.label}: {name}: {fault}" for fault in receipt["faults"]]
    return StepResult(changed=True, acts=True, actions=[*recovered, done], faults=faults)


def _shown(context: Context, one: Backup, receipt: Mapping[str, Any], what: str) -> Action:
    """Print what became of a verification, and return it for the ledger."""
    context.show([f"{context.host}: {one.label}: {what}"])
    outcome = _FAILED if receipt["faults"] else DONE
    return context.action(one.label, what, why="a set counts when it has been restored", outcome=outcome)


def expire(context: Context) -> StepResult:
    """Remove what nothing keeps, of each backup whose newest set is verified; exactly what was listed just now."""
    found, _faults_before = described(context)
    answer = listing.ask(context, found)
    if answer.fault:
        return StepResult(faults=[answer.fault])
    stores = {one.label: one.store() for one in found}
    expiring = []
    for listed in answer.values["backups"]:
        label = f"{listed['service']}.{listed['backup']}"
        names = [one["id"] for one in listed["sets"] if one["expires"]]
        if names and _newest_is_verified(listed):
            expiring.append({**stores[label], "sets": names})
    if not expiring:
        return StepResult()
    answer = context.ask("backup_set_expire", "expired", backups=expiring)
    actions = [
        context.action(f"{one['service']}.{one['backup']}", f"set {one['id']} expired", why=one["why"])
        for one in answer.values.get("expired", ())
    ]
    return StepResult(
        changed=answer.changed,
        acts=bool(actions),
        actions=[*context.recovered(answer), *actions],
        faults=[answer.fault] if answer.fault else [],
    )


def _newest_is_verified(listed: Mapping[str, Any]) -> bool:
    return bool(listed["sets"] and listed["sets"][0]["verified"])


def _arguments(context: Context, one: Backup) -> dict[str, Any]:
    options = context.options
    given = {name: options[name] for name in ("sets", "older")}
    if one.verify_on:
        return {**one.arguments(context), **given, "elsewhere": True}
    scratch = {"scratch_dir": options["scratch_dir"]} if options["scratch_dir"] else {}
    return {**one.arguments(context), **given, **scratch, "identities": options["identities"]}


def _faults(one: Backup, answer: Answer) -> list[str]:
    return [f"{one.label}: {answer.fault}"] if answer.fault else []


#: In the order in which the playbook takes them. Hosts are independent, and so are backups.
STEPS: Mapping[str, Step] = {"plan": Step(plan, in_check_mode=True), "verify": Step(verify), "expire": Step(expire)}

VALUES: Mapping[str, Any] = {"refused": []}
