# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Restic: one method for each of its commands that this collection needs, and an error for each state it can be in.

The password, the key of SSH and the known hosts reach the programs as files that exist in memory only, which no other
user can open and which are gone with this process, however it ends. The keys of S3 are in the environment of restic,
which the kernel shows to its own user alone: its other way, a file in INI syntax, would read some secrets as comments.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import IO, Any, Callable, cast

from .._core import surroundings
from .._core.errors import RunbookError
from .restic_address import S3, SFTP, Address
from .restic_fault import (
    FAILED,
    INCOMPLETE,
    LOCKED,
    REFUSED,
    ROTTEN,
    UNREACHABLE,
    RepositoryFault,
    plain,
    state_of,
)

#: A lock that was not renewed for so many seconds is one that restic takes for left behind.
STALE = 1800

_INCOMPLETE_STATUS = 3

_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)\Z")
_PACK = re.compile(r"\bpack(?: ID does not match, want| ID)?:? ([0-9a-f]{8,64})\b", re.IGNORECASE)

#: States in which a check has not come to a result.
_NO_RESULT = frozenset({LOCKED, UNREACHABLE, REFUSED, "missing", "wrong_password"})


@dataclass(frozen=True)
class Access:
    """How a repository is reached, and opened. ``timeout`` is in seconds, for what only asks."""

    address: Address
    password: str
    access_key_id: str = ""
    secret_access_key: str = ""
    identity: str = ""
    known_hosts: str = ""
    timeout: float = 60.0


@dataclass(frozen=True)
class Snapshot:
    """A snapshot of a repository; ``time`` in seconds since 1970."""

    id: str
    time: float
    host: str
    tags: frozenset[str]


@dataclass(frozen=True)
class Lock:
    """A lock of a repository, which its client renews every five minutes; ``time`` in seconds since 1970."""

    id: str
    time: float
    host: str
    user: str
    process: int
    exclusive: bool


@dataclass(frozen=True)
class _Ended:
    status: int
    output: str
    complaint: str


#: What is entered with the process of each command that takes a lock, and left when that has ended.
Working = Callable[["subprocess.Popen[bytes]"], "contextlib.AbstractContextManager[None]"]


def alone(_process: subprocess.Popen[bytes]) -> contextlib.AbstractContextManager[None]:
    """Nothing more is done with a process that takes a lock."""
    return contextlib.nullcontext()


