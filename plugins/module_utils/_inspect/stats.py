# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Servers in depth: every aspect is read and judged on its own, and what was read is kept beside the judgement."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Callable

from .._core.checks import NOT_APPLICABLE, Check, Finding
from .._core.errors import InvalidOptions
from .._core.not_applicable import NOT_APPLICABLE_OPTION
from .._core.options import Given, Option, Options, with_defaults
from .kind import Kind
from .runner import Probe, run_probes

#: What every module that inspects a server in depth has beside its login and its thresholds.
MODULE_OPTIONS: Options = {
    "not_applicable": NOT_APPLICABLE_OPTION,
    "deadline": Option("int", "Seconds after which what has not been answered is V(unknown).", default=60),
}


@dataclass(frozen=True)
class Answer:
    """What was found of one aspect: the judgement, and the facts that it was made from (nothing where none came)."""

    finding: Finding
    facts: Any = None


#: The answers of one server, in the order in which they come.
Answers = Callable[[Given], Iterator[Answer]]


def not_applicable(aspect: str, why: str) -> Answer:
    """The answer for an aspect that is left out."""
    return Answer(Finding(aspect, NOT_APPLICABLE, f"left out: {why}"))


def findings(answers: Answers) -> Callable[[Given], Iterator[Finding]]:
    """The ``run`` of a kind that has these answers."""
    return lambda given: (answer.finding for answer in answers(given))


def examine(
    kind: Kind, answers: Answers, given: Given, *, owner: str, deadline: float
) -> tuple[dict[str, Any], list[Check]]:
    """Inspect once, for a module that wants the facts too: the facts by aspect, and the checks as ``probe`` gives them.

    Raises `InvalidOptions` where options make no sense.
    """
    faults = list(kind.refused(given))
    if faults:
        raise InvalidOptions(faults)
    facts: dict[str, Any] = {}

    def run(options: Given) -> Iterator[Finding]:
        for answer in answers(options):
            if answer.facts is not None:
                facts[answer.finding.aspect] = answer.facts
            yield answer.finding

    identity = {"service": kind.name.partition("_")[0], "point": "info", "owner": owner}
    options = with_defaults(kind.probe_options, {**given, **identity})
    checks = run_probes([Probe(replace(kind, run=run), options)], deadline=deadline)
    return dict(facts), [with_module_source(check) for check in checks]


def with_module_source(check: Check) -> Check:
    """The check of a module, whose thresholds are options where those of a probe stand in a description."""
    if check.threshold_source != "platform description":
        return check
    return replace(check, threshold_source="module options")
