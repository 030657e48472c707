# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Restores a database of a set: under a name of its own, compared, and then under the name that was asked for."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..._backup.manifest import Manifest
from ..._core.errors import RunbookError
from ..._core.text import size, some_of
from ..progress import Progress
from . import postgres_names as names
from . import postgres_set
from .create import RESERVE
from .engine import Forecast, Proof
from .postgres_databases import OF_THE_SERVER, Databases
from .restorer import BEFORE, UNDONE, Destination, Request

#: Bytes that the name of a database may have: PostgreSQL cuts off the rest.
_LONGEST = 63

#: Sessions that are needed beside those of pg_restore.
_OWN_SESSIONS = 3

_KEPT = re.compile(rf"({BEFORE}|{UNDONE})\d{{8}}T\d{{6}}Z\Z")

_SERVER = """
SELECT current_setting('server_version_num')::int / 10000, current_setting('server_version'), pg_is_in_recovery(),
 current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
  - (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
 rolsuper, rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user
"""


class PostgresRestorer:
    """See `restorer.Restorer`."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given
        self._login = given["login"]
        self._tools = postgres_set.tools(given)
        self._databases = Databases(lambda database: postgres_set.connect(self._login, database))

    def destination(self, manifest: Manifest, request: Request, stamp: str) -> Destination:
        part = self._part(manifest, request)
        if request.in_place and request.target:
            raise RunbookError("it is restored in place or to another target, and both were given")
        if request.in_place and request.in_place != part:
            raise RunbookError(f"in place of {request.in_place!r} was typed, and what is restored is {part!r}")
        name = part if request.in_place else request.target or f"{part}_recovery"
        if name == part and not request.in_place:
            raise RunbookError(f"{part} is in service: it is replaced only with backup_restore_in_place: {part}")
        destination = Destination(name, part, stamp, bool(request.in_place), name in self._databases.names())
        for one in (name, destination.kept, destination.undone):
            if len(one.encode()) > _LONGEST or one in OF_THE_SERVER:
                raise RunbookError(f"{one!r} cannot be the name of a database that is restored")
        return destination

    def forecast(self, manifest: Manifest, destination: Destination) -> Forecast:
        database = postgres_set.Database.of(manifest, destination.part)
        refused = [*self._server_refuses(manifest), *self._databases_refuse(destination), *self._space(database)]
        refused += names.lacking_extensions(database.extensions, self._extensions())
        refused += self._locale_refuses(database)
        how = "replaces the database, which is kept as" if destination.in_place else "becomes"
        lines = [f"{destination.part} {how} {destination.kept if destination.in_place else destination.name}"]
        lines += [f"{database.tables} tables, {database.rows} rows, {size(database.bytes)}"]
        lines += [f"leads to another server, and is not switched on: {one}" for one in database.outward]
        return Forecast(tuple(lines), database.bytes, tuple(refused))

    def examine(self, plain: Path, manifest: Manifest, destination: Destination) -> tuple[str, ...]:
        script = postgres_set.globals_script(plain)
        schema = self._tools.schema(postgres_set.archive(plain, manifest, destination.part), plain.parent)
        there = [name for (name,) in self._databases.rows("SELECT rolname FROM pg_roles")]
        missing = names.missing_roles(script, schema, there)
        return tuple(f"the server lacks the role {role!r}, which the set needs; create it first" for role in missing)

    def build(self, plain: Path, manifest: Manifest, destination: Destination, progress: Progress) -> Proof:
        database = postgres_set.Database.of(manifest, destination.part)
        made = _made(destination)
        begin = time.monotonic()
        self._databases.create(made, database.locale, database.owner)
        progress.phase("restoring", total=database.bytes, unit="bytes")
        self._tools.restore(postgres_set.archive(plain, manifest, destination.part), made, plain.parent)
        postgres_set.set_properties(self._databases, made, database)
        if not destination.in_place:
            self._databases.let_go_of_publishers(made)
        seconds = time.monotonic() - begin
        progress.phase("comparing")
        faults = postgres_set.differences(self._given, made, manifest, destination.part)
        facts = {"tables": database.tables, "rows": database.rows, "outward": list(database.outward)}
        return Proof(seconds, tuple(faults), facts)

    def swap(self, destination: Destination) -> None:
        self._databases.exchange(
            destination.name, _made(destination), destination.kept, replaces=destination.replaces
        )

    def in_effect(self, destination: Destination) -> bool:
        there = set(self._databases.names())
        expected = {destination.name, *([destination.kept] if destination.replaces else [])}
        return _made(destination) not in there and expected <= there

    def tidy(self, destination: Destination) -> None:
        """One transaction leaves nothing."""

    def put_back(self, destination: Destination) -> None:
        made, there = _made(destination), set(self._databases.names())
        if made not in there and destination.kept in there:
            self._databases.exchange(destination.name, destination.kept, made, replaces=True)
        self._databases.discard(made)
        self._databases.open(destination.name)

    def undo(self, destination: Destination) -> None:
        self._databases.exchange(destination.name, destination.kept, destination.undone, replaces=True)

    def is_undone(self, destination: Destination) -> bool:
        there = set(self._databases.names())
        return destination.kept not in there and {destination.name, destination.undone} <= there

    def cancel_undo(self, destination: Destination) -> None:
        self._databases.open(destination.name, destination.kept)

    def drop(self, name: str) -> None:
        self._databases.drop(name)

    def kept(self) -> Mapping[str, str]:
        query = "SELECT datname, pg_size_pretty(pg_database_size(oid)) FROM pg_database ORDER BY 1"
        return {name: text for name, text in self._databases.rows(query) if _KEPT.search(name)}

    # --- what is asked before anything is done

    @staticmethod
    def _part(manifest: Manifest, request: Request) -> str:
        there = postgres_set.databases(manifest)
        wanted = request.database or request.in_place or (there[0] if len(there) == 1 else "")
        if wanted not in there:
            which = f"no database {wanted!r}" if wanted else "several databases, of which one has to be named"
            raise RunbookError(f"the set {manifest.id} has {which}; it has: {', '.join(there)}")
        return wanted

    def _server_refuses(self, manifest: Manifest) -> Iterator[str]:
        ((major, version, recovers, free, superuser, creates),) = self._databases.rows(_SERVER)
        source, tools = postgres_set.source_major(manifest), self._tools.major
        if major < source:
            yield f"the server is {version}, older than the {source} that the set was taken from"
        if tools != major:
            yield f"pg_restore is {tools} and the server {version}: what one writes the other may not know"
        if recovers:
            yield "the server is in recovery (a standby): restore to its primary"
        if not creates:
            yield f"the role {self._login['user']} may not create databases"
        if not superuser:
            yield f"the role {self._login['user']} is no superuser: owners and extensions could not be restored"
        needed = int(self._given.get("jobs") or 1) + _OWN_SESSIONS
        if free < needed:
            yield f"{free} connections are free on the server, and {needed} are needed"

    def _databases_refuse(self, destination: Destination) -> Iterator[str]:
        name = destination.name
        if destination.kept in self._databases.names():
            yield f"{destination.kept} is there already"
        if not destination.replaces:
            return
        query = "SELECT datallowconn FROM pg_database WHERE datname = %(name)s"
        if self._databases.rows(query, {"name": name}) != [(True,)]:
            yield f"{name} takes no sessions; find out why first (ALTER DATABASE ... ALLOW_CONNECTIONS)"
            return
        if not destination.in_place and (objects := self._databases.objects(name)):
            yield f"{name} is not empty, and nothing is restored into it: {some_of(objects, 3)}; drop it, or name another"
        query = "SELECT gid FROM pg_prepared_xacts WHERE database = %(name)s"
        if prepared := self._databases.rows(query, {"name": name}):
            yield f"{name} has the prepared transaction {prepared[0][0]!r}: end it first"

    def _extensions(self) -> dict[str, str]:
        query = "SELECT name::text, default_version FROM pg_available_extensions"
        return dict(self._databases.rows(query))

    def _locale_refuses(self, database: postgres_set.Database) -> Iterator[str]:
        """Whether the system of the server knows the locale: the server itself tries to make a collation of it."""
        locale = database.locale
        for name in sorted({locale.collate, locale.ctype} - {"C", "POSIX"}):
            with self._databases.session() as cursor:
                cursor.execute("BEGIN")
                try:
                    cursor.execute("CREATE COLLATION pg_temp.tried (PROVIDER = libc, LOCALE = %(name)s)", {"name": name})
                except Exception as exc:  # noqa: BLE001 - the driver's errors, which are loaded when they are needed
                    if "could not create locale" in str(exc):
                        yield f"the system of the server lacks the locale {name!r}"
                cursor.execute("ROLLBACK")
        roles = [name for (name,) in self._databases.rows("SELECT rolname FROM pg_roles")]
        if database.owner not in roles:
            yield f"the server lacks the role {database.owner!r}, which owns the database; create it first"

    def _space(self, database: postgres_set.Database) -> Iterator[str]:
        """Whether there is room on the disk of a server of this host; of another one's nothing is known."""
        ((folder,),) = self._databases.rows("SELECT current_setting('data_directory')")
        if self._given.get("container") or not Path(folder, "PG_VERSION").is_file():
            return
        status = os.statvfs(folder)
        free, needed = status.f_bavail * status.f_frsize, database.bytes + RESERVE
        if free < needed:
            yield f"{folder}: {size(free)} are free, and {size(needed)} are needed"


def _made(destination: Destination) -> str:
    """What a database is called while it is restored."""
    return f"xorb_restore_{destination.stamp}"