class Restic:
    """A repository, as restic works with it.

    ``folder`` is where restic works: whatever still works there when this process is killed can be found and ended.
    ``working`` is what goes on while a command holds a lock.
    """

    def __init__(
        self,
        access: Access,
        folder: Path,
        working: Working = alone,
    ) -> None:
        self._access = access
        self._folder = folder
        self._working = working

    @property
    def where(self) -> str:
        """The repository's address."""
        return self._access.address.text

    # --- questions, which take no lock

    def identity(self) -> str:
        """The identity of the repository, which it keeps for as long as it lives."""
        output = self._ask("cat", "config")
        try:
            return str(json.loads(output)["id"])
        except (ValueError, KeyError, TypeError) as exc:
            raise RepositoryFault(self.where, ROTTEN, "its config has no id") from exc

    def snapshots(self) -> list[Snapshot]:
        """Every snapshot, also those of other hosts and backups."""
        return [
            Snapshot(
                id=str(one["id"]),
                time=seconds(one["time"]),
                host=str(one.get("hostname", "")),
                tags=frozenset(map(str, one.get("tags") or ())),
            )
            for one in self._json(self._ask("snapshots")) or ()
        ]

    def locks(self) -> list[Lock]:
        """Every lock; one that goes meanwhile is none."""
        names = [name for name in self._ask("list", "locks").split() if re.fullmatch(r"[0-9a-f]{64}", name)]
        return [found for found in map(self._lock, names) if found]

    def files(self, snapshot: str) -> dict[str, int]:
        """The files of a snapshot with their sizes in bytes, by their paths in it."""
        found = {}
        for line in self._ask("ls", snapshot).splitlines():
            node = self._json(line)
            if node.get("struct_type") == "node" and node.get("type") != "dir":
                found[str(node["path"])] = int(node.get("size", 0)) if node.get("type") == "file" else -1
        return found

    def text(self, snapshot: str, path: str) -> str:
        """The content of a small file of a snapshot."""
        return self._ask("dump", snapshot, path)

    # --- changes

    def initialize(self) -> None:
        """Make a new repository; raises where there is one."""
        self._run(["init"], timeout=self._access.timeout)

    def copy(self, folder: Path, name: str, host: str, tags: Sequence[str], at: Callable[[float], None]) -> str:
        """Store one entry of a folder, and return the name of the snapshot; ``at`` is called with the bytes done.

        The path of all snapshots is that of the folder, whatever the entry is called. Raises `RepositoryFault`; a
        snapshot that lacks a file is one as well, and has been made.
        """
        names: list[str] = []

        def line(text: str) -> None:
            message = self._json(text)
            if message.get("message_type") == "status":
                at(float(message.get("bytes_done", 0)))
            elif message.get("message_type") == "summary":
                names.append(str(message["snapshot_id"]))

        everything = _literal(str(folder))
        words = ["--host", host, *(word for tag in tags for word in ("--tag", tag)), "--force"]
        words += ["--exclude", f"{everything}/*", "--exclude", f"!{everything}/{_literal(name)}"]
        self._run(["backup", *words, "--", str(folder)], line=line, locks=True)
        # The one of Debian 12 gives the first digits of the name only.
        made = [one.id for one in self.snapshots() if names and one.id.startswith(names[0])]
        if len(made) != 1:
            raise RepositoryFault(self.where, FAILED, "restic did not say which snapshot it made")
        return made[0]

    def check(self, part: int, parts: int) -> list[str]:
        """Check the structure and read one part of the data; returns what is damaged, each a sentence.

        Raises `RepositoryFault` where it was not found out.
        """
        subset = ["--read-data"] if parts == 1 else [f"--read-data-subset={part}/{parts}"]
        try:
            self._run(["check", *subset], locks=True)
        except RepositoryFault as exc:
            if exc.state in _NO_RESULT:
                raise
            packs = list(dict.fromkeys(_PACK.findall(exc.text)))
            named = [f"pack {pack} is damaged" for pack in packs]
            return [*named, *(line for line in exc.text.splitlines() if not _PACK.search(line))]
        return []

    def forget(self, snapshots: Sequence[str]) -> None:
        """Remove snapshots by their names; their data stays until `prune`."""
        self._run(["forget", *snapshots], locks=True)

    def prune(self) -> None:
        """Remove the data that no snapshot needs."""
        self._run(["prune"], locks=True)

    def unlock(self) -> None:
        """Remove the locks that restic takes for left behind: of dead processes of this host, and what is `STALE`."""
        self._run(["unlock"], timeout=self._access.timeout)

    def restore(self, snapshot: str, target: Path) -> None:
        """Write the files of a snapshot below a folder."""
        self._run(["restore", snapshot, "--target", str(target), "--no-lock"])

    # --- how it is run

    def _ask(self, *words: str) -> str:
        return self._run([*words, "--no-lock"], timeout=self._access.timeout)

    def _json(self, text: str) -> Any:
        try:
            return json.loads(text)
        except ValueError as exc:
            raise RepositoryFault(self.where, FAILED, f"expected JSON, got {text[:80]!r}") from exc

    def _lock(self, name: str) -> Lock | None:
        try:
            found = self._json(self._ask("cat", "lock", name))
        except RepositoryFault:
            return None
        return Lock(
            id=name,
            time=seconds(found["time"]),
            host=str(found.get("hostname", "")),
            user=str(found.get("username", "")),
            process=int(found.get("pid", 0)),
            exclusive=bool(found.get("exclusive")),
        )

    def _run(
        self,
        words: Sequence[str],
        *,
        timeout: float | None = None,
        line: Callable[[str], None] | None = None,
        locks: bool = False,
    ) -> str:
        """What a command printed. Raises `RepositoryFault` for any exit status but 0."""
        with contextlib.ExitStack() as stack:
            options, inherited = self._options(stack)
            argv = ["restic", "--repo", self.where, "--no-cache", "--json", *options, *words]
            complaint = stack.enter_context(tempfile.TemporaryFile())
            process = self._started(argv, inherited, complaint)
            stack.callback(_end, process)
            if locks:
                stack.enter_context(self._working(process))
            late = threading.Event()
            if timeout is not None:
                timer = threading.Timer(timeout, _end_late, (process, late))
                timer.daemon = True
                timer.start()
                stack.callback(timer.cancel)
            output = _read(cast("IO[bytes]", process.stdout), line)
            status = process.wait()
            complaint.seek(0)
            printed = plain(complaint.read().decode("utf-8", "replace"))
        if late.is_set():
            raise RepositoryFault(self.where, UNREACHABLE, f"no answer within {timeout:g} s {printed}".strip())
        if status:
            state = INCOMPLETE if status == _INCOMPLETE_STATUS and words[0] == "backup" else state_of(status, printed)
            raise RepositoryFault(self.where, state, printed or f"it ended with {status}")
        return output

    def _started(self, argv: list[str], inherited: Sequence[int], complaint: IO[bytes]) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=complaint,
                cwd=self._folder,
                env=self._environment(),
                pass_fds=list(inherited),
                start_new_session=True,
            )
        except OSError as exc:
            raise RunbookError(f"restic cannot be run: {exc.strerror}; install the package restic") from exc

    def _environment(self) -> dict[str, str]:
        found = {**surroundings.clean(), "RESTIC_PROGRESS_FPS": "1"}
        if self._access.address.scheme == S3:
            found["AWS_ACCESS_KEY_ID"] = self._access.access_key_id
            found["AWS_SECRET_ACCESS_KEY"] = self._access.secret_access_key
        return found

    def _options(self, stack: contextlib.ExitStack) -> tuple[list[str], list[int]]:
        """The options that every command has, and the files in memory that restic inherits for them."""
        password = stack.enter_context(_in_memory(self._access.password))
        options = ["--password-file", f"/dev/fd/{password}"]
        address = self._access.address
        if address.scheme == SFTP:
            # ssh closes whatever it inherits, so it opens the files of this process.
            identity, known = (
                f"/proc/{os.getpid()}/fd/{stack.enter_context(_in_memory(text))}"
                for text in (f"{self._access.identity.strip()}\n", f"{self._access.known_hosts.strip()}\n")
            )
            options += ["--option", f"sftp.command={_ssh(address, identity, known, self._access.timeout)}"]
        return options, [password]


