# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Real servers and tools for unit tests: unpacked from Debian's packages, never installed, on the loopback address.

Installing would start services of the machine on their usual ports. What is unpacked starts when a test wants it to.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.testbed.commands import elevate
from tests.testbed.layout import BUILD

#: What each tool is made of; libraries that every Debian has are left out.
_PACKAGES: Mapping[str, tuple[str, ...]] = {
    "redis-server": (
        "redis-server", "redis-tools", "libjemalloc2", "liblua5.1-0", "liblzf1", "lua-bitop", "lua-cjson", "libatomic1",
    ),
    "promtool": ("prometheus",),
    "postgres": ("postgresql-15", "postgresql-client-15"),
    "age": ("age",),
    "restic": ("restic",),
    "sshd": ("openssh-server", "libwrap0"),
    "pgbackrest": ("pgbackrest", "libpq5", "libldap-2.5-0", "libsasl2-2"),
}  # fmt: skip

_PLACE = BUILD / "peers"

#: Seconds that a server may take to start, on a machine that does ten things besides.
_PATIENCE = 60


def _unpacked(tool: str) -> Path:
    """The folder that a tool is unpacked in; made once, whatever number of tests want it at the same time."""
    _PLACE.mkdir(parents=True, exist_ok=True)
    folder = _PLACE / tool
    with (_PLACE / f"{tool}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=_PLACE) as made:
                _fetch(_PACKAGES[tool], Path(made))
                (Path(made) / "root").rename(folder)
    return folder


def _fetch(packages: tuple[str, ...], folder: Path) -> None:
    download = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", *packages]
    if subprocess.run(download, cwd=folder, capture_output=True, check=False).returncode:
        subprocess.run(elevate(["apt-get", "-q", "update"]), capture_output=True, check=False)
        subprocess.run(download, cwd=folder, capture_output=True, check=True)
    for package in folder.glob("*.deb"):
        subprocess.run(["dpkg", "-x", str(package), str(folder / "root")], check=True)


#: Tools that come with another one.
_COMES_WITH: Mapping[str, str] = {
    "redis-check-rdb": "redis-server",
    "redis-check-aof": "redis-server",
    "redis-cli": "redis-server",
    "age-keygen": "age",
}


def program(tool: str) -> list[str]:
    """The words that run a tool with the libraries that it came with."""
    folder = _unpacked(_COMES_WITH.get(tool, tool))
    libraries = sorted({str(path.parent) for path in folder.rglob("*.so*")})
    return ["env", f"LD_LIBRARY_PATH={':'.join(libraries)}", str(next(folder.rglob(f"*bin/{tool}")))]


def commands(folder: Path, *tools: str) -> Path:
    """A folder for ``PATH`` with a command for each of some tools, as a host has it that they are installed on."""
    folder.mkdir(parents=True, exist_ok=True)
    for tool in tools:
        # Whole from the first moment: another process may run what is there already.
        made = folder / f".{tool}-{os.getpid()}"
        made.write_text(f'#!/bin/sh\nexec {shlex.join(program(tool))} "$@"\n', encoding="utf-8")
        made.chmod(0o755)
        made.rename(folder / tool)
    return folder


def free_port() -> int:
    """A port that nobody listens at now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextlib.contextmanager
def silent() -> Iterator[int]:
    """A port that lets in, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@dataclass(frozen=True)
class Server:
    """A server that runs."""

    port: int
    process: subprocess.Popen[bytes]
    folder: Path

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """Freeze it and its children for a while: its port stays open, and nobody answers."""
        number = str(self.process.pid)
        children = Path(f"/proc/{number}/task/{number}/children").read_text(encoding="ascii").split()
        processes = [int(number), *map(int, children)]
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                os.kill(process, signal.SIGCONT)


@contextlib.contextmanager
def redis_server(*options: str) -> Iterator[Server]:
    """A Redis server as new, with options of its command line."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        words = [*program("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--dir", folder, *options]
        with _running(words, port, Path(folder)) as server:
            yield server


@contextlib.contextmanager
def postgres_server(
    *settings: str, prepare: Callable[[Path], None] | None = None, encoding: str = "UTF8"
) -> Iterator[Server]:
    """A PostgreSQL server as new, that trusts everybody; ``settings`` are lines of its configuration.

    ``prepare`` is given the folder of its data in place of making a new one.
    """
    port = free_port()
    with tempfile.TemporaryDirectory() as outer:
        place = Path(outer)
        place.chmod(0o755)
        folder = place / "data"
        folder.mkdir(mode=0o700)
        _give(folder)
        if prepare:
            prepare(folder)
        else:
            words = [_postgres("initdb"), "-D", str(folder), "-A", "trust", "-U", "postgres", "-N", "-E", encoding]
            subprocess.run([*_as_nobody(), *words, "--locale=C"], capture_output=True, check=True, cwd=outer)
        lines = ["fsync = off", "unix_socket_directories = ''", f"port = {port}", "shared_buffers = '8MB'", *settings]
        with (folder / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write("\n".join(["", *lines, ""]))
        words = [*_as_nobody(), _postgres("postgres"), "-D", str(folder)]
        with _running(words, port, folder, _lets_in(port)) as server:
            yield server


@contextlib.contextmanager
def s3_server(folder: Path, key_id: str, key: str) -> Iterator[Server]:
    """A server of S3, whose buckets are the folders in a folder."""
    port = free_port()
    folder.mkdir()
    rclone = str(Path(sys.executable).with_name("rclone"))
    words = [rclone, "serve", "s3", "--config", os.devnull, "--auth-key", f"{key_id},{key}"]
    with _running([*words, "--addr", f"127.0.0.1:{port}", str(folder)], port, folder) as server:
        yield server


@contextlib.contextmanager
def sftp_server(place: Path, host_key: Path, client: Path) -> Iterator[tuple[Server, str]]:
    """A real sshd for SFTP alone, which lets in the owner of a public key, and the name of the user to log in as.

    It runs as an ordinary user, and so lets in no other.
    """
    port = free_port()
    folder = place / "files"
    folder.mkdir()
    settings = {
        "AuthorizedKeysFile": client,
        "HostKey": host_key,
        "ListenAddress": f"127.0.0.1:{port}",
        "KbdInteractiveAuthentication": "no",
        "PasswordAuthentication": "no",
        "PidFile": "none",
        "StrictModes": "no",
        "Subsystem": "sftp internal-sftp",
        # Without it, sshd would have to read the passwords of the machine, which is for root alone.
        "UsePAM": "yes",
    }
    (place / "settings").write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
    for path in (folder, host_key):
        _give(path)
    user = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    words = [*_as_nobody(), *program("sshd"), "-D", "-e", "-f", str(place / "settings")]
    with _running(words, port, folder) as server:
        yield server, user


def base_backup(server: Server) -> Callable[[Path], None]:
    """Prepare the data of a standby that follows a server."""

    def prepare(folder: Path) -> None:
        where = ["-h", "127.0.0.1", "-p", str(server.port), "-U", "postgres"]
        words = [_postgres("pg_basebackup"), *where, "-R", "-c", "fast", "-D", str(folder)]
        subprocess.run([*_as_nobody(), *words], capture_output=True, check=True, cwd=folder.parent)

    return prepare


def postgres_programs() -> Path:
    """The folder of the programs of PostgreSQL, which is not in the path of every machine."""
    return Path(_postgres("initdb")).parent


def _postgres(name: str) -> str:
    """A program of PostgreSQL: the machine's own where it has a server, which starts nothing by being used."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return str((installed[-1] if installed else next(_unpacked("postgres").rglob("bin/initdb"))).with_name(name))


def _as_nobody() -> list[str]:
    """Neither PostgreSQL nor an sshd without a user of its own runs as root."""
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.geteuid() == 0 else []


def _give(folder: Path) -> None:
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody", "nogroup")


@contextlib.contextmanager
def _running(words: list[str], port: int, folder: Path, ready: Callable[[], bool] | None = None) -> Iterator[Server]:
    with (folder.parent / f"peer-{port}.log").open("wb") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=folder)
    try:
        _await(process, ready or _listening(port), Path(log.name))
        yield Server(port, process, folder)
    finally:
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        Path(log.name).unlink()


def _listening(port: int) -> Callable[[], bool]:
    def listens() -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        return False

    return listens


def _lets_in(port: int) -> Callable[[], bool]:
    words = [_postgres("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
    return lambda: subprocess.run(words, check=False).returncode == 0


def _await(process: subprocess.Popen[bytes], ready: Callable[[], bool], log: Path) -> None:
    ends = time.monotonic() + _PATIENCE
    while time.monotonic() < ends and process.poll() is None:
        if ready():
            return
        time.sleep(0.02)
    raise RuntimeError(f"{log}: {log.read_text(errors='replace')[-2000:]}")
