# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The procedure ``backup_copy``: verified sets are copied off their host, and what is there is checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._core.names import DONE
from ansible_collections.xorb.runbook.plugins.module_utils._core.text import size, some_of

from ..procedure import Answer, Context, Options, Step
from ..result import StepResult
from . import listing
from .host_copies import Copy, described

OPTIONS: Options = {
    **listing.OPTIONS,
    "copies": {"type": "list", "elements": "str"},
    "incident": {"type": "str"},
    "initialize": {"type": "bool"},
    "accept_loss": {"type": "bool"},
    "check": {"type": "bool"},
}

_FAILED = "failed"
_NAMED = 3

#: The options of a run that the module takes as they are.
_PASSED_ON = ("initialize", "accept_loss", "check")


def plan(context: Context) -> StepResult:
    """What would be copied, checked and removed, and what refuses that; changes nothing."""
    found, faults = described(context)
    result = StepResult(faults=faults, values=VALUES)
    for one in found:
        answer = context.ask("backup_set_copy", "due", only_plan=True, **_arguments(context, one))
        context.show(f"{context.host}: {one.label}: {line}" for line in _planned(one, answer))
        values = answer.values
        acts = any(values.get(name) for name in ("due", "checks", "expires", "initializes", "unfinished"))
        shown = [{"copy": one.label, "snapshots": [gone["snapshot"] for gone in values.get("expires", ())]}]
        result += StepResult(
            changed=context.check_mode and acts,
            # What a run finds out is what every check says until the next one: it asks where nothing is due, too.
            acts=True,
            faults=_faults(one, answer),
            values={"shown": [*result.values["shown"], *shown]},
        )
    return result


def _planned(one: Copy, answer: Answer) -> Iterator[str]:
    values, where = answer.values, one.options["repository"]
    for entry in values.get("unfinished", ()):
        yield f"left half done by a run that was killed, and ended first: {entry}"
    if values.get("initializes"):
        yield f"{where} becomes its repository: it is made where there is none, and known to this host from then on"
    for due in values.get("due", ()):
        yield f"{due['id']} ({size(due['size'])}) is copied to {where}"
    if values.get("due") == [] and not values.get("initializes"):
        yield "nothing to copy: no verified set lacks a copy that it needs"
    if values.get("checks"):
        yield f"{where} is checked, and {one.options['read_share']:g} % of its data is read"
    for gone in values.get("expires", ()):
        yield f"the copy of {gone['id']} expires (snapshot {gone['snapshot'][:8]}): {gone['why']}"
    if values.get("nothing_expires") and values.get("copies"):
        yield str(values["nothing_expires"])
    if answer.fault:
        yield f"cannot be copied: {answer.fault}"


def copy(context: Context) -> StepResult:
    """Do what is due for each copy; one that fails costs no other."""
    found, faults = described(context)
    result = StepResult(acts=bool(found), faults=faults)
    shown = {one["copy"]: one["snapshots"] for one in context.result("plan").get("shown", ())}
    for one in found:
        given = {**_arguments(context, one), "expires": shown.get(one.label, [])}
        answer = context.ask_job("backup_set_copy", "copied", one.label, **given)
        result += _done(context, one, answer)
    return result


def _done(context: Context, one: Copy, answer: Answer) -> StepResult:
    where = one.options["repository"]
    done = list(_sentences(where, answer.values))
    context.show(f"{context.host}: {one.label}: {text}" for text, _why in done)
    actions = [
        context.action(one.label, text, why=why, outcome=_FAILED if "is damaged" in text else DONE)
        for text, why in done
    ]
    if answer.fault and not done:
        actions = [context.action(one.label, f"nothing was copied: {answer.fault}", why=_DUE, outcome=_FAILED)]
    return StepResult(
        changed=answer.changed,
        actions=[*context.recovered(answer), *actions],
        faults=_faults(one, answer),
    )


_DUE = "a verified set is to outlive its host"


def _sentences(where: str, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What was done, each with why."""
    if values.get("initialized"):
        yield f"{where} is the repository from now on", "the operator has it initialized"
    for text in values.get("unlocked", ()):
        yield f"removed from {where}: {text}", "its client is dead"
    for one in values.get("copied", ()):
        yield f"set {one['id']} was copied to {where} ({size(one['size'])}) and compared", _DUE
    if proof := values.get("proof"):
        read = f"part {proof['part']} of {proof['parts']} of its data was read"
        found = f"is damaged: {some_of(proof['faults'], _NAMED, separator='; ')}" if proof["faults"] else read
        yield f"{where} was checked: {found}", "a copy counts as long as it can be read"
    for one in values.get("expired", ()):
        yield f"the copy of {one['id']} in {where} expired (snapshot {one['snapshot'][:8]})", one["why"]


def _arguments(context: Context, one: Copy) -> dict[str, Any]:
    return {**one.arguments(context), **{name: context.options[name] for name in _PASSED_ON}}


def _faults(one: Copy, answer: Answer) -> list[str]:
    return [f"{one.label}: {answer.fault}"] if answer.fault else []


#: What the results have that say nothing of it: the snapshots that a plan showed as expiring.
VALUES: Mapping[str, Any] = {"shown": []}

#: In the order in which the playbook takes them. Hosts are independent, and so are copies.
STEPS: Mapping[str, Step] = {"plan": Step(plan, in_check_mode=True), "copy": Step(copy)}
