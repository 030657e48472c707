# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Restores a database of a set: under a name of its own, compared, and then under the name that was asked for."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ...._backup.manifest import Manifest
from ...._backup.store import folder_of
from ...._core.errors import RunbookError
from ...._core.text import clean, some_of
from ...progress import Progress
from .. import compose, inside
from ..engine import Forecast, Proof
from ..inside import Inside
from ..restored import Records
from ..restorer import BEFORE, UNDONE, Destination, Request
from ..space import Need
from . import collations, inventory, names, quiet, reach, roles
from .archive import Archive, watched
from .compare import differences
from .databases import MAINTENANCE, OF_THE_SERVER, Databases
from .dump import ROLES, TABLESPACES, described
from .proof import found_in
from .quiet import Quiet
from .roles import Compared, Roles
from .session import Login, session
from .tools import Tools, major_of

#: Bytes that the name of a database may have: PostgreSQL cuts off the rest.
_LONGEST = 63

#: Sessions that are needed beside those of pg_restore.
_OWN_SESSIONS = 3

#: The programs that a restore into a server takes.
_PROGRAMS = ("pg_restore",)

_KEPT = re.compile(rf"({BEFORE}|{UNDONE})\d{{8}}T\d{{6}}Z\Z")

#: Kinds of objects that lead to other servers, as an inventory calls them.
_OUTWARD = ("foreign server ", "user mapping ", "publication ")

_SERVER = """
SELECT current_setting('server_version_num')::int / 10000, current_setting('server_version'), pg_is_in_recovery(),
 current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
  - (SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend'),
 rolsuper, CASE WHEN rolsuper THEN current_setting('data_directory') END,
 (SELECT system_identifier::text FROM pg_control_system()) FROM pg_roles WHERE rolname = current_user
"""


class _Server(NamedTuple):
    """What the server says of itself and of the role; ``free`` are its free connections."""

    major: int
    version: str
    recovers: bool
    free: int
    superuser: bool
    folder: str | None
    identifier: str


