# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where a ledger is kept: the SQL and the locking, and nothing about what the rows mean.

A second database is a second class with the methods of `Store` and `Rows`.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any, Protocol

from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from ..._core.files import FREE_SPACE, space

#: One row as plain data; a column without a value is absent or ``None``.
Row = dict[str, Any]

#: Marks the file as a ledger ("XRBL"), so that no other database is taken for one.
APPLICATION_ID = 0x5852424C
SCHEMA_VERSION = 2
#: What the schema before this one lacks; a ledger that has it is read as it is, and brought up by the next run.
OLDER_VERSION = 1
ADDED = {"falling": "bigint", "about": "text"}
#: Seconds to wait for other writers and readers.
PATIENCE = 30.0

# The columns of a check have no type on purpose: SQLite would turn the 80 of a REAL column into 80.0, and a hash has to
# find every value as it was written.
SCHEMA = (
    """
    CREATE TABLE runs (
        sequence INTEGER PRIMARY KEY, run_id TEXT NOT NULL, platform TEXT NOT NULL, procedure TEXT NOT NULL,
        topics TEXT NOT NULL, started_at TEXT NOT NULL, finished_at TEXT NOT NULL, who TEXT NOT NULL,
        limited_to TEXT NOT NULL, expected INTEGER NOT NULL, received INTEGER NOT NULL, not_run INTEGER NOT NULL,
        counts TEXT NOT NULL, records INTEGER NOT NULL, records_sha256 TEXT NOT NULL, pruned_through INTEGER NOT NULL,
        previous_sha256 TEXT NOT NULL, sha256 TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE checks (
        sequence INTEGER NOT NULL, id, name, topic, service, host, owner, target, status, message, value, unit,
        warning, critical, threshold_source, remedy, blocked_by, observed_at, duration_ms, falling, about
    )
    """,
    "CREATE TABLE actions (sequence INTEGER NOT NULL, action TEXT NOT NULL)",
    "CREATE INDEX checks_by_run ON checks (sequence)",
    "CREATE INDEX checks_by_key ON checks (host, id, sequence)",
    "CREATE INDEX actions_by_run ON actions (sequence)",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)

#: The columns of a check that hold text; the others hold whatever was measured.
TEXTS = (
    "id", "name", "topic", "service", "host", "owner", "target", "status", "message", "unit", "threshold_source",
    "remedy", "blocked_by", "observed_at", "about",
)  # fmt: skip

INSERT_RUN = """
    INSERT INTO runs VALUES (
        :sequence, :run_id, :platform, :procedure, :topics, :started_at, :finished_at, :who, :limited_to, :expected,
        :received, :not_run, :counts, :records, :records_sha256, :pruned_through, :previous_sha256, :sha256
    )
"""
INSERT_CHECK = """
    INSERT INTO checks VALUES (
        :sequence, :id, :name, :topic, :service, :host, :owner, :target, :status, :message, :value, :unit, :warning,
        :critical, :threshold_source, :remedy, :blocked_by, :observed_at, :duration_ms, :falling, :about
    )
"""
INSERT_ACTION = "INSERT INTO actions VALUES (:sequence, :action)"

#: What SQLite's errors mean for the person who has to fix them, by the beginning of their names.
REASONS = {
    "SQLITE_BUSY": f"was locked by other processes for {PATIENCE:g} s; see which process holds it, then run again",
    "SQLITE_LOCKED": f"was locked by other processes for {PATIENCE:g} s; see which process holds it, then run again",
    "SQLITE_READONLY": "cannot be written: the file or its folder is read-only",
    "SQLITE_CANTOPEN": "cannot be opened: check the permissions of the file and of its folder",
    "SQLITE_FULL": "cannot be written: the disk is full",
    "SQLITE_IOERR": "cannot be read or written: the disk, a quota or a limit on the size of files refused it",
    "SQLITE_NOTADB": "is not an SQLite database; platform_ledger names the wrong file, or something overwrote it",
    "SQLITE_CORRUPT": "is damaged; keep it as evidence, and go on with a copy that verifies",
}


class NoLedger(RunbookError):
    """There is no ledger yet, or nothing in it: no run was recorded so far."""


class Rows(Protocol):
    """What can be read and written within one transaction."""

    def last_run(self) -> Row | None:
        """The newest run."""

    def first_run_since(self, moment: str, *, after: int) -> int | None:
        """The sequence of the first run behind ``after`` that ended at ``moment`` or later."""

    def runs_after(self, sequence: int, limit: int) -> list[Row]:
        """The next runs, oldest first."""

    def records_of(self, sequence: int) -> tuple[list[Row], list[Row]]:
        """The checks and the actions of a run that are still there."""

    def last_recorded(self) -> int:
        """The newest sequence that a check or an action refers to; 0 without any."""

    def add(self, run: Row, checks: list[Row], actions: list[Row]) -> None:
        """Add a run with its checks and actions."""

    def prune(self, through: int) -> None:
        """Remove the checks and actions of all runs up to ``through``."""

    def select(self, statement: str, *values: Any) -> list[Row]:
        """What a query finds that both databases understand, with a ``?`` for each value."""


class Store(Protocol):
    """A place that a ledger is kept in."""

    location: str

    def writing(self) -> AbstractContextManager[Rows]:
        """A transaction that no other writer comes between; makes the ledger where there is none."""

    def reading(self) -> AbstractContextManager[Rows]:
        """A transaction that sees one state throughout."""


