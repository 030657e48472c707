# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which failing checks do not fail the run, and why. They keep their status: nothing becomes green here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Protocol

from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import Check
from ansible_collections.xorb.runbook.plugins.module_utils._core.names import RUN

from .._core import time as moments
from .._platform.fail_after import AT_ONCE, FailAfter
from .causes import FAILING, identities
from .report import Report, Suppression
from .silences import ACKNOWLEDGEMENT, PARTICIPLES, SILENCE, Silence

PENDING = "pending"
#: For so long an ended silence is mentioned, so that a daily run mentions it once.
MENTIONED = timedelta(days=1)


class Past(Protocol):
    """What earlier runs found of a check."""

    def statuses(self, check: Check, *, limit: int = 0, since: int = 0, until: int = 0) -> list[str]:
        """Its statuses in the newest ``limit`` runs that looked at it (0: all), newest first.

        Of the runs after ``since``, and no later than ``until`` (0: up to now).
        """

    def failures(self) -> Iterable[tuple[int, Check]]:
        """What failed in the newest run of each procedure, with the run."""


def suppressed(
    report: Report,
    *,
    silences: Iterable[Silence],
    fail_after: Callable[[Check], FailAfter],
    past: Past,
    described: Callable[[], Iterable[Check]],
) -> Report:
    """The report with a suppression for each failing check that has one, and notes about silences that do nothing.

    ``described`` yields everything that the platform has, whatever this run looked at.
    """
    now = moments.moment(report.finished_at)
    known = list(silences)
    in_force = [silence for silence in known if not silence.ended(now)]
    search = _Search(report, in_force, fail_after, past)
    suppressions = {
        check.address: suppression for check in report.failing(FAILING) if (suppression := search.suppression(check))
    }
    everything = [*report.checks, *described()] if in_force else []
    notes = [
        *(f"matches nothing: {silence}" for silence in in_force if not any(map(silence.matches, everything))),
        *search.notes,
        *_ended((silence for silence in known if silence.ended(now)), report, suppressions, now),
    ]
    causes = tuple(
        cause
        for cause in report.causes
        # One that explains a check that is not suppressed itself is still what has to be fixed.
        if not {cause.check, *cause.explains} <= suppressions.keys()
    )
    return replace(report, suppressions=suppressions, notes=(*report.notes, *notes), causes=causes)


class _Search:
    """Finds the suppression of a check: a silence first, since that is the clearest."""

    def __init__(
        self, report: Report, in_force: Iterable[Silence], fail_after: Callable[[Check], FailAfter], past: Past
    ) -> None:
        self._report = report
        silences = list(in_force)
        self._silences = [silence for silence in silences if silence.kind == SILENCE]
        self._acknowledgements = [silence for silence in silences if silence.kind == ACKNOWLEDGEMENT]
        self._fail_after = fail_after
        self._past = past
        self._by_address = {check.address: check for check in report.checks} if self._acknowledgements else {}
        self._notes: dict[str, None] = {}

    @property
    def notes(self) -> list[str]:
        """Notes about acknowledgements that are over."""
        return list(self._notes)

    def suppression(self, check: Check) -> Suppression | None:
        for silence in self._silences:
            if silence.matches(check):
                return _by(silence, check)
        for silence in self._acknowledgements:
            if self._acknowledged(silence, check):
                return _by(silence, check)
        return self._consequence(check) or self._pending(check)

    def _acknowledged(self, silence: Silence, check: Check) -> bool:
        """Whether an acknowledgement is about a check, and still holds for it."""
        if not silence.matches(check):
            return False
        # It was about what failed then. Whatever was fine, then or once since, is news when it fails.
        then = self._past.statuses(check, limit=1, until=silence.id)
        if not then or then[0] not in FAILING:
            return False
        if all(status in FAILING for status in self._past.statuses(check, since=silence.id)):
            return True
        self._notes[f"over, since {check.address} was fine meanwhile: {silence}"] = None
        return False

    def _consequence(self, check: Check) -> Suppression | None:
        """The suppression of a check whose cause is acknowledged.

        The cause as this run found it, or, where this procedure does not inspect the cause, as the ledger has it.
        """
        if not self._acknowledgements:
            return None
        cause = self._by_address.get(check.blocked_by)
        for silence in self._acknowledgements:
            if cause and self._acknowledged(silence, cause):
                return _by(silence, check, cause)
        return self._known.suppression(check)

    @cached_property
    def _known(self) -> _Known:
        failures = list(self._past.failures())
        causes = [
            (silence, check)
            for silence in self._acknowledgements
            for _run, check in failures
            if self._acknowledged(silence, check)
        ]
        return _Known(causes, failures, self._past)

    def _pending(self, check: Check) -> Suppression | None:
        """The suppression of a check that has not failed often enough."""
        patience = self._fail_after(check)
        if check.service == RUN or patience == AT_ONCE or check.status not in self._report.fail_on:
            return None
        earlier = self._past.statuses(check, limit=patience.runs - 1)
        failures = 1 + sum(status in self._report.fail_on for status in earlier)
        if failures >= patience.failures:
            return None
        sentence = f"failed in {failures} of the last {len(earlier) + 1} runs, fails the run after {patience}"
        return Suppression(check.address, PENDING, sentence)


class _Known:
    """The acknowledged causes that the ledger knows, by what they explain."""

    def __init__(
        self, causes: Iterable[tuple[Silence, Check]], failures: Iterable[tuple[int, Check]], past: Past
    ) -> None:
        self._past = past
        self._by_fault: dict[Any, tuple[Silence, Check]] = {}
        by_address: dict[str, tuple[Silence, Check]] = {}
        for silence, cause in causes:
            by_address.setdefault(cause.address, (silence, cause))
            for fault in identities(cause):
                self._by_fault.setdefault(fault, (silence, cause))
        #: What was explained by one of them, and in which run.
        self._explained = {
            check.key: (run, *by_address[check.blocked_by]) for run, check in failures if check.blocked_by in by_address
        }

    def suppression(self, check: Check) -> Suppression | None:
        for fault in sorted(identities(check)):
            if fault in self._by_fault:
                return _by(self._by_fault[fault][0], check, self._by_fault[fault][1])
        if check.key not in self._explained:
            return None
        run, silence, cause = self._explained[check.key]
        ever_since = all(status in FAILING for status in self._past.statuses(check, since=run))
        return _by(silence, check, cause) if ever_since else None


def _by(silence: Silence, check: Check, cause: Check | None = None) -> Suppression:
    what = f"{cause.address} is " if cause else ""
    sentence = f"{what}{PARTICIPLES[silence.kind]} until {silence.end} by {silence.by}: {silence.reason}"
    return Suppression(check.address, silence.kind, sentence, silence=silence.id, by=silence.by, until=silence.until)


def _ended(
    ended: Iterable[Silence], report: Report, suppressions: Mapping[str, Suppression], now: datetime
) -> Iterator[str]:
    """What to say of silences whose time is over: they were there a moment ago, or were meant for what fails now."""
    failing = [check for check in report.failing(FAILING) if check.address not in suppressions]
    for silence in ended:
        still = sum(map(silence.matches, failing))
        if still:
            yield f"ended, and {still} of its checks {'fails' if still == 1 else 'fail'}: {silence}"
        elif now - moments.moment(silence.until) < MENTIONED:
            yield f"ended: {silence}"
