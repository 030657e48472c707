# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PostgreSQL's own programs: where those of a major version are, and how they run.

Passwords reach them by ``PGPASSWORD`` in their own environment, which the kernel shows to their user and to root alone:
it is in no argument, and in no file that a killed run could leave behind.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ...._clients import commands
from ...._clients.postgres import connection_parameters
from ...._core import surroundings
from ...._core.errors import RunbookError
from ...._core.text import excerpt, lines
from .. import compose
from .session import user_of

#: Programs that a dump needs, that a restore needs, and that a server of its own needs.
DUMP = ("pg_dump", "pg_dumpall", "pg_restore")
RESTORE = ("pg_restore", "psql")
SERVER = ("initdb", "postgres")

#: Where packages put the programs of each major version, Debian's and PostgreSQL's own for others.
_FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/bin")

_VERSION = re.compile(r"\(PostgreSQL\) (\d+)(\S*)")

#: Seconds for a program that only says what it is.
_SHORT = 30

#: Seconds for a container to start, or to be removed.
_START = 120

#: libpq's variables, by the names of its connection parameters.
_VARIABLES: Mapping[str, str] = {
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "port": "PGPORT",
    "user": "PGUSER",
    "dbname": "PGDATABASE",
    "password": "PGPASSWORD",
    "passfile": "PGPASSFILE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslcrl": "PGSSLCRL",
    "gssencmode": "PGGSSENCMODE",
    "application_name": "PGAPPNAME",
}

#: Lines of a complaint that are shown.
_SHOWN = 600


def variables(login: Mapping[str, Any], database: str) -> dict[str, str]:
    """The connection as libpq's variables: a name of a database is a name there, whatever characters it has."""
    parameters = connection_parameters({**login, "database": database})
    return {_VARIABLES[name]: str(value) for name, value in parameters.items() if name in _VARIABLES}


@dataclass(frozen=True)
class Tools:
    """The programs of one version, in a folder of this host or, with ``container``, in that of a container.

    ``user`` is the user of the system that they run as, where that is another one than who runs this: its name, or its
    numbers (``999:999``) where the container alone knows the name.
    """

    folder: str
    version: str
    container: str = ""
    user: str = ""

    @property
    def major(self) -> int:
        """The major version."""
        return int(re.split(r"\D", self.version)[0])

    @contextlib.contextmanager
    def running(
        self, program: str, *arguments: str, environment: Mapping[str, str] | None = None, folder: Path | None = None,
        output: IO[bytes] | int = subprocess.DEVNULL, source: IO[bytes] | int = subprocess.DEVNULL,
        files: Sequence[int] = (), isolated: bool = False, inside: str = "",
    ) -> Iterator[Program]:  # fmt: skip
        """A program for as long as the block: it is killed where that ends before it does.

        ``folder`` is its working folder, and ``inside`` that in its container: what is killed here may go on there, and
        is known by that. On this host, it dies with this process, too.
        """
        given = dict(environment or {})
        before = self._in_container(given, inside, reads=source != subprocess.DEVNULL) if self.container else None
        words = [*(before or self._on_host(isolated=isolated)), self._path(program), *arguments]
        with tempfile.TemporaryFile() as complaints:
            try:
                process = subprocess.Popen(
                    words,
                    stdin=source,
                    stdout=output,
                    stderr=complaints,
                    cwd=folder or "/",
                    env={**surroundings.clean(), **given},
                    pass_fds=files,
                    start_new_session=True,
                )
            except OSError as exc:
                raise RunbookError(f"{words[0]} cannot be run: {exc.strerror}") from exc
            try:
                yield Program(program, process, complaints)
            finally:
                if process.poll() is None:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)
                    process.wait()

    def run(self, program: str, *arguments: str, **how: Any) -> None:
        """Run a program to its end; raises `RunbookError` with its complaint where it fails."""
        with self.running(program, *arguments, **how) as started:
            started.finish()

    def _path(self, program: str) -> str:
        return f"{self.folder}/{program}" if self.folder else program

    def _in_container(self, environment: Mapping[str, str], inside: str, *, reads: bool) -> list[str]:
        """The words before those of the program. docker takes the values of variables from its own environment."""
        names = [word for name in environment for word in ("--env", name)]
        how = [*(["-i"] if reads else []), *(["--workdir", inside] if inside else [])]
        user = ["--user", self.user or "0:0"]
        return ["docker", "exec", *how, *user, *names, "--env", "LC_ALL=C", "--env", "TZ=UTC", self.container]

    def _on_host(self, *, isolated: bool) -> list[str]:
        """The same, where it runs here."""
        network = ["unshare", "--net", "--"] if isolated else []
        return [*network, "setpriv", *(_identity(self.user) if self.user else ()), "--pdeathsig=KILL", "--"]


