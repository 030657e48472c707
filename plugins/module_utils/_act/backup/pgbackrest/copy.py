# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A physical copy of a server, restored by pgBackRest into a folder of its own: what it needs to start, and that alone.

It has the users and the settings of its source, and so all that leads to other servers. It starts with a configuration
and a file of access rules of ours, without port, without archive, and without anything that begins work of its own.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...._clients.pgbackrest import Stanza
from ...._core.errors import RunbookError
from ..pipeline import run
from ..postgres import tools as programs
from ..postgres.scratch import Cluster, ended, give, refuse_long, wait_until_ready
from ..postgres.session import Login, session, user_of
from ..postgres.tools import Tools

#: Programs of the server's major version that a copy takes.
PROGRAMS = ("postgres", "pg_controldata", "pg_checksums")

#: Seconds that a copy may take until it has replayed its WAL.
PATIENCE = 6 * 3600.0

#: Seconds to fetch one segment of WAL.
_FETCH = 600.0

_CONFIGURATION = """
listen_addresses = ''
unix_socket_directories = '{socket}'
unix_socket_permissions = 0700
hba_file = '{folder}/access.conf'
ident_file = '{folder}/names.conf'
port = 5432
fsync = off
full_page_writes = off
wal_level = replica
hot_standby = off
archive_mode = off
max_logical_replication_workers = 0
shared_preload_libraries = ''
autovacuum = off
shared_buffers = 256MB
maintenance_work_mem = 256MB
logging_collector = off
log_destination = stderr
log_min_messages = log
lc_messages = 'C'
"""

#: What a server has to have at least as its source had it, each with what `pg_controldata` calls it.
_CARRIED: Mapping[str, str] = {
    "max_connections": "max_connections",
    "max_worker_processes": "max_worker_processes",
    "max_wal_senders": "max_wal_senders",
    "max_prepared_transactions": "max_prepared_xacts",
    "max_locks_per_transaction": "max_locks_per_xact",
}

_RULES = "local all all trust\n"

#: Databases that a client may log in to first.
_FIRST = ("template1", "postgres")

_SUPERUSERS = "SELECT rolname FROM pg_roles WHERE rolsuper AND rolcanlogin ORDER BY oid"


@dataclass(frozen=True)
class Place:
    """Where a copy is: its data, its tablespaces each by its name, its WAL, its socket and its configuration."""

    folder: Path
    data: Path

    @property
    def tablespaces(self) -> Path:
        """The folder of the tablespaces."""
        return self.folder / "tablespaces"

    @property
    def wal(self) -> Path:
        """The folder of the WAL that was fetched for it."""
        return self.folder / "wal"

    @property
    def socket(self) -> Path:
        """The folder of its socket."""
        return self.folder / "s"


def other_user(stanza: Stanza) -> str:
    """The user of a stanza, where that is another one than who runs this."""
    return "" if os.geteuid() == user_of(stanza.os_user).pw_uid else stanza.os_user


def make(place: Place, user: str) -> None:
    """Make the folders of a copy, for the user that it runs as."""
    refuse_long(place.socket)
    place.folder.chmod(0o711)
    for one in (place.data, place.tablespaces, place.wal, place.socket):
        one.mkdir(mode=0o700)
        give(one, user)


def restore(stanza: Stanza, repo: int, label: str, place: Place, options: Sequence[str]) -> None:
    """Have pgBackRest restore a set, which compares each file with its checksum. Raises `RunbookError`."""
    words = stanza.command(
        "restore",
        f"--repo={repo}",
        f"--set={label}",
        f"--pg1-path={place.data}",
        f"--tablespace-map-all={place.tablespaces}",
        "--archive-mode=off",
        *options,
    )
    run([words], cwd=place.folder)


def fetch(stanza: Stanza, repo: int, names: Sequence[str], place: Place) -> None:
    """Fetch segments of WAL, so that a copy without a network can replay them. Raises `RunbookError` for a hole."""
    for name in names:
        target = place.wal / name
        try:
            stanza.ask("archive-get", f"--repo={repo}", f"--pg1-path={place.data}", name, str(target), timeout=_FETCH)
        except RunbookError as exc:
            # What is not there is no error of pgBackRest's, and has no reason.
            raise RunbookError(f"WAL is missing from the archive, or cannot be read: {name}: {exc}") from exc


def control(tools: Tools, data: Path) -> dict[str, str]:
    """What ``pg_controldata`` says of the data of a server."""
    with tempfile.TemporaryFile() as output:
        tools.run("pg_controldata", "-D", str(data), output=output)
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
    return {name: value.strip() for name, _colon, value in (line.partition(":") for line in text.splitlines())}


def segment_size(found: Mapping[str, str]) -> int:
    """Bytes of a segment of WAL, of what `control` has found."""
    return int(found["Bytes per WAL segment"])


@contextlib.contextmanager
def running(
    place: Place, tools: Tools, login: Login, jobs: int, recovery: str, *, isolated: bool
) -> Iterator[tuple[Cluster, str]]:
    """The copy as a server, and its log until then, once it has replayed what ``recovery`` says.

    It is shut down with the block. ``recovery`` are lines of configuration in the place of those that came with it.
    """
    found = control(tools, place.data)
    carried = [f"{name} = {found[f'{theirs} setting']}" for name, theirs in _CARRIED.items()]
    settings = _CONFIGURATION.format(socket=place.socket, folder=place.folder)
    _write(place.folder / "server.conf", "\n".join([settings, *carried, ""]))
    _write(place.folder / "access.conf", _RULES)
    _write(place.folder / "names.conf", "")
    automatic = place.data / "postgresql.auto.conf"
    owner = automatic.stat()
    automatic.write_text(recovery, encoding="utf-8")
    os.chown(automatic, owner.st_uid, owner.st_gid)
    words = ["-D", str(place.data), "-c", f"config_file={place.folder / 'server.conf'}"]
    started = tools.running("postgres", *words, folder=place.data, isolated=isolated)
    with ended(started, signal.SIGINT) as program:
        first = {"address": str(place.socket), "port": 5432, "user": login["user"], "sslmode": "disable", "timeout": 60}
        wait_until_ready(program, first, _FIRST[0], PATIENCE)
        own = {**first, "user": _superuser(first)}
        yield Cluster(place.folder, tools, own, jobs, program, _FIRST[0]), program.complaint()


def damaged_files(tools: Tools, data: Path) -> list[str]:
    """Files with pages whose checksum is wrong, relative to the data; the server is shut down."""
    with tools.running("pg_checksums", "--check", "-D", str(data)) as started:
        status, complaint = started.process.wait(), started.complaint()
    found = re.findall(r"checksum verification failed in file \"([^\"]+)\"", complaint)
    if status and not found:
        raise RunbookError(f"pg_checksums: {programs.first_error(complaint)}")
    return sorted({os.path.relpath(path, data) for path in found})


def _superuser(login: Login) -> str:
    """A role of the copy that may look at all of it; the rules of this copy let each in."""
    with session(login, _FIRST[0]) as one:
        names = [str(name) for (name,) in one.rows(_SUPERUSERS)]
    if not names:
        raise RunbookError("no role of what was restored is a superuser that may log in")
    return login["user"] if login["user"] in names else names[0]


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o644)
