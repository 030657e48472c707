# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A throwaway PostgreSQL: its own folder and socket, no port and, where the kernel lets it, a network of its own.

A set may name other servers (foreign tables, subscriptions, functions that connect), and its tablespaces the folders of
the source. Neither is ever reached from here.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ...._core.errors import RunbookError
from ...._core.text import excerpt
from . import tools as postgres_tools
from .session import Login, Session, execute_each, session
from .tools import Program, Tools, first_error, numbers_of, variables

#: Seconds that a new server may take until it lets clients in.
_PATIENCE = 120

#: Bytes that the kernel has for the path of a socket.
_LONGEST_SOCKET = 107

#: Nothing here outlives a crash, is replicated, or begins work of its own.
_CONFIGURATION = """
listen_addresses = ''
unix_socket_directories = '{socket}'
unix_socket_permissions = 0700
port = 5432
fsync = off
full_page_writes = off
synchronous_commit = off
wal_level = minimal
max_wal_senders = 0
max_wal_size = 4GB
max_logical_replication_workers = 0
max_connections = {connections}
max_prepared_transactions = 10
archive_mode = off
autovacuum = off
shared_buffers = 256MB
maintenance_work_mem = 256MB
logging_collector = off
lc_messages = 'C'
log_line_prefix = '%e '
"""

#: What a database or a role of the set may have set for itself, and what would end the restore in its middle.
_OPTIONS = {
    "default_transaction_read_only": "off",
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "row_security": "off",
}

#: The same, since version 17.
_OPTIONS_17, _SINCE_17 = {"transaction_timeout": "0"}, 17

#: How a container says that a program was killed: by a status above this.
_KILLED = 128

#: Characters of a command that are shown.
_SHOWN = 200

_USERS = ("postgres", "nobody")

#: A word of a tablespace's statement: its location, which is one of the source's.
_LOCATION = re.compile(
    r"^(CREATE TABLESPACE (\"(?:[^\"]|\"\")+\"|\S+) OWNER .*? LOCATION )E?'(?:[^']|'')*';", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Cluster:
    """A throwaway server that runs. Clients log in to it as a superuser of its own, which no set knows."""

    folder: Path
    tools: Tools
    login: Login
    jobs: int
    server: Program
    first: str = ""

    @property
    def maintenance(self) -> str:
        """The database that a session has without another: by default one that is called as the superuser is."""
        return self.first or str(self.login["user"])

    def session(self, database: str = "", *, writable: bool = False) -> contextlib.AbstractContextManager[Session]:
        """A session with one of its databases."""
        return session(self.login, database or self.maintenance, writable=writable)

    def psql(self, name: str, script: str) -> str:
        """Run a script of globals; the complaint where it fails, with the first error. Raises as `restore` does."""
        path = self.folder / name
        path.write_text(script, encoding="utf-8", errors="surrogateescape")
        return self._complaint("psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", f"--file={path}")

    def restore(self, dump: Path) -> str:
        """Restore a database with all that it has, from the folder of its dump; the complaint at the first error.

        Raises `RunbookError` where it fails by what this host is: that says nothing about the dump.
        """
        return self._complaint(
            "pg_restore",
            "--exit-on-error",
            "--create",
            f"--jobs={self.jobs}",
            f"--dbname={self.maintenance}",
            str(dump),
        )

    def _complaint(self, program: str, *arguments: str) -> str:
        environment = {**variables(self.login, self.maintenance), "PGOPTIONS": settings(self.tools.major)}
        before = self.server.printed
        with self.tools.running(
            program, "--no-password", *arguments, environment=environment, folder=self.folder
        ) as started:
            complaint = error_of(started)
        if complaint and (remedy := remedy_of_host(complaint, self.server.complaint(before))):
            raise RunbookError(f"this host cannot restore the set: {complaint}: {remedy}, or verify on another host")
        return complaint


def settings(major: int) -> str:
    """What a restore sets for its sessions, as libpq takes it."""
    options = {**_OPTIONS, **(_OPTIONS_17 if major >= _SINCE_17 else {})}
    return " ".join(f"-c {name}={value}" for name, value in options.items())


#: What the server logs of an error: its SQLSTATE, which stands before each line of its log.
_STATE = re.compile(r"^(?P<state>[0-9A-Z]{5}) (?:ERROR|FATAL|PANIC): ", re.MULTILINE)

#: What lacks on a host by the words of a server that speaks no other language, with what to do.
_LACKS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"^(CREATE )?EXTENSION\b"), "install the package of the extension"),
    (re.compile(r"invalid (LC_\w+ )?locale name|could not create locale"), "install the locale (locales-all has all)"),
    (re.compile(r"could not open collator|ICU is not supported"), "install PostgreSQL with the ICU of the source"),
    (re.compile(r"could not (access|load) (file|library)"), "install the library"),
)

