# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The procedure ``backup_create``: one set of each backup of a host, which is whole or is not there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._core.text import size

from ..procedure import Answer, Context, Options, Step
from ..result import StepResult
from . import lines, listing
from .host_backups import Backup, described, refused_for_good, unrefused

OPTIONS: Options = {**listing.OPTIONS, "incident": {"type": "str"}}

#: How the actions say that a set was not taken.
_FAILED = "failed"


def plan(context: Context) -> StepResult:
    """What would be written, how long that takes, what refuses it, and what expires; changes nothing."""
    found, faults = described(context)
    refused = []
    for one in found:
        answer = context.ask("backup_set", "forecast", only_plan=True, **one.arguments(context))
        context.show(f"{context.host}: {one.label}: {line}" for line in _planned(answer))
        if refused_for_good(context, answer):
            refused.append(one.label)
            faults += _faults(one, answer)
    acts = len(refused) < len(found)
    result = StepResult(changed=context.check_mode and acts, acts=acts, faults=faults, values={"refused": refused})
    return result + StepResult(faults=_expiring(context, found))


def _planned(answer: Answer) -> Iterator[str]:
    yield from (f"left half done by a run that was killed, and ended first: {entry}" for entry in _unfinished(answer))
    forecast = answer.values.get("forecast")
    if forecast:
        yield from forecast["lines"]
        yield f"a set of at most {size(forecast['plain_bytes'])} is taken{_as_before(answer.values['predicted'])}"
    if answer.fault:
        yield f"cannot be taken: {answer.fault}"


def _unfinished(answer: Answer) -> list[str]:
    return list(answer.values.get("unfinished", ()))


def _as_before(predicted: Mapping[str, Any]) -> str:
    if not predicted:
        return "; there is no earlier one to predict its size and time by"
    return f"; by the last ones about {size(predicted['bytes'])} in {lines.duration(predicted['seconds'])}"


def _expiring(context: Context, found: list[Backup]) -> list[str]:
    """Show what the next verification lets expire; returns why that is not known."""
    answer = listing.ask(context, found)
    for listed in answer.values.get("backups", ()):
        label = f"{context.host}: {listed['service']}.{listed['backup']}"
        expires = [one["id"] for one in listed["sets"] if one["expires"]]
        context.show([f"{label}: after its verification {', '.join(expires)} expire"] if expires else [])
    return [answer.fault] if answer.fault else []


def create(context: Context) -> StepResult:
    """Take a set of each backup; one that cannot be taken costs no other."""
    found, faults = unrefused(context, *described(context))
    result = StepResult(acts=bool(found), faults=faults, values={"sets": []})
    for one in found:
        answer = context.ask_job("backup_set", "set", one.label, **one.arguments(context))
        result += _taken(context, one, answer, result.values["sets"])
    return result


def _taken(context: Context, one: Backup, answer: Answer, before: list[Any]) -> StepResult:
    recovered = context.recovered(answer)
    if answer.fault:
        failed = context.action(one.label, f"no set was taken: {answer.fault}", why="a backup was due", outcome=_FAILED)
        return StepResult(changed=answer.changed, actions=[*recovered, failed], faults=_faults(one, answer))
    made = answer.values["set"]
    context.show([f"{context.host}: {one.label}: {lines.taken(made)}"])
    done = context.action(one.label, lines.taken(made), why="a backup was due")
    row = {"service": one.service, "backup": one.name, **made}
    return StepResult(changed=True, actions=[*recovered, done], values={"sets": [*before, row]})


def _faults(one: Backup, answer: Answer) -> list[str]:
    return [f"{one.label}: {answer.fault}"] if answer.fault else []


#: In the order in which the playbook takes them. Hosts are independent: where one fails, the others are backed up.
STEPS: Mapping[str, Step] = {"plan": Step(plan, in_check_mode=True), "create": Step(create)}

VALUES: Mapping[str, Any] = {"sets": [], "refused": []}
