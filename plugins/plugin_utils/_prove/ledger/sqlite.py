# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A ledger in one file: how SQLite keeps it, locks it, and what its errors mean."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from ..._core.files import FREE_SPACE, space
from .store import ADDED, APPLICATION_ID, OLDER_VERSION, PATIENCE, SCHEMA_VERSION, NoLedger, Row, Rows, tables

SCHEMA = (
    # The columns of a check have no type on purpose: SQLite would turn the 80 of a REAL column into 80.0, and a hash
    # has to find every value as it was written.
    *tables(number="INTEGER", text="TEXT", measured="{name}"),
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)

#: What SQLite's errors mean for the operator who has to fix them, by the beginning of their names.
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


class _SqliteRows(Rows):
    """The rows of a ledger within one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def select(self, statement: str, *values: Any) -> list[Row]:
        return [dict(row) for row in self._connection.execute(statement, values)]

    def execute(self, statement: str, *values: Any) -> None:
        self._connection.execute(statement, values)

    def insert(self, statement: str, rows: list[Row]) -> None:
        self._connection.executemany(statement, rows)


def _is_new(connection: sqlite3.Connection) -> bool:
    """Whether there is no table yet."""
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    return not tables and not _pragma(connection, "application_id")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
