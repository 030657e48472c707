# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What earlier runs found: questions to the ledger that neither append to it nor verify it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, STATUSES, UNKNOWN, Check, worst
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from ..causes import FAILING
from ..silences import PROCEDURE, Silence, standing
from .ledger import canonical, records_sha256, row_sha256
from .location import store_at
from .store import TEXTS, Row, Rows

#: How far back the page looks: so many runs are still legible on a phone.
RUNS = 60
#: How many records it reads at most, so that a large platform does not wait for its own page.
RECORDS = 80_000
#: More results of one check than any ledger has.
ALL = 2**31
#: How the procedures of reports end that say again what others found.
MERGED = "_merged"
#: Runs that did not look at anything are no history.
LOOKED = f"procedure <> '{PROCEDURE}'"
#: Runs that found something themselves.
ORIGINAL = f"substr(procedure, length(procedure) - {len(MERGED) - 1}) <> '{MERGED}'"


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
    """One number that one check of an earlier run measured."""

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
    #: Why there is nothing to see, where the ledger could not be read.
    problem: str = ""


class History:
    """The earlier runs in the ledger at a location. Raises `RunbookError` where there is none."""

    def __init__(self, location: str) -> None:
        self._store = store_at(location)

    @contextmanager
    def rows(self) -> Iterator[Rows]:
        """The rows themselves, for several questions in one transaction."""
        with self._store.reading() as rows:
            yield rows

    def trend(self, *, platform: str, procedure: str, before: int) -> Trend:
        """What runs before ``before`` found, as far back as a page can show."""
        with self._store.reading() as rows:
            pruned = (rows.last_run() or {}).get("pruned_through", 0)
            known = f"platform = ? AND sequence > ? AND sequence < ? AND {LOOKED}"
            of_any = _within_reason(
                _runs(rows, f"{known} AND {ORIGINAL} ORDER BY sequence DESC LIMIT ?", platform, pruned, before, RUNS)
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
        condition = " AND ".join([LOOKED, *(f"{name} = ?" for name in given)])
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

    @contextmanager
    def recollection(self, platform: str, *, but: Iterable[str] = ()) -> Iterator[Recollection]:
        """What a run that is about to judge wants to know, in one transaction.

        ``but`` has the ids of runs that it says again itself.
        """
        with self._store.reading() as rows:
            yield Recollection(rows, platform, frozenset(but))

    def parts(self, *, platform: str, procedure: str, whole: str) -> list[PastRun]:
        """The runs that are marked as a part of ``whole``, oldest first."""
        spelled = canonical(part_of(whole))
        with self._store.reading() as rows:
            return _runs(
                rows,
                "platform = ? AND procedure = ? AND sequence IN (SELECT sequence FROM actions WHERE action = ?)"
                " ORDER BY sequence",
                platform, procedure, spelled,
            )  # fmt: skip

    def checks_of(self, run: PastRun) -> list[Check]:
        """Every check of a run."""
        with self._store.reading() as rows:
            checks, actions = rows.records_of(run.sequence)
        if not checks and run.records > len(actions):
            raise RunbookError(f"the checks of run {run.sequence} were pruned after their time; name a newer run")
        return [check_of(row) for row in checks]


class Recollection:
    """What the ledger remembers of a platform that matters for a verdict."""

    def __init__(self, rows: Rows, platform: str, but: frozenset[str] = frozenset()) -> None:
        self._rows = rows
        self._platform = platform
        self._but = but

    def statuses(self, check: Check, *, limit: int = 0, since: int = 0, until: int = 0) -> list[str]:
        """See `Past`. Whatever procedure looked: a daily run must not wait another day for its second failure."""
        newest = limit + len(self._but) if limit else ALL
        found = self._rows.select(
            "SELECT checks.status, runs.run_id FROM checks JOIN runs ON runs.sequence = checks.sequence"  # noqa: S608
            " WHERE checks.host = ? AND checks.id = ? AND checks.owner = ? AND checks.sequence > ?"
            " AND checks.sequence <= ?"
            f" AND runs.platform = ? AND {ORIGINAL} ORDER BY checks.sequence DESC LIMIT ?",
            check.host, check.id, check.owner, since, until or ALL, self._platform, newest,
        )  # fmt: skip
        known = [
            row["status"] if row["status"] in STATUSES else UNKNOWN for row in found if row["run_id"] not in self._but
        ]
        return known[:limit] if limit else known

    def silences(self) -> tuple[list[Silence], list[str]]:
        """The silences and acknowledgements that no operator ended, and what is wrong with those that do not count.

        Each is taken only as the chain has it: a row that was written by hand could suppress anything.
        """
        pruned = (self._rows.last_run() or {}).get("pruned_through", 0)
        runs = self._rows.select(
            "SELECT * FROM runs WHERE sequence > ? AND platform = ? AND procedure = ? ORDER BY sequence",
            pruned, self._platform, PROCEDURE,
        )  # fmt: skip
        recorded, faults = [], []
        for run in runs:
            checks, actions = self._rows.records_of(run["sequence"])
            if self._as_written(run, checks, actions):
                recorded += [(run, json.loads(row["action"])) for row in actions]
            else:
                faults.append(f"run {run['sequence']}, which silences something, is not as it was written")
        return standing(recorded), faults

    def failures(self) -> list[tuple[int, Check]]:
        """See `Past`: of each procedure, and of each part that it was limited to."""
        pruned = (self._rows.last_run() or {}).get("pruned_through", 0)
        runs = self._rows.select(
            f"SELECT max(sequence) AS newest FROM runs WHERE sequence > ? AND platform = ? AND {LOOKED}"  # noqa: S608
            " GROUP BY procedure, limited_to ORDER BY newest DESC LIMIT ?",
            pruned, self._platform, RUNS,
        )  # fmt: skip
        return [
            (run["newest"], check_of(row))
            for run in runs
            for row in self._rows.select(
                "SELECT * FROM checks WHERE sequence = ? AND status IN (?, ?, ?)", run["newest"], *FAILING
            )
        ]

    def failing(self) -> list[Check]:
        """What failed in the newest run that looked at it, as far back as a page looks."""
        newest: dict[tuple[str, str, str], Check] = {}
        runs = self._rows.select(
            f"SELECT sequence FROM runs WHERE platform = ? AND {LOOKED} ORDER BY sequence DESC LIMIT ?",  # noqa: S608
            self._platform, RUNS,
        )  # fmt: skip
        for run in runs:
            for row in self._rows.records_of(run["sequence"])[0]:
                check = check_of(row)
                newest.setdefault(check.key, check)
        return [check for check in newest.values() if check.status in FAILING]

    def _as_written(self, run: Row, checks: list[Row], actions: list[Row]) -> bool:
        """Whether a run is what was written, and linked to its neighbours."""
        beside = self._rows.select(
            "SELECT sequence, sha256, previous_sha256 FROM runs WHERE sequence IN (?, ?)",
            run["sequence"] - 1, run["sequence"] + 1,
        )  # fmt: skip
        return (
            run["sha256"] == row_sha256(run)
            and run["records"] == len(checks) + len(actions)
            and run["records_sha256"] == records_sha256(checks, actions)
            and all(
                other["sha256"] == run["previous_sha256"]
                if other["sequence"] < run["sequence"]
                else other["previous_sha256"] == run["sha256"]
                for other in beside
            )
        )


def part_of(whole: str) -> dict[str, str]:
    """The action by which a run says that other runs look at the rest."""
    return {"what": "slice", "of": whole}


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


def check_of(row: Row) -> Check:
    """The check that a row holds."""
    # A text that is empty has no value in the ledger, and one that came later no column in an older one.
    return Check.from_dict({**row, **{name: row.get(name) or "" for name in TEXTS}})
