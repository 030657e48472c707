# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The databases of a PostgreSQL server by their names: what is in them, made, exchanged in one transaction, removed."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ...._clients.postgres import connection_parameters
from ...._core import drivers
from ...._core.errors import RunbookError
from ...._core.text import excerpt
from .session import Login, acting_as

#: Databases that belong to the server; none of them is ever replaced.
OF_THE_SERVER = ("template0", "template1")

#: Where a session goes that is about databases; it cannot be the one that is renamed.
MAINTENANCE = "postgres"
_MAINTENANCE = (MAINTENANCE, "template1")

#: Seconds until the sessions of a database that refuses new ones have to have ended.
_PATIENCE = 60

# What a database has that its template does not: whatever `initdb` made has a smaller number.
_OBJECTS = """
SELECT kind || ' ' || name FROM (
  SELECT 1, 'table or view' AS kind, relname::text AS name FROM pg_class
   WHERE oid >= 16384 AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
  UNION ALL SELECT 2, 'schema', nspname::text FROM pg_namespace
   WHERE oid >= 16384 AND nspname <> 'public' AND nspname !~ '^pg_(toast_)?temp_'
  UNION ALL SELECT 3, 'function', proname::text FROM pg_proc WHERE oid >= 16384
  UNION ALL SELECT 4, 'type', typname::text FROM pg_type WHERE oid >= 16384 AND typrelid = 0 AND typelem = 0
  UNION ALL SELECT 5, 'extension', extname::text FROM pg_extension WHERE oid >= 16384
  UNION ALL SELECT 6, 'event trigger', evtname::text FROM pg_event_trigger
  UNION ALL SELECT 7, 'foreign server', srvname::text FROM pg_foreign_server
  UNION ALL SELECT 8, 'publication', pubname::text FROM pg_publication
  UNION ALL SELECT 9, 'large object', oid::text FROM pg_largeobject_metadata
) AS found (rank, kind, name) ORDER BY rank, name
"""


_SUBSCRIPTIONS = """
SELECT subname FROM pg_subscription
WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY 1
"""


#: By what the server sorts text of a locale that it has had since it was made.
_KNOWN_VERSION = """
SELECT max(pg_collation_actual_version(oid)) FROM pg_collation
WHERE collprovider = %(provider)s AND collcollate = %(name)s
"""