#: By the SQLSTATE, whole classes of what is no fault of a set: too few resources, a server that ends, errors of the
#: system, and files beside the server's own (dictionaries).
_OF_THE_HOST: Mapping[str, str] = {
    "53": "give the server more room",
    "57P": "find out what ended the server",
    "58": "look into the log of the kernel",
    "F0": "install the files that the server looks for",
}

#: What stands in the log of a server that lost a process, and in the complaint of a program that lost one, or both.
_CRASHED = re.compile(r"was terminated by signal|worker process died|server closed the connection")


def remedy_of_host(complaint: str, log: str) -> str:
    """What to do on this host where a restore failed by it, and nothing where the set is to blame.

    ``complaint`` is the first error of the restore with the object, ``log`` what the server logged meanwhile.
    """
    lacking = next((remedy for words, remedy in _LACKS if words.search(complaint)), "")
    first = _STATE.search(log)
    state = first["state"] if first else ""
    short = next((remedy for kind, remedy in _OF_THE_HOST.items() if state.startswith(kind)), "")
    crashed = _OF_THE_HOST["57P"] if _CRASHED.search(log) or _CRASHED.search(complaint) else ""
    return lacking or short or crashed


def error_of(restoring: Program) -> str:
    """Wait for the end of a restore; the first error where it failed. Raises `RunbookError` where it was killed."""
    status = restoring.process.wait()
    if status < 0 or status > _KILLED:
        restoring.finish()
    return (restore_error(restoring.complaint()) or f"{restoring.name} ended with status {status}") if status else ""


_ENTRY = re.compile(r"from TOC entry \d+; \d+ \d+ (.+)")
_COMMAND = re.compile(r"Command was: (.+)")


def restore_error(complaint: str) -> str:
    """The first error of pg_restore, with the object that it was about: a parallel one names its command alone."""
    entry, command = _ENTRY.search(complaint), _COMMAND.search(complaint)
    error = first_error(
        re.sub(r"^.*from TOC entry.*\n", "", complaint, flags=re.MULTILINE).partition("Command was:")[0]
    )
    what = entry or command
    return f"{excerpt(what.group(1), _SHOWN)}: {error}" if what else error


@contextlib.contextmanager
def cluster(folder: Path, tools: Tools, bootstrap: str, jobs: int, *, isolated: bool) -> Iterator[Cluster]:
    """A new server in a folder of this user's, which ends with the block.

    ``bootstrap`` is the name of the superuser that the source was made with: rights may have been granted by that one,
    and none but the one of a server's own beginning can grant like it.
    """
    data, socket, clients = folder / "data", folder / "s", folder / "clients"
    refuse_long(socket)
    server = replace(tools, user=server_user(tools))
    folder.chmod(0o711)
    for one in (data, socket):
        one.mkdir(mode=0o700)
        give(one, server.user)
    clients.mkdir(mode=0o700)
    server.run(
        "initdb", f"--pgdata={data}", f"--username={bootstrap}", "--auth=trust", "--encoding=UTF8", "--locale=C",
        "--no-sync", "--no-instructions", folder=data,
    )  # fmt: skip
    with (data / "postgresql.conf").open("a", encoding="utf-8") as file:
        file.write(_CONFIGURATION.format(socket=socket, connections=20 + 2 * jobs))
    with ended(server.running("postgres", "-D", str(data), folder=data, isolated=isolated)) as program:
        first = {"address": str(socket), "port": 5432, "user": bootstrap, "timeout": _PATIENCE, "sslmode": "disable"}
        wait_until_ready(program, first)
        own = f"xorb_scratch_{uuid.uuid4().hex}"
        _prepare(first, own)
        yield Cluster(clients, tools, {**first, "user": own}, jobs, program)


