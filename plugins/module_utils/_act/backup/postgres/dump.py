# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Dumps of databases: each by pg_dump in the snapshot of a session that meanwhile counts what is in it."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...._backup.private import make_folders
from ...._core.errors import RunbookError
from ...._core.text import size
from ...progress import Progress
from ..inside import Inside
from . import collations, inventory, roles
from .session import LOCK_MINUTES, Login, Session, session, user_of
from .tools import Program, Tools, variables

#: The files of a set that are the server's and not one database's.
ROLES, TABLESPACES = "roles.sql", "tablespaces.sql"

#: How files are compressed, by the first version whose pg_dump can. Measured on 1 GB of names, times, JSON and prose in
#: eight tables, on two processors, against `pg_dump | gzip` (19.2 s, 184 MiB): gzip at 4 takes 5.8 s and 190 MiB (+3%),
#: at 3 5.4 s and 198 MiB (+8%). zstd at 1 took 0.4 s of CPU for 194 MB, where gzip at 4 took 2.0 s, and is no larger.
_ZSTD_SINCE, _ZSTD, _GZIP = 16, "--compress=zstd:1", "--compress=3"

#: What pg_dumpall writes at last, and in how many bytes from the end.
_COMPLETE, _END = b"-- PostgreSQL database cluster dump complete", 400

#: How often roles are read again where they change while they are dumped.
_ATTEMPTS = 3


def folder_of(number: int) -> str:
    """The folder of a database in a set: a name of a database may have any character, and no file may."""
    return f"databases/{number}"


@dataclass(frozen=True)
class Dumper:
    """What dumps are made with. ``reach`` is the login as the tools make it, ``inside`` their folder in a container."""

    login: Login
    tools: Tools
    jobs: int
    reach: Login
    inside: Inside | None = None

    def database(self, name: str, folder: Path, progress: Progress) -> dict[str, Any]:
        """Dump a database into a new folder and return what it holds, counted in the same snapshot."""
        with session(self.login, name) as snapshot:
            total = len(inventory.tables(snapshot))
            progress.phase(f"dumping {name}", total=total, unit="tables")
            identifier = snapshot.value("SELECT pg_export_snapshot()")
            before = inventory.sequences(snapshot)
            begin = time.time()
            with self._dumping(name, folder, identifier, progress) as program, _watched(folder, total, progress):
                content = _content(snapshot)
                program.finish()
            after = inventory.sequences(snapshot)
            content["sequences"] = {one: [before[one], after[one]] for one in before}
            content.update(begin=begin, end=time.time(), snapshot=identifier)
        return content

    def globals(self, database: str, folder: Path) -> dict[str, str]:
        """Dump roles and tablespaces, and return them as they were before and after: at last both are the same."""
        for _attempt in range(_ATTEMPTS):
            before = self._globals_of(database)
            self._to_file(folder / ROLES, "--roles-only", database)
            self._to_file(folder / TABLESPACES, "--tablespaces-only", database)
            if before == self._globals_of(database):
                return before
        raise RunbookError("roles and tablespaces changed each time that they were dumped; try again later")

    def _globals_of(self, database: str) -> dict[str, str]:
        with session(self.login, database) as now:
            return inventory.global_objects(now)

    def _to_file(self, path: Path, what: str, database: str) -> None:
        arguments = [what, "--no-password", f"--lock-wait-timeout={LOCK_MINUTES * 60_000}"]
        with path.open("wb") as file:
            self.tools.run("pg_dumpall", *arguments, environment=self._variables(database), output=file)
        # It ends with status 0 on a full disk, too.
        if _COMPLETE not in _end_of(path):
            raise RunbookError(f"{path.name}: pg_dumpall wrote some of it only; is the disk full?")

    def _dumping(
        self, name: str, folder: Path, snapshot: str, progress: Progress
    ) -> contextlib.AbstractContextManager[Program]:
        """A dump for as long as the block; when that is through, the files are in the folder and were read back."""
        arguments = [
            "--format=directory",
            f"--jobs={self.jobs}",
            f"--snapshot={snapshot}",
            "--no-password",
            "--no-sync",  # each file of a set is synced before the set appears
            f"--lock-wait-timeout={LOCK_MINUTES * 60_000}",
            _ZSTD if self.tools.major >= _ZSTD_SINCE else _GZIP,
        ]
        make_folders(folder)
        if self.inside is not None:
            return self._in_container(self.inside, name, folder, arguments, progress)
        return self._here(name, folder, arguments, progress)

    @contextlib.contextmanager
    def _here(self, name: str, folder: Path, arguments: list[str], progress: Progress) -> Iterator[Program]:
        """The folder belongs to the user that the tool runs as, who need not reach it by its path."""
        if self.tools.user:
            user = user_of(self.tools.user)
            os.chown(folder, user.pw_uid, user.pw_gid)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            where = f"--file=/proc/self/fd/{descriptor}"
            environment = self._variables(name)
            with self.tools.running("pg_dump", *arguments, where, environment=environment, files=[descriptor]) as one:
                yield one
        finally:
            os.close(descriptor)
            _take_over(folder)
        _read_back(Tools(self.tools.folder, self.tools.version), name, str(folder), progress)

    @contextlib.contextmanager
    def _in_container(
        self, inside: Inside, name: str, folder: Path, arguments: list[str], progress: Progress
    ) -> Iterator[Program]:
        """In the container, from which the files come when all of them are there.

        What is left there where that fails is the caller's to remove, as what is left in the folder is.
        """
        inside.make()
        where, environment = f"--file={inside.folder}", self._variables(name)
        with self.tools.running("pg_dump", *arguments, where, environment=environment, inside=inside.folder) as program:
            yield program
        _read_back(self.tools, name, inside.folder, progress, inside.folder)
        inside.bring(folder)
        inside.clean()

    def _variables(self, database: str) -> dict[str, str]:
        return variables(self.reach, database)


