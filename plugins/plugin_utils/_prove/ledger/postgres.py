# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A ledger in PostgreSQL: the same rows and the same chain as in a file, for control nodes that are thrown away."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

from ansible_collections.xorb.runbook.plugins.module_utils._clients.postgres import HOMELESS
from ansible_collections.xorb.runbook.plugins.module_utils._core import surroundings
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from ..render import formatting
from .store import ADDED, APPLICATION_ID, OLDER_VERSION, PATIENCE, SCHEMA_VERSION, NoLedger, Row, Rows, tables

#: The one spelling that is understood. Where a password has a character that ends it early, nothing is shown of it.
ADDRESS = re.compile(
    r"(?P<scheme>postgres(?:ql)?)://(?:(?P<user>[^:@/?#\s]*)(?::(?P<password>[^:@/?#\s]*))?@)?"
    r"(?P<host>[^@/?#\s]*)(?:/(?P<database>[^@/?#\s]*))?(?:\?(?P<options>[^#\s]*))?"
)
#: Seconds to wait for a server that does not answer at all.
CONNECT_SECONDS = 10

SCHEMA_NAME = "runbook_ledger"
MARK, OLDER_MARK = (f"xorb.runbook ledger, schema {version}" for version in (SCHEMA_VERSION, OLDER_VERSION))
MARKING = f"COMMENT ON SCHEMA {SCHEMA_NAME} IS '{MARK}'"

#: A number has to be found as it was written, 80 as 80 and 80.0 as 80.0, so these columns hold JSON.
SPELLED = ("value", "warning", "critical", "duration_ms")

SCHEMA = (
    f"CREATE SCHEMA {SCHEMA_NAME}",
    MARKING,
    f"SET LOCAL search_path = {SCHEMA_NAME}",
    *tables(number="bigint", text="text", measured="{name} {type}"),
)

#: What PostgreSQL's errors mean for the operator who has to fix them, by the beginning of their codes.
REASONS = {
    "28": "refuses the login: see the user and the password in platform_ledger, and pg_hba.conf",
    "3D000": "has no such database: create it, and give its owner's name in platform_ledger",
    "42501": "may not be used by this user: let it own the database, or the schema runbook_ledger",
    "25006": "cannot be written: the server is a standby, or read-only",
    "53100": "cannot be written: the server's disk is full",
    "53300": "takes no more connections",
    "55P03": f"was locked by other writers for {PATIENCE:g} s; see which session holds it, then run again",
    "57P": "is starting, stopping or ended the session; run again",
}

#: What a session that was refused says, which has no code, and what it stands for.
UNCODED = {
    "authentication failed": "28",
    "no pg_hba.conf entry": "28",
    "role ": "28",
    "database ": "3D000",
    "too many": "53300",
}