@dataclass(frozen=True)
class Program:
    """A program that runs, or ran."""

    name: str
    process: subprocess.Popen[bytes]
    complaints: IO[bytes]

    @property
    def printed(self) -> int:
        """How many bytes it printed on its standard error until now."""
        return os.fstat(self.complaints.fileno()).st_size

    def complaint(self, since: int = 0) -> str:
        """What it printed on its standard error until now, from some byte on. It may go on printing meanwhile."""
        data = os.pread(self.complaints.fileno(), max(self.printed - since, 0), since)
        return data.decode("utf-8", "replace")

    def finish(self) -> None:
        """Wait for its end; raises `RunbookError` where it did not end well."""
        status = self.process.wait()
        if status:
            how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
            raise RunbookError(f"{self.name} {how}: {first_error(self.complaint())}")


def first_error(complaint: str) -> str:
    """The first line of a program's complaint that is an error, with what follows it."""
    printed = [line for line in lines(complaint) if line.strip()]
    start = next((number for number, line in enumerate(printed) if "error:" in line or "FATAL:" in line), 0)
    return excerpt(" ".join(printed[start : start + 4]), _SHOWN)


def _identity(name: str) -> list[str]:
    user, group = numbers_of(name)
    return [f"--reuid={user}", f"--regid={group}", "--clear-groups" if ":" in name else "--init-groups"]


def numbers_of(user: str) -> tuple[int, int]:
    """The numbers of a user of `Tools`, and of its group."""
    if ":" in user:
        own, _colon, group = user.partition(":")
        return int(own), int(group)
    found = user_of(user)
    return found.pw_uid, found.pw_gid


def may_isolate() -> bool:
    """Whether a program can have a network of its own here, with nothing in it."""
    words = ["unshare", "--net", "--", "true"]
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(
            words,
            env=surroundings.clean(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SHORT,
            check=False,
        )
        return done.returncode == 0
    return False


def find(major: int, programs: Sequence[str], *, user: str = "") -> Tools | None:
    """The programs of a major version on this host; nothing where any of them is missing."""
    return next((one for one in _installed(programs, user) if one.major == major), None)


def versions_here(programs: Sequence[str]) -> list[str]:
    """Every version of some programs that this host has."""
    return sorted({one.version for one in _installed(programs, "")})


def no_server(version: str, programs: Sequence[str]) -> str:
    """Why no server of a set's version can be started on this host."""
    here = ", ".join(versions_here(programs)) or "none"
    return (
        f"the set is of PostgreSQL {version}, and the servers that this host could start are of version {here};"
        f" install the package postgresql-{major_of(version)}, or verify on another host"
    )


def major_of(version: str) -> int:
    """The major version of a version, as 15 of 15.8."""
    return int(version.partition(".")[0])


def find_in_container(container: str, major: int, programs: Sequence[str]) -> Tools | None:
    """The programs of a major version inside of a container; nothing where it has no such."""
    # An image puts them where its shell finds them, and `docker exec` does, too; a system of its own may not.
    for folder in ("", f"/usr/lib/postgresql/{major}/bin", f"/usr/pgsql-{major}/bin"):
        program = f"{folder}/{programs[0]}" if folder else programs[0]
        version = _version_of([*_EXEC, container, program, "--version"])
        if version.startswith(f"{major}.") or version == str(major):
            return Tools(folder, version, container)
    return None


_EXEC = ("docker", "exec", "--env", "LC_ALL=C")


@contextlib.contextmanager
def container_like(given: Mapping[str, Any], folder: Path, name: str) -> Iterator[str]:
    """A container of the same image as the one of a service, for the length of the block; its name.

    It has no network and runs nothing by itself, and a folder of this host has the same path in it.
    """
    image = str(compose.container_of(given)["Image"])
    words = [
        "docker", "run", "--detach", "--network=none", f"--name={name}", f"--volume={folder}:{folder}",
        "--user=0:0", "--entrypoint=sleep", image, "infinity",
    ]  # fmt: skip
    outcome = commands.run(words, timeout=_START)
    if outcome.status:
        raise RunbookError(f"no container of the image of {given['service']} starts: {excerpt(outcome.stderr, _SHOWN)}")
    try:
        yield name
    finally:
        commands.run(["docker", "container", "rm", "--force", "--volumes", name], timeout=_START)


def user_in(container: str, name: str) -> str:
    """The numbers of a user that a container knows, as `Tools.user` has them; empty where it has none."""
    found = [commands.run([*_EXEC, container, "id", option, name], timeout=_SHORT) for option in ("-u", "-g")]
    return ":".join(one.stdout.strip() for one in found) if not any(one.status for one in found) else ""


def _installed(programs: Sequence[str], user: str) -> Iterator[Tools]:
    folders = [str(path) for pattern in _FOLDERS for path in sorted(Path("/").glob(pattern[1:]))]
    for folder in dict.fromkeys([*folders, *os.environ.get("PATH", "").split(os.pathsep)]):
        paths = [Path(folder) / program for program in programs]
        if folder and all(os.access(path, os.X_OK) for path in paths):
            version = _version_of([str(paths[0]), "--version"])
            if version:
                yield Tools(folder, version, user=user)


def _version_of(words: Sequence[str]) -> str:
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(
            list(words),
            env=surroundings.clean(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SHORT,
            check=False,
        )
        if done.returncode == 0 and (found := _VERSION.search(done.stdout.decode("utf-8", "replace"))):
            return found.group(1) + found.group(2)
    return ""
