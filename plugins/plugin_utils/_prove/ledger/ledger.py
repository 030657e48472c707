# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The ledger: one row a run, each holding the hash of the row before it, so that changing the past shows.

The format is described in docs/ledger.md, so that a ledger can be verified without this collection.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import Check
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from ..._core.time import moment, utc
from ..report import Report
from .location import store_at
from .store import TEXTS, Row

#: What the first run holds in place of the hash of the run before it.
GENESIS = "0" * 64

SHA256 = re.compile("[0-9a-f]{64}")

#: Nothing that JSON cannot spell is ever written; where it is found all the same, it has to be a fault and not a crash.
SPELLING = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=repr)

#: Runs that are read at once while verifying: a writer waits for a batch at most, never for the whole walk.
BATCH = 100


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: with which run, and what."""

    sequence: int
    what: str

    def __str__(self) -> str:
        return f"run {self.sequence}: {self.what}"


@dataclass(frozen=True)
class Verification:
    """What walking the chain found."""

    path: str
    runs: int = 0
    checked: int = 0
    pruned: int = 0
    head: Mapping[str, Any] = field(default_factory=dict)
    expected_head: str = ""
    expected_at: int = 0
    faults: tuple[Fault, ...] = ()

    @property
    def intact(self) -> bool:
        """Whether nothing contradicts the ledger."""
        return not self.faults

    @property
    def verdict(self) -> str:
        """One sentence that claims no more than was proven."""
        if self.faults:
            further = f" (and {len(self.faults) - 1} more)" if len(self.faults) > 1 else ""
            return f"broken: {self.faults[0]}{further}"
        extent = f"{_count(self.runs, 'run')}, {_count(self.checked, 'check')} as written"
        if self.pruned:
            extent += f", the checks of {_count(self.pruned, 'run')} pruned"
        if not self.expected_head:
            return f"consistent: {extent}; without a head, a cut end or a complete rewrite cannot be seen"
        later = self.runs - self.expected_at
        since = f", {_count(later, 'later run')} consistent with it" if later else ""
        return f"intact up to run {self.expected_at}, whose hash is the given head{since}: {extent}"


class Ledger:
    """The memory of a platform: every run, its operator, what it found."""

    def __init__(self, location: str) -> None:
        """Open the ledger at a path; nothing is read or made before it is used."""
        self._store = store_at(location)

    def append(
        self, report: Report, actions: Iterable[Mapping[str, Any]] = (), *, retention_days: int
    ) -> dict[str, Any]:
        """Add a run and return the new head: ``sequence``, ``sha256`` and ``path``.

        Checks and actions of runs that ended more than ``retention_days`` before this one are removed; the rows of the
        runs stay. All of it happens or nothing does. Raises `RunbookError`.
        """
        if retention_days < 0:
            raise RunbookError(f"platform_ledger_retention: expected a number of days, 0 or more, got {retention_days}")
        checks = [_check_row(check) for check in report.checks]
        acted = [{"action": canonical(action)} for action in actions]
        with self._store.writing() as rows:
            last = rows.last_run()
            run: Row = {
                "sequence": last["sequence"] + 1 if last else 1,
                **_run_row(report),
                "records": len(checks) + len(acted),
                "records_sha256": records_sha256(checks, acted),
                "pruned_through": last["pruned_through"] if last else 0,
                "previous_sha256": last["sha256"] if last else GENESIS,
            }
            oldest = utc(moment(report.finished_at) - timedelta(days=retention_days))
            kept = rows.first_run_since(oldest, after=run["pruned_through"])
            run["pruned_through"] = (kept or run["sequence"]) - 1
            run["sha256"] = row_sha256(run)
            rows.add(run, checks, acted)
            rows.prune(run["pruned_through"])
        return {"sequence": run["sequence"], "sha256": run["sha256"], "path": self._store.location}

    def verify(self, head: str | None = None) -> Verification:
        """Walk the chain from the first run to the last, and look for ``head`` in it where it is given.

        Raises `RunbookError` where there is no ledger to walk.
        """
        if head and not SHA256.fullmatch(head):
            raise RunbookError(f"head: expected the 64 hexadecimal digits that a run printed, got {head!r}")
        walk = _Walk(head or "")
        ended = False
        while not ended:
            with self._store.reading() as rows:
                batch = rows.runs_after(walk.sequence, BATCH)
                # In the same transaction, because a writer may have pruned since the last batch.
                prunable = (rows.last_run() or {}).get("pruned_through", 0)
                for run in batch:
                    walk.step(run, *rows.records_of(run["sequence"]), prunable=prunable)
                ended = not batch
                if ended:
                    walk.end(rows.last_recorded())
        return walk.result(self._store.location)


class _Walk:
    """The state of a verification between two runs."""

    def __init__(self, expected_head: str) -> None:
        self.sequence = 0
        self._previous = GENESIS
        self._expected_head = expected_head
        self._expected_at = 0
        self._runs = self._checked = self._pruned = self._pruned_through = 0
        self._faults: list[Fault] = []

    def step(self, run: Row, checks: list[Row], actions: list[Row], *, prunable: int) -> None:
        """Judge one run by itself, by the one before it, and by what it says it found."""
        sequence = run["sequence"]
        self._judge_link(run)
        if row_sha256(run) != run["sha256"]:
            self._fault(sequence, "its row was changed after it was written")
        elif not self._pruned_through <= run["pruned_through"] < sequence:
            self._fault(sequence, "it claims to have pruned what no run can prune")
        else:
            self._pruned_through = run["pruned_through"]
        self._judge_records(run, checks, actions, prunable)
        if run["sha256"] == self._expected_head:
            self._expected_at = sequence
        self.sequence, self._previous = sequence, run["sha256"]
        self._runs += 1

    def end(self, last_recorded: int) -> None:
        """Judge what can only be judged after the last run."""
        if last_recorded > self.sequence:
            self._fault(last_recorded, "its row is gone, its checks are still there")
        if self._expected_head and not self._expected_at:
            self._fault(self.sequence, "the given head is not in the chain: the ledger was truncated or rewritten")

    def result(self, path: str) -> Verification:
        """Everything found, the first fault first."""
        return Verification(
            path=path,
            runs=self._runs,
            checked=self._checked,
            pruned=self._pruned,
            head={"sequence": self.sequence, "sha256": self._previous} if self._runs else {},
            expected_head=self._expected_head,
            expected_at=self._expected_at,
            faults=tuple(self._faults),
        )

    def _judge_link(self, run: Row) -> None:
        missing = range(self.sequence + 1, run["sequence"])
        if missing:
            last = f" to {missing[-1]}" if len(missing) > 1 else ""
            self._fault(missing[0], f"missing{last}: the chain goes from run {self.sequence} to run {run['sequence']}")
        elif run["previous_sha256"] != self._previous:
            self._fault(run["sequence"], "it does not continue the run before it")

    def _judge_records(self, run: Row, checks: list[Row], actions: list[Row], prunable: int) -> None:
        sequence, written, found = run["sequence"], run["records"], len(checks) + len(actions)
        if written and not found and sequence <= prunable:
            self._pruned += 1
        elif found != written:
            self._fault(sequence, f"{found} of its {_count(written, 'record')} are there")
        elif records_sha256(checks, actions) != run["records_sha256"]:
            self._fault(sequence, "a check or an action was changed after it was written")
        else:
            self._checked += found

    def _fault(self, sequence: int, what: str) -> None:
        self._faults.append(Fault(sequence, what))


def canonical(data: Mapping[str, Any]) -> str:
    """Data as JSON that has one spelling only; keys without a value are left out, so that new ones can be added."""
    present = {key: value for key, value in data.items() if value is not None}
    return SPELLING.encode(present)


def row_sha256(run: Row) -> str:
    """The hash of a run's row: all of it but the hash itself."""
    return _sha256(canonical({key: value for key, value in run.items() if key != "sha256"}))