@contextlib.contextmanager
def ended(
    started: contextlib.AbstractContextManager[Program], how: signal.Signals = signal.SIGQUIT
) -> Iterator[Program]:
    """A server that ends when the block does, by default at once, and gives back what it has of the kernel."""
    with started as program:
        try:
            yield program
        finally:
            program.process.send_signal(how)
            with contextlib.suppress(subprocess.TimeoutExpired):
                program.process.wait(timeout=_PATIENCE)


def refuse_long(socket: Path) -> None:
    """Raise `RunbookError` where the kernel has no room for the path of a server's socket."""
    path = f"{socket}/.s.PGSQL.5432"
    if len(os.fsencode(path)) > _LONGEST_SOCKET:
        raise RunbookError(f"{path}: is longer than the path of a socket can be; choose a shorter scratch folder")


def server_user(tools: Tools) -> str:
    """Whom the server runs as: PostgreSQL refuses root."""
    if tools.container:
        return postgres_tools.user_in(tools.container, _USERS[0])
    if os.geteuid() != 0:
        return ""
    known = {one.pw_name for one in pwd.getpwall()}
    return next((name for name in _USERS if name in known), _USERS[-1])


def give(folder: Path, user: str) -> None:
    """Let a folder belong to the user of a server, where that is another one."""
    if user:
        os.chown(folder, *numbers_of(user))


def wait_until_ready(program: Program, login: Login, database: str = "postgres", patience: float = _PATIENCE) -> None:
    """Wait until the server lets clients in; raises `RunbookError` with its log where it ends instead."""
    end = time.monotonic() + patience
    while True:
        if program.process.poll() is not None or time.monotonic() > end:
            raise RunbookError(f"the throwaway server did not start: {_last_words(program.complaint())}")
        try:
            with session(login, database):
                return
        except RunbookError:
            time.sleep(0.1)


def _last_words(log: str) -> str:
    """Why a server has ended: what it calls fatal last, unless that is about a client that came too early."""
    fatal = [line for line in log.splitlines() if "FATAL:" in line and "the database system is" not in line]
    return excerpt(fatal[-1].partition("FATAL:")[2].strip() if fatal else log, 400)


def _prepare(login: Login, own: str) -> None:
    """Make a superuser and a database that no set knows, and remove databases that a set may have."""
    making = [f"CREATE ROLE {own} SUPERUSER LOGIN", f"CREATE DATABASE {own} TEMPLATE template0"]
    execute_each(login, "postgres", making)
    removing = ["ALTER DATABASE template1 IS_TEMPLATE false", "DROP DATABASE template1", "DROP DATABASE postgres"]
    execute_each(login, own, removing)


def roles_script(dumped: str, bootstrap: str) -> str:
    """The roles of a set for a server that has one of them: the superuser that it was made with."""
    plain, quoted = f"CREATE ROLE {bootstrap};", 'CREATE ROLE "{}";'.format(bootstrap.replace('"', '""'))
    return "\n".join(line for line in dumped.split("\n") if line not in (plain, quoted))


def tablespaces_script(dumped: str, folder: Path, tools: Tools) -> str:
    """The tablespaces of a set, each in a new folder of this one instead of where the source has it."""
    number, user = 0, server_user(tools)
    folder.mkdir(mode=0o711)

    def relocated(found: re.Match[str]) -> str:
        nonlocal number
        number += 1
        place = folder / f"{number}"
        place.mkdir(mode=0o700)
        give(place, user)
        return f"{found.group(1)}'{place}';"

    return _LOCATION.sub(relocated, dumped)
