# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Looks in depth: every aspect is asked for and judged on its own, and what was read is kept beside the judgement."""

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

#: What every module that looks in depth has beside its login and its thresholds.
MODULE_OPTIONS: Options = {
    "not_applicable": NOT_APPLICABLE_OPTION,
    "deadline": Option("int", "Seconds after which what has not been answered is V(unknown).", default=60),
}


@dataclass(frozen=True)
class Answer:
    """What was found of one aspect: the judgement, and the facts that it was made from (nothing where none came)."""

    finding: Finding
    facts: Any = None


Look = Callable[[Given], Iterator[Answer]]


def not_asked(aspect: str, why: str) -> Answer:
    """The answer for an aspect that is left out."""
    return Answer(Finding(aspect, NOT_APPLICABLE, f"left out: {why}"))


def findings(look: Look) -> Callable[[Given], Iterator[Finding]]:
    """The ``run`` of a kind that is this look."""
    return lambda given: (answer.finding for answer in look(given))


def examine(kind: Kind, look: Look, given: Given, *, owner: str, deadline: float) -> tuple[dict[str, Any], list[Check]]:
    """Look once, for a module that wants the facts too: the facts by aspect, and the checks as ``probe`` gives them.

    Raises `InvalidOptions` where options make no sense.
    """
    faults = list(kind.refused(given))
    if faults:
        raise InvalidOptions(faults)
    facts: dict[str, Any] = {}

    def run(options: Given) -> Iterator[Finding]:
        for answer in look(options):
            if answer.facts is not None:
                facts[answer.finding.aspect] = answer.facts
            yield answer.finding

    who = {"service": kind.name.partition("_")[0], "point": "info", "owner": owner}
    options = with_defaults(kind.probe_options, {**given, **who})
    checks = run_probes([Probe(replace(kind, run=run), options)], deadline=deadline)
    return dict(facts), [told_by_the_module(check) for check in checks]


def told_by_the_module(check: Check) -> Check:
    """A module has options where a probe has a description."""
    if check.threshold_source != "platform description":
        return check
    return replace(check, threshold_source="module options")