class Databases:
    """The databases of one server, for a role that may make and rename them."""

    def __init__(self, login: Login) -> None:
        self._login = login

    @contextlib.contextmanager
    def session(self, database: str = "", *, away_from: Sequence[str] = ()) -> Iterator[Any]:
        """A cursor whose statements are each a transaction; raises `RunbookError` with the server's reason."""
        driver = drivers.load("psycopg2")
        name = database or _elsewhere(away_from)
        try:
            connection = self._connected(driver, name)
        except driver.Error as exc:
            raise RunbookError(f"database {name}: {excerpt(exc, 300)}") from exc
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SET search_path = pg_catalog")
                yield cursor
        except driver.Error as exc:
            raise RunbookError(f"database {name}: {excerpt(exc, 300)}") from exc
        finally:
            connection.close()

    def _connected(self, driver: Any, name: str) -> Any:
        parameters = connection_parameters({**self._login, "database": name})
        with acting_as(self._login.get("os_user")):
            return driver.connect(**parameters, connect_timeout=max(2, int(self._login.get("timeout") or 30)))

    def rows(self, query: str, values: Mapping[str, Any] | None = None, *, database: str = "") -> list[tuple[Any, ...]]:
        """Every row that a query gives."""
        with self.session(database) as cursor:
            cursor.execute(query, values)
            return list(cursor.fetchall())

    def names(self) -> list[str]:
        """The names of all databases."""
        return [name for (name,) in self.rows("SELECT datname FROM pg_database ORDER BY 1")]

    def objects(self, name: str) -> list[str]:
        """What is in a database beside what every new one has, each with its kind."""
        return [text for (text,) in self.rows(_OBJECTS, database=name)]

    def run(self, statements: Iterable[str]) -> None:
        """Run statements, each of which is a transaction."""
        with self.session() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def quoted(self, name: str) -> str:
        """A name as SQL writes it."""
        ((text,),) = self.rows("SELECT quote_ident(%(name)s)", {"name": name})
        return str(text)

    def number(self, name: str) -> int:
        """The number of a database, which stays with it whatever it is called."""
        ((number,),) = self.rows("SELECT oid::bigint FROM pg_database WHERE datname = %(name)s", {"name": name})
        return int(number)

    def numbers(self) -> dict[int, str]:
        """The names of all databases by their numbers."""
        return dict(self.rows("SELECT oid::bigint, datname::text FROM pg_database"))

    def size(self, name: str) -> int:
        """Bytes of a database."""
        ((count,),) = self.rows("SELECT pg_database_size(%(name)s)", {"name": name})
        return int(count)

    def knows_locale(self, name: str, *, database: str = "") -> bool:
        """Whether the system of the server has a locale: the server tries to make a collation of it, and forgets it.

        ``database`` is where it tries that, where it has none of those that every server has.
        """
        driver = drivers.load("psycopg2")
        with self.session(database) as cursor:
            cursor.execute("BEGIN")
            try:
                cursor.execute("CREATE COLLATION pg_temp.tried (PROVIDER = libc, LOCALE = %(name)s)", {"name": name})
            except driver.Error as exc:
                return "could not create locale" not in str(exc)
            finally:
                cursor.execute("ROLLBACK")
        return True

    def collation_version(self, provider: str, locale: str) -> str | None:
        """The version of libc or ICU by which the server sorts text of a locale; none where it cannot say.

        As with `knows_locale`, the server tries to make a collation of it. One of another encoding than that of the
        database where it tries that is among those that it has already.
        """
        driver = drivers.load("psycopg2")
        made = f"CREATE COLLATION pg_temp.tried (PROVIDER = {provider}, LOCALE = %(name)s)"
        with self.session() as cursor:
            cursor.execute("BEGIN")
            try:
                cursor.execute(made, {"name": locale})
                cursor.execute("SELECT max(collversion) FROM pg_collation WHERE collname = 'tried'")
            except driver.Error:
                cursor.execute("ROLLBACK")
                cursor.execute(_KNOWN_VERSION, {"name": locale, "provider": provider[0]})
            ((version,),) = cursor.fetchall()
            cursor.execute("ROLLBACK")
        return None if version is None else str(version)

    def exchange(self, name: str, incoming: str, kept: str, *, replaces: bool) -> None:
        """Let ``incoming`` have the name, and what has it now be called ``kept``: both, or neither.

        Sessions with either are ended, and refused until it is done. Raises `RunbookError` where the names are not as
        they should be, and leaves both open then.
        """
        there = set(self.names())
        if incoming not in there or (name in there) != replaces or kept in there:
            raise RunbookError(
                f"expected databases {', '.join([incoming, *([name] if replaces else [])])} and no"
                f" {kept}{'' if replaces else f' or {name}'}: another client has made, removed or renamed one"
            )
        both = [incoming, *([name] if replaces else [])]
        renames = [(name, kept), (incoming, name)] if replaces else [(incoming, name)]
        with self.session(away_from=both) as cursor:
            try:
                _refuse_sessions(cursor, both)
                _rename(cursor, renames)
            except BaseException:
                with contextlib.suppress(RunbookError):
                    self.open(*both)
                raise

    def open(self, *names: str) -> None:
        """Let databases take sessions again, those of them that there are."""
        closed = "SELECT datname FROM pg_database WHERE NOT datallowconn AND datname = ANY (%(names)s)"
        with self.session(away_from=names) as cursor:
            cursor.execute(closed, {"names": list(names)})
            for (name,) in cursor.fetchall():
                cursor.execute(_sql("ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true", {"name": name}))

    def subscriptions(self, name: str) -> list[str]:
        """The subscriptions of a database: each takes the changes of a publisher, which keeps them for it."""
        return [one for (one,) in self.rows(_SUBSCRIPTIONS, database=name)]

    def let_go_of_publishers(self, name: str) -> None:
        """Have a copy take no changes that are meant for the database in service, and know no slot of a publisher."""
        subscriptions = self.subscriptions(name)
        with self.session(name) as cursor:
            for one in subscriptions:
                for what in ("DISABLE", "SET (slot_name = NONE)"):
                    cursor.execute(_sql(f"ALTER SUBSCRIPTION {{name}} {what}", {"name": one}))

    def discard(self, name: str) -> None:
        """Remove a database that this collection has made, with its sessions, where there is one."""
        if name not in self.names():
            return
        self.open(name)
        self.let_go_of_publishers(name)
        subscriptions = self.subscriptions(name)
        with self.session(name) as cursor:
            for one in subscriptions:
                cursor.execute(_sql("DROP SUBSCRIPTION {name}", {"name": one}))
        with self.session(away_from=[name]) as cursor:
            _refuse_sessions(cursor, [name])
            cursor.execute(_sql("DROP DATABASE IF EXISTS {name}", {"name": name}))

    def drop(self, name: str) -> None:
        """Remove a database. Raises `RunbookError` where a client uses it, or where it has subscriptions."""
        if name not in self.names():
            return
        if subscriptions := self.subscriptions(name):
            raise RunbookError(
                f"{name} has the subscription {subscriptions[0]}, whose publisher keeps its changes: drop that first"
            )
        with self.session(away_from=[name]) as cursor:
            cursor.execute(_sql("DROP DATABASE {name}", {"name": name}))


def _refuse_sessions(cursor: Any, names: Sequence[str]) -> None:
    """Have databases take no sessions, not even those of superusers, and end those that they have."""
    for name in names:
        cursor.execute(_sql("ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false", {"name": name}))
    end = time.monotonic() + _PATIENCE
    while True:
        cursor.execute(
            "SELECT datname, pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ANY (%(names)s)",
            {"names": list(names)},
        )
        left = [name for name, _signalled in cursor.fetchall()]
        if not left:
            return
        if time.monotonic() > end:
            raise RunbookError(f"{left[0]}: {len(left)} sessions do not end within {_PATIENCE} s")
        time.sleep(0.05)


def _rename(cursor: Any, renames: Sequence[tuple[str, str]]) -> None:
    words = [_sql("ALTER DATABASE {old} RENAME TO {new}", {"old": old, "new": new}) for old, new in renames]
    words += [_sql("ALTER DATABASE {new} WITH ALLOW_CONNECTIONS true", {"new": new}) for _old, new in renames]
    driver = drivers.load("psycopg2")
    try:
        for statement in ["BEGIN", *words, "COMMIT"]:
            cursor.execute(statement)
    except driver.Error:
        with contextlib.suppress(driver.Error):
            cursor.execute("ROLLBACK")
        raise


def _sql(words: str, names: Mapping[str, str], values: Mapping[str, str] | None = None) -> Any:
    """A statement with names and values filled in, each quoted as what it is."""
    sql = drivers.load("psycopg2.sql")
    filled = {key: sql.Identifier(name) for key, name in names.items()}
    filled.update({key: sql.Literal(value) for key, value in (values or {}).items() if key not in filled})
    return sql.SQL(words).format(**filled)


def _elsewhere(away_from: Sequence[str]) -> str:
    """A database to do things from that none of some databases may be used for."""
    return next(one for one in _MAINTENANCE if one not in away_from)
