# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sessions of a backup: long, each with one snapshot of one database, and no setting of the owner's counts in them."""

from __future__ import annotations

import contextlib
import os
import pwd
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...._clients.postgres import connection_parameters, reason
from ...._core import drivers
from ...._core.errors import RunbookError
from ...._core.text import excerpt, lines

Login = Mapping[str, Any]

#: Minutes that a table may be locked by others before a backup gives up: it would wait for ever.
LOCK_MINUTES = 5

#: How PostgreSQL says that (lock_not_available).
_LOCKED = "55P03"

#: What a role or a database may have set for itself, and what text of definitions or the life of a session depends on.
#: A schema of the owner's may have functions and tables with the names of the server's own: none is looked up there.
_SETTINGS: Mapping[str, str] = {
    "search_path": "pg_catalog, pg_temp",
    "row_security": "off",
    "quote_all_identifiers": "off",
    "timezone": "'UTC'",
    "datestyle": "'ISO'",
    "intervalstyle": "'postgres'",
    "bytea_output": "'hex'",
    "extra_float_digits": "1",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "lock_timeout": f"'{LOCK_MINUTES}min'",
    "jit": "off",
}

#: Settings that came with a major version.
_LATER: Mapping[str, int] = {"transaction_timeout": 17}

#: What a server says, by SQLSTATE, that cannot answer: too few resources, its own end, errors of its system.
NO_ANSWER = ("53", "57P", "58")

#: How often the kernel asks a peer that is silent, and when it gives up: a cut connection ends within two minutes.
_KEEPALIVE = {"keepalives": 1, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 9}

_ANY_BYTES, _EVERY_BYTE = "SQL_ASCII", "LATIN1"


class Session:
    """A transaction in one database that sees one snapshot of it and writes nothing, unless it is ``writable``.

    Text of a database in no encoding arrives byte by byte as Latin-1; `text` says what it is for people.
    """

    def __init__(self, login: Login, database: str, *, writable: bool = False) -> None:
        self._driver = drivers.load("psycopg2")
        self._timeout = float(login.get("timeout") or 30)
        self.database = database
        self._any_bytes = False
        try:
            self._connection = self._connected(login)
            if self._connection.get_parameter_status("server_encoding") == _ANY_BYTES:
                self._any_bytes = True
                self._connection.set_client_encoding(_EVERY_BYTE)
            self.major = self._connection.server_version // 10000
            level = "READ WRITE" if writable else "ISOLATION LEVEL REPEATABLE READ READ ONLY"
            self._connection.autocommit = True
            self.execute(f"BEGIN {level}")
            for name, value in self._settings().items():
                self.execute(f"SET LOCAL {name} = {value}")
        except self._driver.Error as exc:
            raise self._error(exc) from exc

    def _connected(self, login: Login) -> Any:
        parameters = connection_parameters({**login, "database": self.database})
        with acting_as(login.get("os_user")):
            return self._driver.connect(**{**parameters, **_KEEPALIVE, "connect_timeout": max(2, int(self._timeout))})

    def _settings(self) -> dict[str, str]:
        return {**_SETTINGS, **{name: "0" for name, since in _LATER.items() if self.major >= since}}

    @property
    def version(self) -> str:
        """The server's version without its packager's."""
        return str(self._connection.get_parameter_status("server_version")).partition(" ")[0]

    def execute(self, query: str, values: Sequence[Any] | None = None) -> Any:
        """The cursor of a query; raises `RunbookError` with the server's own reason."""
        try:
            cursor = self._connection.cursor()
            cursor.execute(query, values)
        except self._driver.Error as exc:
            if exc.pgcode == _LOCKED:
                why = f"another session kept a lock for more than {LOCK_MINUTES} minutes that this waited for"
                raise RunbookError(f"database {self.database}: {why}: {excerpt(query, 200)}") from exc
            raise self._error(exc) from exc
        return cursor

    def rows(self, query: str, values: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        rows: list[tuple[Any, ...]] = self.execute(query, values).fetchall()
        return rows

    def value(self, query: str, values: Sequence[Any] | None = None) -> Any:
        """The one value that a query gives."""
        return self.rows(query, values)[0][0]

    def try_value(self, query: str) -> tuple[Any, str]:
        """The one value of a query and no reason, or nothing and the reason; the transaction goes on either way.

        Raises `RunbookError` where the server could not answer: that is no answer to what was asked.
        """
        self.execute("SAVEPOINT attempt")
        try:
            answer = self.execute(query).fetchone()
        except (RunbookError, self._driver.Error) as exc:
            if str(getattr(exc.__cause__, "pgcode", "")).startswith(NO_ANSWER):
                raise
            self.execute("ROLLBACK TO attempt")
            return None, str(exc)
        self.execute("RELEASE attempt")
        return (answer[0] if answer else None), ""

    def text(self, value: str) -> str:
        """A text of this database as it is shown and compared: bytes that are no UTF-8 are written out."""
        return value.encode("latin-1").decode("utf-8", "backslashreplace") if self._any_bytes else value

    def commit(self) -> None:
        """End the transaction with what it wrote."""
        self.execute("COMMIT")

    def close(self) -> None:
        """End the session."""
        self._connection.close()

    def _error(self, exc: Exception) -> RunbookError:
        first = lines(str(exc).strip())[0] if str(exc).strip() else type(exc).__name__
        why = reason(exc, self._timeout) if "connection to server" in str(exc) else first
        return RunbookError(f"database {self.database}: {why.removeprefix('ERROR:').strip()}")


@contextlib.contextmanager
def session(login: Login, database: str, *, writable: bool = False) -> Iterator[Session]:
    """A session that ends with the block."""
    opened = Session(login, database, writable=writable)
    try:
        yield opened
    finally:
        opened.close()


def execute_each(login: Login, database: str, statements: Sequence[str]) -> None:
    """Run statements that want no transaction, one after the other."""
    driver = drivers.load("psycopg2")
    try:
        connection = driver.connect(**connection_parameters({**login, "database": database}))
        connection.autocommit = True
        with contextlib.closing(connection):
            for statement in statements:
                connection.cursor().execute(statement)
    except driver.Error as exc:
        raise RunbookError(f"database {database}: {reason(exc, 0)}") from exc


@contextlib.contextmanager
def acting_as(name: str | None) -> Iterator[None]:
    """Be another user of the system for a while: a login by ``peer`` is judged by who connects.

    It holds for all of this process, so it spans no more than the connecting.
    """
    if not name or name == _own_name():
        yield
        return
    user = user_of(name)
    before = os.geteuid(), os.getegid()
    if before[0] != 0:
        raise RunbookError(f"os_user {name}: only root acts as another user of the system")
    os.setegid(user.pw_gid)
    os.seteuid(user.pw_uid)
    try:
        yield
    finally:
        os.seteuid(before[0])
        os.setegid(before[1])


def user_of(name: str) -> pwd.struct_passwd:
    """A user of the system; raises `RunbookError` where there is none of that name."""
    try:
        return pwd.getpwnam(name)
    except KeyError as exc:
        raise RunbookError(f"os_user {name}: this host has no such user") from exc


def _own_name() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return ""
