# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What every database keeps of a ledger: its tables, and the statements that read and write them; not what rows mean.

A database is a `Store`, with `Rows` that say how it runs a statement.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any, Protocol

from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

#: One row as plain data; a column without a value is absent or ``None``.
Row = dict[str, Any]

#: Marks a database as a ledger ("XRBL"), so that no other one is taken for it.
APPLICATION_ID = 0x5852424C
SCHEMA_VERSION = 2
#: What the schema before this one lacks; a ledger that has it is read as it is, and brought up by the next run.
OLDER_VERSION = 1
ADDED = {"falling": "bigint", "about": "text"}
#: Seconds to wait for other writers and readers.
PATIENCE = 30.0

#: The columns of a run, in the order of the table; `WHOLE` are the numbers among them, and the others hold text.
RUN = (
    "sequence", "run_id", "platform", "procedure", "topics", "started_at", "finished_at", "who", "limited_to",
    "expected", "received", "not_run", "counts", "records", "records_sha256", "pruned_through", "previous_sha256",
    "sha256",
)  # fmt: skip
WHOLE = ("expected", "received", "not_run", "records", "pruned_through")
#: The columns of a check, in the order of the table; `TEXTS` hold text, and the others whatever was measured.
CHECK = (
    "sequence", "id", "name", "topic", "service", "host", "owner", "target", "status", "message", "value", "unit",
    "warning", "critical", "threshold_source", "remedy", "blocked_by", "observed_at", "duration_ms", *ADDED,
)  # fmt: skip
TEXTS = (
    "id", "name", "topic", "service", "host", "owner", "target", "status", "message", "unit", "threshold_source",
    "remedy", "blocked_by", "observed_at", "about",
)  # fmt: skip
ACTION = ("sequence", "action")

INDEXES = (
    "CREATE INDEX checks_by_run ON checks (sequence)",
    "CREATE INDEX checks_by_key ON checks (host, id, sequence)",
    "CREATE INDEX actions_by_run ON actions (sequence)",
)


def tables(*, number: str, text: str, measured: str) -> tuple[str, ...]:
    """The statements that make the tables, with a database's types.

    ``number`` is the type of whole numbers and ``text`` that of texts; ``measured`` is how the column of a check is
    defined, with ``{name}`` and, where the database has types for them, ``{type}``.
    """
    runs = (f"{name} {number if name in WHOLE else text} NOT NULL" for name in RUN[1:])
    checks = (measured.format(name=name, type=ADDED.get(name, "text")) for name in CHECK[1:])
    return (
        f"CREATE TABLE runs (sequence {number} PRIMARY KEY, {', '.join(runs)})",
        f"CREATE TABLE checks (sequence {number} NOT NULL, {', '.join(checks)})",
        f"CREATE TABLE actions (sequence {number} NOT NULL, action {text} NOT NULL)",
        *INDEXES,
    )


def _insert(table: str, columns: Iterable[str]) -> str:
    return f"INSERT INTO {table} VALUES ({', '.join(f':{name}' for name in columns)})"  # noqa: S608 - names of this file


INSERT_RUN = _insert("runs", RUN)
INSERT_CHECK = _insert("checks", CHECK)
INSERT_ACTION = _insert("actions", ACTION)


class NoLedger(RunbookError):
    """There is no ledger yet, or nothing in it: no run was recorded so far."""


class Rows(ABC):
    """What can be read and written within one transaction."""

    @abstractmethod
    def select(self, statement: str, *values: Any) -> list[Row]:
        """What a query finds that every database understands, with a ``?`` for each value."""

    @abstractmethod
    def execute(self, statement: str, *values: Any) -> None:
        """Run a statement that finds nothing, with a ``?`` for each value."""

    @abstractmethod
    def insert(self, statement: str, rows: list[Row]) -> None:
        """Run a statement for each row, with a ``:name`` for each of its values."""

    def stored(self, check: Row) -> Row:
        """A check as the database keeps it."""
        return check

    def last_run(self) -> Row | None:
        """The newest run."""
        return next(iter(self.select("SELECT * FROM runs ORDER BY sequence DESC LIMIT 1")), None)

    def first_run_since(self, moment: str, *, after: int) -> int | None:
        """The sequence of the first run behind ``after`` that ended at ``moment`` or later."""
        # In order of sequence from where the last run stopped: quick, however many rows of runs there are.
        found = self.select(
            "SELECT sequence FROM runs WHERE sequence > ? AND finished_at >= ? ORDER BY sequence LIMIT 1", after, moment
        )
        return found[0]["sequence"] if found else None

    def runs_after(self, sequence: int, limit: int) -> list[Row]:
        """The next runs, oldest first."""
        return self.select("SELECT * FROM runs WHERE sequence > ? ORDER BY sequence LIMIT ?", sequence, limit)

    def records_of(self, sequence: int) -> tuple[list[Row], list[Row]]:
        """The checks and the actions of a run that are still there."""
        checks = self.select("SELECT * FROM checks WHERE sequence = ?", sequence)
        actions = self.select("SELECT * FROM actions WHERE sequence = ?", sequence)
        for record in (*checks, *actions):
            del record["sequence"]
        return checks, actions

    def last_recorded(self) -> int:
        """The newest sequence that a check or an action refers to; 0 without any."""
        (found,) = self.select(
            "SELECT coalesce(max(sequence), 0) AS last FROM (SELECT max(sequence) AS sequence FROM checks"
            " UNION ALL SELECT max(sequence) FROM actions) AS recorded"
        )
        return int(found["last"])

    def add(self, run: Row, checks: list[Row], actions: list[Row]) -> None:
        """Add a run with its checks and actions."""
        sequence = {"sequence": run["sequence"]}
        self.insert(INSERT_RUN, [run])
        self.insert(INSERT_CHECK, [{**sequence, **self.stored(check)} for check in checks])
        self.insert(INSERT_ACTION, [{**sequence, **action} for action in actions])

    def prune(self, through: int) -> None:
        """Remove the checks and actions of all runs up to ``through``."""
        self.execute("DELETE FROM checks WHERE sequence <= ?", through)
        self.execute("DELETE FROM actions WHERE sequence <= ?", through)


class Store(Protocol):
    """A database that a ledger is kept in."""

    location: str

    def writing(self) -> AbstractContextManager[Rows]:
        """A transaction that no other writer comes between; makes the ledger where there is none."""

    def reading(self) -> AbstractContextManager[Rows]:
        """A transaction that sees one state throughout."""