class PostgresStore:
    """A ledger in a database of a PostgreSQL server."""

    def __init__(self, address: str) -> None:
        parts = ADDRESS.fullmatch(address)
        if not parts or not parts["host"] or not parts["database"]:
            raise RunbookError(
                "platform_ledger: expected postgresql://user:password@host:port/database, with every character of the"
                " password that is no letter or digit percent-encoded: {{ password | urlencode | replace('/', '%2F') }}"
            )
        self._address = address
        options = parts["options"] or ""
        self._secrets = {text for text in (parts["password"], *re.findall(r"password=([^&]*)", options)) if text}
        user = f"{parts['user']}@" if parts["user"] else ""
        #: Where the ledger is, without anything that must not be printed.
        self.location = formatting.clean(f"{parts['scheme']}://{user}{parts['host']}/{parts['database']}")

    @contextmanager
    def writing(self) -> Iterator[Rows]:
        """See `Store`."""
        # Not a snapshot: what is read behind the lock has to be what the last holder of it committed.
        with self._transaction("READ COMMITTED READ WRITE") as rows:
            rows.run("SET LOCAL synchronous_commit = on")
            rows.run(f"SET LOCAL lock_timeout = '{PATIENCE:g}s'")
            rows.run("SELECT pg_advisory_xact_lock(%s)", APPLICATION_ID)
            if not rows.mark():
                for statement in SCHEMA:
                    rows.run(statement)
            if self._enter(rows) == OLDER_MARK:
                for column, kind in ADDED.items():
                    rows.run(f"ALTER TABLE checks ADD COLUMN {column} {kind}")
                rows.run(MARKING)
            yield rows

    @contextmanager
    def reading(self) -> Iterator[Rows]:
        """See `Store`."""
        with self._transaction("REPEATABLE READ READ ONLY") as rows:
            if not rows.mark():
                raise NoLedger(f"there is no ledger in {self.location}: no run was recorded there yet")
            self._enter(rows)
            yield rows

    def _enter(self, rows: _PostgresRows) -> str:
        """Make sure that the tables are ours, and work with no others; returns what they are marked with."""
        mark = rows.mark()
        if mark not in (MARK, OLDER_MARK):
            raise RunbookError(
                f"the schema {SCHEMA_NAME} of {self.location} is marked {mark!r}, and this release of the collection"
                f" works with {MARK!r}; use the release that wrote it, or begin a new ledger in another database"
            )
        rows.run(f"SET LOCAL search_path = {SCHEMA_NAME}")
        return mark

    @contextmanager
    def _transaction(self, mode: str) -> Iterator[_PostgresRows]:
        try:
            import psycopg2  # noqa: PLC0415 -- only a ledger in PostgreSQL needs it
            import psycopg2.extras  # noqa: PLC0415
        except ImportError as exc:
            raise RunbookError(
                f"platform_ledger: a ledger in PostgreSQL needs psycopg2 on the control node: {exc}; interpreter"
                f" {sys.executable}"
            ) from exc
        connection = None
        try:
            # The address says everything: a variable or a file of the operator's must not lead to another ledger.
            with surroundings.left():
                given = {**HOMELESS, **psycopg2.extensions.parse_dsn(self._address)}
                given.update(connect_timeout=CONNECT_SECONDS, application_name="xorb.runbook ledger")
                connection = psycopg2.connect(**given, cursor_factory=psycopg2.extras.RealDictCursor)
            rows = _PostgresRows(connection.cursor())
            rows.run(f"SET TRANSACTION ISOLATION LEVEL {mode}")
            yield rows
            connection.commit()
        except psycopg2.Error as exc:
            # Neither the cause nor its text goes on: libpq quotes an address that it cannot read.
            raise RunbookError(f"the ledger {self.location} {self._reason(exc)}") from None
        finally:
            # Without a commit, this rolls everything back.
            if connection:
                connection.close()

    def _reason(self, error: Any) -> str:
        code = error.pgcode or ""
        known = next((reason for start, reason in REASONS.items() if code.startswith(start)), "")
        if known:
            return known
        text = (error.diag.message_primary if code else None) or str(error)
        line = formatting.clean(next(iter(text.strip().splitlines()), ""))
        if any(secret in line or unquote(secret) in line for secret in self._secrets):
            line = type(error).__name__
        # A session that was refused has no code.
        for words, start in UNCODED.items():
            if not code and words in line:
                return REASONS[start]
        return f"cannot be used: {line}"


class _PostgresRows(Rows):
    """The rows of a ledger within one transaction."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def run(self, statement: str, *values: Any) -> None:
        """Run a statement of this module, with the placeholders of psycopg2."""
        self._cursor.execute(statement, values)

    def mark(self) -> str:
        """What the schema is marked with; nothing where there is none."""
        self.run("SELECT coalesce(obj_description(oid, 'pg_namespace'), '?') AS mark FROM pg_namespace"
                 " WHERE nspname = %s", SCHEMA_NAME)  # fmt: skip
        found = self._cursor.fetchone()
        return str(found["mark"]) if found else ""

    def select(self, statement: str, *values: Any) -> list[Row]:
        self.execute(statement, *values)
        return [
            {name: _read(value) if name in SPELLED else value for name, value in row.items()}
            for row in self._cursor.fetchall()
        ]

    def execute(self, statement: str, *values: Any) -> None:
        self.run(statement.replace("?", "%s"), *values)

    def insert(self, statement: str, rows: list[Row]) -> None:
        from psycopg2.extras import execute_batch  # noqa: PLC0415 -- see `PostgresStore`

        execute_batch(self._cursor, _named(statement), rows, page_size=500)

    def stored(self, check: Row) -> Row:
        return {**check, **{name: None if check[name] is None else json.dumps(check[name]) for name in SPELLED}}


def _named(statement: str) -> str:
    """A statement with the placeholders of psycopg2."""
    return re.sub(r":(\w+)", r"%(\1)s", statement)


def _read(spelled: str | None) -> Any:
    """A value as it was written; one that was spoiled stays as it is, for the hash to find."""
    try:
        return None if spelled is None else json.loads(spelled)
    except ValueError:
        return spelled
