# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The procedure ``backup_drill``: the newest copy of a backup is restored on a host that is not its own, and timed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._core.names import DONE
from ansible_collections.xorb.runbook.plugins.module_utils._core.text import size

from ..procedure import Answer, Context, Options, Step
from ..result import StepResult
from . import lines, listing
from .host_drills import Drill, described

OPTIONS: Options = {
    **listing.OPTIONS,
    "copies": {"type": "list", "elements": "str"},
    "incident": {"type": "str"},
    "identities": {"type": "list", "elements": "str", "no_log": True},
    "scratch_dir": {"type": "path"},
}

_FAILED = "failed"


def plan(context: Context) -> StepResult:
    """Which copies would be restored here, how long that takes, and what refuses it; changes nothing.

    What refuses it fails the plan in check mode alone: in a run, the drill fails by it, and keeps a receipt of that.
    """
    found, faults = described(context)
    result = StepResult(changed=context.check_mode and bool(found), acts=bool(found), faults=faults)
    for one in found:
        answer = context.ask("backup_set_drill", "due", only_plan=True, **_arguments(context, one))
        context.show(f"{context.host}: {one.label}: {line}" for line in _planned(one, answer))
        result += StepResult(faults=_faults(one, answer) if context.check_mode else ())
    return result


def _planned(one: Drill, answer: Answer) -> Iterator[str]:
    for entry in answer.values.get("unfinished", ()):
        yield f"left half done by a run that was killed, and ended first: {entry}"
    if due := answer.values.get("due"):
        measured = "by the last drill" if due["measured"] else "estimated by its size"
        age = lines.duration(max(time.time() - due["begin"], 0.0))
        yield (
            f"{due['set']} ({size(due['size'])}, begun {age} ago) is fetched out of {one.copy.options['repository']},"
            f" restored into scratch and compared: about {lines.duration(due['seconds'])} ({measured}), and"
            f" {size(due['room'])} in {due['folder']} for as long"
        )
    if answer.fault:
        yield f"cannot be drilled: {answer.fault}"


def drill(context: Context) -> StepResult:
    """Hold the drills of this host, one after the other; one that fails costs no other."""
    found, faults = described(context)
    # The plan has reported what is wrong with the description.
    result = StepResult(acts=bool(found), faults=() if context.result("plan") else faults, values=VALUES)
    for one in found:
        answer = context.ask_job("backup_set_drill", "drill", one.label, **_arguments(context, one))
        result += _held(context, one, answer, result.values["drills"])
    return result


def _held(context: Context, one: Drill, answer: Answer, before: list[Any]) -> StepResult:
    held = answer.values.get("drill")
    what = lines.drilled(held) if held else f"no drill was held: {answer.fault}"
    context.show([f"{context.host}: {one.label}: {what}"])
    done = context.action(one.label, what, why=_WHY, outcome=_FAILED if answer.fault else DONE)
    names = {"service": one.copy.service, "backup": one.copy.backup, "copy": one.copy.name, "owner": one.owner}
    row = {**names, "drills": answer.values.get("drills", [])}
    return StepResult(
        changed=answer.changed,
        actions=[*context.recovered(answer), done],
        faults=_faults(one, answer),
        values={"drills": [*before, row]},
    )


_WHY = "a copy counts when another host has restored it, and in time"


def _arguments(context: Context, one: Drill) -> dict[str, Any]:
    options = context.options
    scratch = {"scratch_dir": options["scratch_dir"]} if options["scratch_dir"] else {}
    return {**one.arguments(context), "identities": options["identities"], **scratch}


def _faults(one: Drill, answer: Answer) -> list[str]:
    return [f"{one.label}: {answer.fault}"] if answer.fault else []


#: What the results have that say nothing of it: the receipts of each copy that was drilled.
VALUES: Mapping[str, Any] = {"drills": []}

#: In the order in which the playbook takes them. Hosts are independent, and so are drills.
STEPS: Mapping[str, Step] = {"plan": Step(plan, in_check_mode=True), "drill": Step(drill)}
