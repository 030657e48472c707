# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The procedure ``backup_verify``: sets are restored into scratch and compared, and then what nothing keeps expires."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._core.names import DONE
from ansible_collections.xorb.runbook.plugins.module_utils._core.text import size

from ..procedure import Answer, Context, Options, Step
from ..result import StepResult
from . import lines, listing
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
            refused.append(one.label)
            result += StepResult(faults=_faults(one, answer))
            continue
        due = bool(answer.values.get("due") or answer.values.get("unfinished"))
        reads = bool(answer.values.get("read_again"))
        result += StepResult(changed=context.check_mode and due, acts=due or reads)
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
    for one in due or ():
        much = size(one["plain_size"]) if one["plain_size"] is not None else "of unknown size"
        yield f"{one['id']} ({much}, {lines.state(one)}) is restored into scratch and compared"
    if answer.fault:
        yield f"cannot be verified: {answer.fault}"


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
        given = _arguments(context, one)
        answer = context.ask_job("backup_set_verify", "receipts", one.label, **given)
        result += _verified(context, one, answer)
    return result


def _verified(context: Context, one: Backup, answer: Answer) -> StepResult:
    receipts = answer.values.get("receipts", ())
    context.show(f"{context.host}: {one.label}: {lines.proved(receipt)}" for receipt in receipts)
    actions = [
        context.action(
            one.label,
            lines.proved(receipt),
            why="a set counts when it has been restored",
            outcome=_FAILED if receipt["faults"] else DONE,
        )
        for receipt in receipts
    ]
    return StepResult(
        changed=answer.changed,
        acts=bool(receipts),
        actions=[*context.recovered(answer), *actions],
        faults=_faults(one, answer),
    )


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
    given = {name: options[name] for name in ("sets", "older", "identities")}
    scratch = {"scratch_dir": options["scratch_dir"]} if options["scratch_dir"] else {}
    return {**one.arguments(context), **given, **scratch}


def _faults(one: Backup, answer: Answer) -> list[str]:
    return [f"{one.label}: {answer.fault}"] if answer.fault else []


#: In the order in which the playbook takes them. Hosts are independent, and so are backups.
STEPS: Mapping[str, Step] = {"plan": Step(plan, in_check_mode=True), "verify": Step(verify), "expire": Step(expire)}

VALUES: Mapping[str, Any] = {"refused": []}
