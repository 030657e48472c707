# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What earlier runs found: questions to the ledger that neither append to it nor verify it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

from ansible_collections.xorb.runbook.plugins.module_utils._checks import (
    CRITICAL,
    STATUSES,
    UNKNOWN,
    Check,
    worst,
)
from ansible_collections.xorb.runbook.plugins.module_utils._errors import RunbookError
from ansible_collections.xorb.runbook.plugins.plugin_utils._ledger_location import store_at
from ansible_collections.xorb.runbook.plugins.plugin_utils._ledger_store import TEXTS, Row, Rows

#: How far back the page looks: so many runs are still legible on a phone.
RUNS = 60
#: How many records it reads at most, so that a large platform does not wait for its own page.
RECORDS = 80_000


@dataclass(frozen=True)
class PastRun:
    """A run as the ledger remembers it."""

    sequence: int
    run_id: str
    platform: str
    procedure: str
    finished_at: str
    who: str
    limited_to: str
    expected: int
    received: int
    not_run: int
    records: int
    counts: Mapping[str, int]

    @property
    def good(self) -> bool:
        """Whether nothing was wrong or unknown, and nothing that was expected failed to arrive."""
        return not (self.counts.get(CRITICAL) or self.counts.get(UNKNOWN)) and self.received == (
            self.expected - self.not_run
        )

    def as_dict(self) -> dict[str, Any]:
        """The run as plain data."""
        return {**self.__dict__, "counts": dict(self.counts), "good": self.good}


class Sample(NamedTuple):
    """One number that one look of an earlier run measured."""

    id: str
    host: str
    owner: str
    unit: str
    value: float


@dataclass(frozen=True)
class Past:
    """An earlier run with what is worth drawing of it."""

    run: PastRun
    services: Mapping[str, str] = field(default_factory=dict)
    samples: tuple[Sample, ...] = ()


@dataclass(frozen=True)
class Trend:
    """What led up to a run, oldest first: earlier runs of the same procedure, and the newest ones of any."""

    same: tuple[Past, ...] = ()
    any: tuple[Past, ...] = ()
    #: Why there is nothing to see, where the ledger could not be asked.
    problem: str = ""


class History:
    """The earlier runs in the ledger at a location. Raises `RunbookError` where there is none."""

    def __init__(self, location: str) -> None:
        self._store = store_at(location)

    def trend(self, *, platform: str, procedure: str, before: int) -> Trend:
        """What runs before ``before`` found, as far back as a page can show."""
        with self._store.reading() as rows:
            pruned = (rows.last_run() or {}).get("pruned_through", 0)
            known = "platform = ? AND sequence > ? AND sequence < ?"
            of_any = _within_reason(
                _runs(rows, f"{known} ORDER BY sequence DESC LIMIT ?", platform, pruned, before, RUNS)
            )
            same = _within_reason(
                _runs(
                    rows,
                    f"{known} AND procedure = ? ORDER BY sequence DESC LIMIT ?",
                    platform, pruned, before, procedure, RUNS,
                )
            )  # fmt: skip
            wanted = {run.sequence: run for run in (*same, *of_any)}
            past = {sequence: _past(rows, run) for sequence, run in wanted.items()}
        return Trend(
            tuple(past[run.sequence] for run in reversed(same)),
            tuple(past[run.sequence] for run in reversed(of_any)),
        )

    def run(self, reference: str) -> PastRun:
        """The run with this sequence or id."""
        column = "sequence" if reference.isdecimal() else "run_id"
        with self._store.reading() as rows:
            found = _runs(rows, f"{column} = ?", int(reference) if reference.isdecimal() else reference)
        if not found:
            raise RunbookError(f"there is no run {reference} in the ledger {self._store.location}")
        return found[0]

    def newest(self, *, platform: str = "", procedure: str = "") -> PastRun:
        """The newest run, of a platform and a procedure where they are given."""
        given = {name: value for name, value in (("platform", platform), ("procedure", procedure)) if value}
        condition = " AND ".join([f"{name} = ?" for name in given] or ["sequence > 0"])
        with self._store.reading() as rows:
            found = _runs(rows, f"{condition} ORDER BY sequence DESC LIMIT 1", *given.values())
        if not found:
            wanted = " of ".join(word for word in ("no run", procedure, platform) if word)
            raise RunbookError(f"there is {wanted} in the ledger {self._store.location}")
        return found[0]

    def last_good_before(self, run: PastRun) -> PastRun:
        """The newest good run of the same procedure before this one, whose checks are still there.

        A run that was limited is taken only where this one was limited to the same.
        """
        with self._store.reading() as rows:
            pruned = (rows.last_run() or {}).get("pruned_through", 0)
            sequence = run.sequence
            while found := _runs(
                rows,
                "platform = ? AND procedure = ? AND limited_to IN ('', ?) AND sequence > ? AND sequence < ?"
                " ORDER BY sequence DESC LIMIT ?",
                run.platform, run.procedure, run.limited_to, pruned, sequence, RUNS,
            ):  # fmt: skip
                good = next((past for past in found if past.good), None)
                if good:
                    return good
                sequence = found[-1].sequence
        raise RunbookError(
            f"there is no good run of {run.procedure} before run {run.sequence} in the ledger"
            f" {self._store.location} whose checks are still there; name a run to compare with"
        )

    def checks_of(self, run: PastRun) -> list[Check]:
        """Every check of a run."""
        with self._store.reading() as rows:
            checks, actions = rows.records_of(run.sequence)
        if not checks and run.records > len(actions):
            raise RunbookError(f"the checks of run {run.sequence} were pruned after their time; name a newer run")
        return [_check(row) for row in checks]


def _runs(rows: Rows, condition: str, *values: Any) -> list[PastRun]:
    # The condition is one of the constants above; values go in as parameters.
    return [_run(row) for row in rows.select(f"SELECT * FROM runs WHERE {condition}", *values)]  # noqa: S608


def _run(row: Row) -> PastRun:
    try:
        counts = dict(json.loads(row["counts"]))
    except (TypeError, ValueError) as exc:
        raise RunbookError(f"run {row['sequence']} of the ledger was changed; see xorb.runbook.ledger_verify") from exc
    return PastRun(**{one.name: row[one.name] for one in fields(PastRun) if one.name != "counts"}, counts=counts)


def _within_reason(newest_first: Iterable[PastRun]) -> list[PastRun]:
    """As many of the newest runs as the limit of records lets through, and always the newest one."""
    taken: list[PastRun] = []
    records = 0
    for run in newest_first:
        records += run.records
        if taken and records > RECORDS:
            break
        taken.append(run)
    return taken


def _past(rows: Rows, run: PastRun) -> Past:
    found = rows.select(
        "SELECT service, status, id, host, owner, unit, value FROM checks WHERE sequence = ?", run.sequence
    )
    statuses: dict[str, set[str]] = defaultdict(set)
    samples = []
    for row in found:
        statuses[row["service"] or ""].add(row["status"] if row["status"] in STATUSES else UNKNOWN)
        value = row["value"]
        if isinstance(value, (int, float)) and row["unit"]:
            samples.append(Sample(row["id"], row["host"] or "", row["owner"] or "", row["unit"], float(value)))
    return Past(run, {service: worst(known) for service, known in statuses.items()}, tuple(samples))


def _check(row: Row) -> Check:
    # A text that is empty has no value in the ledger.
    return Check.from_dict({**row, **{name: row[name] or "" for name in TEXTS}})