def records_sha256(checks: Iterable[Row], actions: Iterable[Row]) -> str:
    """The hash of everything that a run found and did, whatever the order."""
    lines = [canonical(record) for record in (*checks, *actions)]
    return _sha256("\n".join(sorted(lines)))


def _run_row(report: Report) -> Row:
    run = report.run
    row = {
        "run_id": run.id,
        "platform": run.platform,
        "procedure": run.procedure,
        "topics": ",".join(run.topics),
        "started_at": utc(moment(run.started_at)),
        "finished_at": utc(moment(report.finished_at)),
        "who": run.who,
        "limited_to": run.limited_to,
        "expected": report.expected,
        "received": report.received,
        "not_run": len(report.not_run),
        "counts": canonical(report.counts),
    }
    return {name: _storable(value) for name, value in row.items()}


def _check_row(check: Check) -> Row:
    values = {**check.as_dict(), "about": check.about, "falling": check.falling or None}
    return {name: value if _is_plain(value) else _column(name, value) for name, value in values.items()}


def _is_plain(value: Any) -> bool:
    """Whether a value is stored as it is, which nearly all are: a text that is not empty, and has nothing foreign."""
    return value is None or (value.__class__ is str and value.isascii() and value != "" and "\0" not in value)


def _column(name: str, value: Any) -> Any:
    """A value as its column holds it; one of PostgreSQL has one type, and a host can say anything."""
    stored = _storable(value)
    if name in TEXTS and stored is not None:
        stored = str(stored)
    # Most checks get worse by rising, and most fields of most checks are empty: without a value they take no room.
    return None if stored == "" else stored


def _storable(value: Any) -> Any:
    """A value as a database gives it back: no booleans, no numbers that JSON or 64 bits cannot hold."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return str(value)
    if isinstance(value, str):
        # A lone surrogate, from a file name that is not UTF-8, can be in a Python string but not in a database.
        # A text of PostgreSQL cannot have a NUL.
        return value.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")
    return value


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