class PostgresRestorer:
    """See `restorer.Restorer`."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given
        self._login = given["login"]
        self._databases = Databases(self._login)
        self._inside: Inside | None = None
        self._records = Records(folder_of(given))
        self._quiet = Quiet(self._databases, self._records)
        self._new_host = bool(given.get("new_host"))

    def destination(self, manifest: Manifest, request: Request, stamp: str) -> Destination:
        part = self._part(manifest, request)
        if request.in_place and request.target:
            raise RunbookError("it is restored in place or to another target, and both were given")
        if request.in_place and request.in_place != part:
            raise RunbookError(f"in place of {request.in_place!r} was typed, and what is restored is {part!r}")
        name = part if request.in_place else request.target or f"{part}_recovery"
        if name in manifest.content["databases"] and not request.in_place:
            raise RunbookError(f"{name} is in service: it is replaced only with backup_restore_in_place: {name}")
        destination = Destination(name, part, stamp, bool(request.in_place), name in self._databases.names())
        for one in (name, destination.kept, destination.undone):
            if len(one.encode()) > _LONGEST or one in OF_THE_SERVER:
                raise RunbookError(f"{one!r} cannot be the name of a database that is restored")
        return destination

    def forecast(self, manifest: Manifest, destination: Destination) -> Forecast:
        content = _content(manifest, destination)
        server = self._server()
        refused = [
            *self._server_refuses(server, manifest, content["size"]),
            *self._databases_refuse(destination),
            *names.lacking_extensions(content["extensions"], self._extensions()),
            *self._locale_refuses(content),
            *self._roles_refuse(manifest, content),
            *self._collations_refuse(server, manifest, content),
        ]
        lines = [f"{clean(destination.part)} becomes {clean(destination.name)}: {described(content)}"]
        if self._new_host and server.superuser:
            lines += roles.lines(self._compared(server, manifest))
        if destination.replaces:
            lines.append(f"what {clean(destination.name)} is now is kept as {clean(destination.name)}{BEFORE}TIME")
        lines += [f"leads to other servers: {clean(one)}" for one in _outward(content)]
        if self._is_quiet(destination):
            lines += [f"is held back until it is released: {clean(one)}" for one in _acting(content)]
        return Forecast(tuple(lines), content["size"], tuple(refused), tuple(_needs(self._given, server, content)))

    def examine(self, plain: Path, manifest: Manifest, destination: Destination) -> tuple[str, ...]:
        schema = self._archive(plain, manifest, destination).schema()
        spaces = [name for (name,) in self._databases.rows("SELECT spcname FROM pg_tablespace")]
        return tuple(
            f"the server lacks the tablespace {clean(name)}, which the set needs; create it first"
            for name in names.missing_tablespaces(schema, _read(plain / TABLESPACES), spaces)
        )

    def container(self) -> str:
        tools = self._tools(self._server().major)
        return tools.container if tools else ""

    def build(self, plain: Path, manifest: Manifest, destination: Destination, progress: Progress) -> Proof:
        archive, content, made = (
            self._archive(plain, manifest, destination),
            _content(manifest, destination),
            _made(destination),
        )
        login = self._reach(archive.tools)
        begin = time.monotonic()
        made_roles = self._make_roles(_read(plain / ROLES), manifest, destination.stamp) if self._new_host else {}
        statements = archive.creation(self._databases.quoted(destination.part), self._databases.quoted(made))
        progress.phase(f"restoring {clean(destination.part)}", total=content["size"], unit="bytes")
        self._databases.run(statements)
        with watched(progress, lambda: self._databases.size(made)):
            complaint = archive.restore(login, made, int(self._given.get("jobs") or 1))
        if complaint:
            raise RunbookError(f"database {clean(destination.part)} cannot be restored: {complaint}")
        seconds = time.monotonic() - begin
        progress.phase("comparing")
        with session(self._login, made) as one:
            found, same = found_in(one), one.major == _major(manifest)
        faults = differences(
            destination.part, content if same else _by_name(content), found if same else _by_name(found)
        )
        facts = {
            "tables": len(content["tables"]),
            "rows": sum(content["tables"].values()),
            "outward": [*_outward(content), *quiet.reaching(content["extensions"])],
            "disabled subscriptions": self._databases.subscriptions(made),
            "held back": self._quieted(destination),
            **made_roles,
        }
        return Proof(seconds, tuple(faults), facts)

    def _make_roles(self, script: str, manifest: Manifest, stamp: str) -> dict[str, Any]:
        """Make the roles that the server lacks; each is in the record before any client can see it."""
        found, own = self._compared(self._server(), manifest), Roles(self._databases)
        if found.missing:
            bootstrap = str(manifest.content["server"]["bootstrap"])
            own.make(script, found.missing, bootstrap, lambda made: self._records.add(stamp, roles=made))
        return roles.facts(found, own.with_other_passwords(script))

    def _quieted(self, destination: Destination) -> list[str]:
        """Hold back what would act by itself in a copy, once that was compared; returns what that is."""
        if not self._is_quiet(destination):
            return []
        held = self._quiet.hold(destination.stamp, _made(destination))
        # By now no trigger of the owner's runs by this.
        self._databases.let_go_of_publishers(_made(destination))
        return held

    def swap(self, destination: Destination) -> None:
        self._databases.exchange(destination.name, _made(destination), destination.kept, replaces=destination.replaces)

    def in_effect(self, destination: Destination) -> bool:
        there = set(self._databases.names())
        expected = {destination.name, *([destination.kept] if destination.replaces else [])}
        return _made(destination) not in there and expected <= there

    def tidy(self, destination: Destination) -> None:
        """One transaction leaves nothing; what is held back stays in the record."""
        self._quiet.forget_unless_held(destination.stamp)

    def put_back(self, destination: Destination) -> None:
        made, there = _made(destination), set(self._databases.names())
        if made not in there and destination.kept in there:
            self._databases.exchange(destination.name, destination.kept, made, replaces=True)
        self._databases.discard(made)
        self._databases.open(destination.name)
        if self._records.has(destination.stamp):
            Roles(self._databases).remove(self._records.read(destination.stamp).get("roles", {}))
            self._records.forget(destination.stamp)

    def undo(self, destination: Destination) -> None:
        self._databases.exchange(destination.name, destination.kept, destination.undone, replaces=True)

    def is_undone(self, destination: Destination) -> bool:
        there = set(self._databases.names())
        return destination.kept not in there and {destination.name, destination.undone} <= there

    def cancel_undo(self, destination: Destination) -> None:
        self._databases.open(destination.name, destination.kept)

    def drop(self, name: str) -> None:
        self._databases.drop(name)
        self._quiet.forget_gone()

    def held(self) -> Mapping[str, Sequence[str]]:
        return self._quiet.held()

    def release(self, name: str) -> None:
        self._quiet.release(name)

    def kept(self) -> Mapping[str, str]:
        query = "SELECT datname, pg_size_pretty(pg_database_size(oid)) FROM pg_database ORDER BY 1"
        return {name: text for name, text in self._databases.rows(query) if _KEPT.search(name)}

    @staticmethod
    def _part(manifest: Manifest, request: Request) -> str:
        there = list(manifest.content["databases"])
        wanted = request.database or request.in_place or (there[0] if len(there) == 1 else "")
        if wanted not in there:
            which = f"no database {wanted!r}" if wanted else "several databases, of which one has to be named"
            raise RunbookError(f"the set {manifest.id} has {which}; it has: {', '.join(map(clean, there))}")
        return wanted

    def _is_quiet(self, destination: Destination) -> bool:
        """Whether what is restored is a copy, which does nothing by itself. In place, it is what was in service."""
        return self._new_host or not destination.in_place

    def _server(self) -> _Server:
        (row,) = self._databases.rows(_SERVER)
        return _Server(*row)

    def _compared(self, server: _Server, manifest: Manifest) -> Compared:
        """The roles of the set beside those of the server."""
        with session(self._login, MAINTENANCE) as one:
            here = inventory.global_objects(one)
        return roles.compared(manifest.content["globals"], here, same_version=server.major == _major(manifest))

    def _roles_refuse(self, manifest: Manifest, content: Mapping[str, Any]) -> Iterator[str]:
        there = [name for (name,) in self._databases.rows("SELECT rolname FROM pg_roles")]
        coming = roles.names_of(manifest.content["globals"]) if self._new_host else []
        return roles.refusals(content["roles"], there, coming)

    def _collations_refuse(self, server: _Server, manifest: Manifest, content: Mapping[str, Any]) -> Iterator[str]:
        if self._given.get("accept_collations"):
            return iter(())
        same = server.identifier == manifest.content["server"]["system_identifier"]
        return collations.refusals(content["collations"], self._databases, same_server=same)

    def _server_refuses(self, server: _Server, manifest: Manifest, needed_bytes: int) -> Iterator[str]:
        if server.major < _major(manifest):
            source = manifest.content["server"]["version"]
            yield f"the server is PostgreSQL {server.version}, older than the {source} that the set is of"
        tools = self._tools(server.major)
        if tools is None:
            yield reach.without_tools(self._given, server.version, _PROGRAMS)
        if server.recovers:
            yield "the server is in recovery (a standby): restore into its primary"
        if not server.superuser:
            yield f"the role {self._login['user']} is no superuser: owners and rights would be lost"
        needed = int(self._given.get("jobs") or 1) + _OWN_SESSIONS
        if server.free < needed:
            yield f"{server.free} connections are free on the server, and {needed} are needed"
        if server.folder and self._given.get("container"):
            container = str(compose.container_of(self._given["container"])["Id"])
            yield from inside.shortage(container, needed_bytes, "for the database", server.folder)
        if tools is not None and tools.container:
            yield from inside.shortage(tools.container, manifest.plain_size, "for the files of the set")

    def _databases_refuse(self, destination: Destination) -> Iterator[str]:
        name = destination.name
        if not destination.replaces:
            return
        query = "SELECT datallowconn FROM pg_database WHERE datname = %(name)s"
        if self._databases.rows(query, {"name": name}) != [(True,)]:
            yield f"{clean(name)} takes no sessions; find out why first (ALTER DATABASE ... ALLOW_CONNECTIONS)"
            return
        if not destination.in_place and (objects := self._databases.objects(name)):
            found = some_of(map(clean, objects), 3)
            yield f"{clean(name)} is not empty, and nothing is restored into it: {found}; drop it, or name another"
        query = "SELECT gid FROM pg_prepared_xacts WHERE database = %(name)s"
        if prepared := self._databases.rows(query, {"name": name}):
            yield f"{clean(name)} has the prepared transaction {prepared[0][0]!r}: end it first"

    def _extensions(self) -> dict[str, str]:
        return dict(self._databases.rows("SELECT name::text, default_version FROM pg_available_extensions"))

    def _locale_refuses(self, content: Mapping[str, Any]) -> Iterator[str]:
        for name in names.locales(content):
            if not self._databases.knows_locale(name):
                yield f"the system of the server lacks the locale {name!r}"

    def _tools(self, major: int) -> Tools | None:
        return reach.tools_of(self._given, major, _PROGRAMS)

    def _reach(self, tools: Tools) -> Login:
        return reach.login_of(self._login, tools, lambda query: self._databases.rows(query)[0][0])

    def _archive(self, plain: Path, manifest: Manifest, destination: Destination) -> Archive:
        major = self._server().major
        tools = self._tools(major)
        if tools is None:
            raise RunbookError(f"there is no pg_restore of version {major} on this host any more")
        folder = plain / _content(manifest, destination)["folder"]
        if tools.container and self._inside is None:
            self._inside = Inside.of(tools.container, plain)
            self._inside.send(folder)
        return Archive(folder, tools, self._inside)


def _needs(given: Mapping[str, Any], server: _Server, content: Mapping[str, Any]) -> Iterator[Need]:
    """The room where the server of this host has its data; of another one's nothing is known."""
    folder = server.folder
    if folder and not given.get("container") and Path(folder, "PG_VERSION").is_file():
        yield Need(Path(folder), content["size"], "for the database")


def _made(destination: Destination) -> str:
    """What a database is called while it is restored."""
    return f"xorb_restore_{destination.stamp}"


def _content(manifest: Manifest, destination: Destination) -> Mapping[str, Any]:
    content: Mapping[str, Any] = manifest.content["databases"][destination.part]
    return content


def _major(manifest: Manifest) -> int:
    return major_of(str(manifest.content["server"]["version"]))


def _outward(content: Mapping[str, Any]) -> list[str]:
    return [name for name in content["objects"] if name.startswith(_OUTWARD)]


def _acting(content: Mapping[str, Any]) -> list[str]:
    return [name for name in content["objects"] if name.startswith(("event trigger ", "foreign server "))]


def _by_name(content: Mapping[str, Any]) -> dict[str, Any]:
    """Content whose objects count by their names: another major version words their definitions in another way."""
    return {**content, "objects": dict.fromkeys(content["objects"], "")}


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="surrogateescape")
