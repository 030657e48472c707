# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Backups of PostgreSQL: a parallel dump of each database, with all that the server's databases share."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...._backup.manifest import Manifest
from ...._core.errors import RunbookError
from ...._core.text import clean, size, some_of
from ...progress import Progress
from ..engine import Forecast, Proof, Taken
from ..inside import Inside
from . import preflight, reach
from . import tools as programs
from .dump import Dumper, folder_of
from .proof import prove, without_server
from .session import Login, Session, session
from .tools import Tools

#: Databases that a client may log in to, to ask what others there are.
_ALWAYS_THERE = ("postgres", "template1")


class PostgresEngine:
    """See `engine.Engine`."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given
        self._login: Login = given["login"]
        self._databases: tuple[str, ...] = tuple(given["databases"] or ())

    def forecast(self) -> Forecast:
        with self._first() as first:
            there = preflight.databases(first)
            refused = [*self._unknown(there), *preflight.refused_globals(first)]
            not_carried = preflight.server_wide_not_carried(first)
            major, version = first.major, first.version
        found = [self._examined(name) for name in self._databases if there.get(name)]
        tools = self._tools(major)
        if tools is None:
            refused.append(self._without_tools(version))
        refused += [reason for one in found for reason in one.refused]
        lines = [line for one in found for line in _described(one)]
        lines += [f"not carried: {line}" for line in not_carried]
        if tools is not None:
            lines.append(
                f"PostgreSQL {version}, dumped by pg_dump {tools.version}, {self._given['jobs']} tables at a time"
            )
        return Forecast(tuple(lines), sum(one.size for one in found), tuple(refused))

    def take(self, folder: Path, progress: Progress) -> Taken:
        with self._first() as first:
            tools = self._tools(first.major)
            if tools is None:
                raise RunbookError(self._without_tools(first.version))
            server = _server(first)
            login = reach.login_of(self._login, tools, first.value)
            not_carried = preflight.server_wide_not_carried(first)
            maintenance = first.database
        inside = Inside.of(tools.container, folder) if tools.container else None
        dumper = Dumper(self._login, tools, self._given["jobs"], login, inside)
        progress.phase("dumping roles")
        shared = dumper.globals(maintenance, folder)
        databases = {}
        for number, name in enumerate(self._databases):
            found = self._examined(name)
            if found.refused:
                raise RunbookError("; ".join(found.refused))
            content = dumper.database(name, folder / folder_of(number), progress)
            databases[name] = {
                **content,
                "folder": folder_of(number),
                "size": found.size,
                "unlogged": list(found.unlogged),
                "not_carried": list(found.not_carried),
            }
        content = {"server": server, "globals": shared, "not_carried": not_carried, "databases": databases}
        return Taken(content, {"server": server["version"], "pg_dump": tools.version})

    def unable(self, manifest: Manifest) -> Iterator[str]:
        yield from without_server(self._given, str(manifest.content["server"]["version"]))

    def container(self) -> str:
        with self._first() as first:
            tools = self._tools(first.major)
        return tools.container if tools else ""

    def prove(self, plain: Path, manifest: Manifest, scratch: Path, progress: Progress) -> Proof:
        return prove(self._given, plain, manifest, scratch, progress)

    @contextlib.contextmanager
    def _first(self) -> Iterator[Session]:
        """A session with a database that lets this role in: the server's own, or one of the set."""
        candidates = [*_ALWAYS_THERE, *self._databases]
        for name in candidates:
            try:
                opened = Session(self._login, name)
            except RunbookError:
                if name == candidates[-1]:
                    raise
                continue
            with contextlib.closing(opened):
                yield opened
            return

    def _examined(self, name: str) -> preflight.Database:
        with session(self._login, name) as one:
            return preflight.examine(one)

    def _unknown(self, there: Mapping[str, bool]) -> Iterator[str]:
        if not self._databases:
            yield "no database is named: a set without any proves nothing"
        for name in self._databases:
            if name not in there:
                yield f"database {clean(name)}: the server has none of that name; it has {some_of(sorted(there), 10)}"
            elif not there[name]:
                yield f"database {clean(name)}: lets no client connect (datallowconn is false)"

    def _tools(self, major: int) -> Tools | None:
        return reach.tools_of(self._given, major, programs.DUMP)

    def _without_tools(self, version: str) -> str:
        return reach.without_tools(self._given, version, programs.DUMP)


def _described(one: preflight.Database) -> Iterator[str]:
    where = f"database {clean(one.name)}"
    yield f"{where}: {size(one.size)} on the server's disk, {one.tables} tables"
    if one.unlogged:
        names = some_of(map(clean, one.unlogged), 10)
        yield f"{where}: in the dump, and empty after any crash of the server: unlogged {names}"
    for line in one.not_carried:
        yield f"{where}: not carried: {line}"


def _server(first: Session) -> dict[str, Any]:
    """What the server is: a proof needs a server like it, and never that one."""
    return {
        "version": first.version,
        "system_identifier": str(first.value("SELECT system_identifier FROM pg_control_system()")),
        "bootstrap": first.value("SELECT rolname FROM pg_roles WHERE oid = 10"),
        "platform": first.value("SELECT version()"),
        "in_recovery": first.value("SELECT pg_is_in_recovery()"),
    }