def seconds(text: str) -> float:
    """A time as Go writes it, in seconds since 1970; raises `RunbookError` for one that is none."""
    found = _TIME.match(str(text))
    if not found:
        raise RunbookError(f"expected a time like 2026-11-30T09:45:00Z, got {text!r}")
    moment = datetime.fromisoformat(found[1]).replace(tzinfo=timezone.utc)
    if found[2] != "Z":
        sign = -1 if found[2][0] == "-" else 1
        moment -= sign * timedelta(hours=int(found[2][1:3]), minutes=int(found[2][4:]))
    return moment.timestamp()


def _ssh(address: Address, identity: str, known: str, timeout: float) -> str:
    settings = {
        "BatchMode": "yes",
        "ConnectTimeout": f"{max(1, int(timeout / 2))}",
        "GlobalKnownHostsFile": "/dev/null",
        "IdentitiesOnly": "yes",
        "IdentityAgent": "none",
        "ServerAliveInterval": "15",
        "StrictHostKeyChecking": "yes",
        "UpdateHostKeys": "no",
        "UserKnownHostsFile": known,
    }
    words = ["ssh", "-F", "none", *(word for name, value in settings.items() for word in ("-o", f"{name}={value}"))]
    words += ["-i", identity, "-p", str(address.port), "-l", address.user, address.host, "-s", "sftp"]
    return shlex.join(words)


def _literal(path: str) -> str:
    """A pattern of restic that means this very path."""
    return re.sub(r"([\\*?\[])", r"\\\1", path)


@contextlib.contextmanager
def _in_memory(text: str) -> Iterator[int]:
    """A file in memory that only this user can open, as its descriptor."""
    descriptor = os.memfd_create("xorb-runbook")
    try:
        os.fchmod(descriptor, 0o600)
        os.write(descriptor, text.encode())
        yield descriptor
    finally:
        os.close(descriptor)


def _read(stream: IO[bytes], line: Callable[[str], None] | None) -> str:
    """All that is printed; where each line is handled as it comes, nothing is kept."""
    with stream:
        if line is None:
            return stream.read().decode("utf-8", "replace")
        for piece in stream:
            line(piece.decode("utf-8", "replace"))
    return ""


def _end_late(process: subprocess.Popen[bytes], late: threading.Event) -> None:
    if process.poll() is None:
        late.set()
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill a command with what it has started, where it has not ended."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