def _read_back(tools: Tools, name: str, folder: str, progress: Progress, inside: str = "") -> None:
    """Have pg_restore read the list and every byte: what it cannot read is no dump, whatever pg_dump's status."""
    progress.phase(f"reading the dump of {name}")
    tools.run("pg_restore", "--list", folder, inside=inside)
    tools.run("pg_restore", "--file=/dev/null", folder, inside=inside)


def _end_of(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - _END, 0))
        return file.read(_END)


def _content(snapshot: Session) -> dict[str, Any]:
    """All that a proof compares, of the snapshot that is being dumped."""
    return {
        "tables": dict(inventory.count_rows(snapshot)),
        "materialized_views": inventory.materialized_views(snapshot),
        "large_objects": inventory.large_objects(snapshot),
        "extensions": inventory.extensions(snapshot),
        "objects": inventory.objects(snapshot),
        "sequences_behind": inventory.sequences_behind(snapshot),
        "roles": roles.needed(snapshot),
        "collations": collations.used(snapshot),
        "lsn": _position(snapshot),
        **_surroundings_of(snapshot),
    }


def _position(snapshot: Session) -> str:
    query = "SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END::text"
    return str(snapshot.value(query))


def _surroundings_of(snapshot: Session) -> dict[str, Any]:
    """The encoding and the locales of the database, and by which version it recorded to sort its text."""
    names = ("encoding", "collate", "ctype", "collation_version")
    row = snapshot.rows(
        "SELECT pg_encoding_to_char(encoding), datcollate, datctype, to_jsonb(d) ->> 'datcollversion'"
        " FROM pg_database d WHERE datname = current_database()"
    )[0]
    return dict(zip(names, row))


@contextlib.contextmanager
def _watched(folder: Path, total: int, progress: Progress) -> Iterator[None]:
    """Say once a second how many tables have a file, while the block runs."""
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(1):
            sizes = list(_sizes(folder))
            progress.at(min(max(len(sizes) - 1, 0), total), f"{size(sum(sizes))} written")

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def _sizes(folder: Path) -> Iterator[int]:
    for entry in os.scandir(folder):
        with contextlib.suppress(FileNotFoundError):
            yield entry.stat().st_size


def _take_over(folder: Path) -> None:
    """Have a folder and its files belong to this user alone."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, os.geteuid(), os.getegid())
        path.chmod(0o700 if path.is_dir() else 0o600)


def described(taken: Mapping[str, Any]) -> str:
    """A database of a set in a few words."""
    return f"{len(taken['tables'])} tables, {sum(taken['tables'].values())} rows"