class SqliteStore:
    """A ledger in one file."""

    def __init__(self, location: str) -> None:
        path = Path(location).expanduser().absolute()
        self.location = str(path)
        self._path = path

    @contextmanager
    def writing(self) -> Iterator[Rows]:
        """See `Store`."""
        with self._speaking_plainly():
            self._make_file()
            with self._transaction("BEGIN IMMEDIATE") as connection:
                if _is_new(connection):
                    for statement in SCHEMA:
                        connection.execute(statement)
                self._refuse_strangers(connection)
                if _pragma(connection, "user_version") == OLDER_VERSION:
                    for column in ADDED:
                        connection.execute(f"ALTER TABLE checks ADD COLUMN {column}")
                    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
                yield _SqliteRows(connection)

    @contextmanager
    def reading(self) -> Iterator[Rows]:
        """See `Store`."""
        if not self._path.exists():
            raise NoLedger(f"there is no ledger at {self.location}: no run was recorded there yet")
        with self._speaking_plainly(), self._transaction("BEGIN") as connection:
            if _is_new(connection):
                raise NoLedger(f"the ledger {self.location} is empty: no run was recorded there yet")
            self._refuse_strangers(connection)
            yield _SqliteRows(connection)

    def _make_file(self) -> None:
        """Make file and folder before SQLite would, because it knows nothing of modes."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        # mode=rw, because opening must never make a file, and reading may have to undo what a killed writer left.
        uri = f"{self._path.as_uri()}?mode=rw"
        with closing(sqlite3.connect(uri, uri=True, timeout=PATIENCE, isolation_level=None)) as connection:
            connection.row_factory = sqlite3.Row
            # EXTRA is FULL that also syncs the folder, without which a power cut can undo an acknowledged commit.
            connection.execute("PRAGMA synchronous = EXTRA")
            try:
                connection.execute(begin)
                yield connection
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.rollback()

    def _refuse_strangers(self, connection: sqlite3.Connection) -> None:
        if _pragma(connection, "application_id") != APPLICATION_ID:
            raise RunbookError(f"{self.location} is a database, but not a ledger; platform_ledger names the wrong file")
        version = _pragma(connection, "user_version")
        if version not in (OLDER_VERSION, SCHEMA_VERSION):
            raise RunbookError(
                f"the ledger {self.location} has schema {version}, and this release of the collection works with"
                f" schema {SCHEMA_VERSION}; use the release that wrote it, or begin a new ledger in another file"
            )

    @contextmanager
    def _speaking_plainly(self) -> Iterator[None]:
        try:
            yield
        except OSError as exc:
            # Only opening names the file; a write to a full disk does not.
            reason = f"opened: {exc.strerror}: {exc.filename}" if exc.filename else f"written: {exc.strerror}"
            full: dict[str, Any] = {"remedy": space(exc)} if space(exc) else {}
            raise RunbookError(f"the ledger {self.location} cannot be {reason}", **full) from exc
        except sqlite3.Error as exc:
            name = getattr(exc, "sqlite_errorname", "")
            reason = next((text for start, text in REASONS.items() if name.startswith(start)), f"cannot be used: {exc}")
            full = {"remedy": FREE_SPACE} if name.startswith("SQLITE_FULL") else {}
            raise RunbookError(f"the ledger {self.location} {reason}", **full) from exc


class _SqliteRows:
    """The rows of a ledger within one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def last_run(self) -> Row | None:
        return next(iter(self.select("SELECT * FROM runs ORDER BY sequence DESC LIMIT 1")), None)

    def first_run_since(self, moment: str, *, after: int) -> int | None:
        # In order of sequence from where the last run stopped: quick, however many rows of runs there are.
        found = self.select(
            "SELECT sequence FROM runs WHERE sequence > ? AND finished_at >= ? ORDER BY sequence LIMIT 1", after, moment
        )
        return found[0]["sequence"] if found else None

    def runs_after(self, sequence: int, limit: int) -> list[Row]:
        return self.select("SELECT * FROM runs WHERE sequence > ? ORDER BY sequence LIMIT ?", sequence, limit)

    def records_of(self, sequence: int) -> tuple[list[Row], list[Row]]:
        checks = self.select("SELECT * FROM checks WHERE sequence = ?", sequence)
        actions = self.select("SELECT * FROM actions WHERE sequence = ?", sequence)
        for record in (*checks, *actions):
            del record["sequence"]
        return checks, actions

    def last_recorded(self) -> int:
        (found,) = self.select(
            "SELECT max(coalesce((SELECT max(sequence) FROM checks), 0),"
            " coalesce((SELECT max(sequence) FROM actions), 0)) AS last"
        )
        return int(found["last"])

    def add(self, run: Row, checks: list[Row], actions: list[Row]) -> None:
        self._connection.execute(INSERT_RUN, run)
        for statement, records in ((INSERT_CHECK, checks), (INSERT_ACTION, actions)):
            self._connection.executemany(statement, [{"sequence": run["sequence"], **record} for record in records])

    def prune(self, through: int) -> None:
        self._connection.execute("DELETE FROM checks WHERE sequence <= ?", (through,))
        self._connection.execute("DELETE FROM actions WHERE sequence <= ?", (through,))

    def select(self, statement: str, *values: Any) -> list[Row]:
        return [dict(row) for row in self._connection.execute(statement, values)]


def _is_new(connection: sqlite3.Connection) -> bool:
    """Whether there is no table yet."""
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    return not tables and not _pragma(connection, "application_id")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
