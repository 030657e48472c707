# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where the files of a Redis server are, and the programs that read them: on this host, or in a container of it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from ...._clients import commands, docker
from ...._core import surroundings
from ...._core.errors import RunbookError
from ...._core.text import excerpt
from .. import compose, pipeline

#: Seconds that one query of a container may take, and that a file may be checked for.
_QUERY, _CHECK = 60.0, 24 * 3600.0

#: What a file is as long as it is the same one, and its size in bytes.
Status = tuple[str, int]


class Host(Protocol):
    """What a server's files are read and checked by."""

    def status(self, path: str) -> Status | None:
        """What identifies a file, and its size; nothing where there is none. Raises `RunbookError`."""

    def folder(self, path: str) -> Path:
        """Where a folder of the server is on this host. Raises `RunbookError` where none of it would stay."""

    def copy(self, path: str, target: Path, size: int | None = None) -> None:
        """Copy a file, or its first bytes. Raises `RunbookError` for fewer than those."""

    def check(self, words: Sequence[str], folder: Path) -> commands.Outcome:
        """Run one of Redis's programs in a folder of this host."""

    def serve(self, words: Sequence[str], folder: Path, name: str) -> None:
        """Begin a Redis server in a folder of this host, and return at once. ``name`` is that of its container."""

    def serving(self, name: str) -> bool:
        """Whether the server that was begun is alive."""

    def end(self, name: str) -> None:
        """End the server that was begun."""


def host_of(given: Mapping[str, Any]) -> Host:
    """Where the server of a backup is: in its container, where Compose has it, and on this host else."""
    container = given.get("container")
    return ContainerHost(container) if container else LocalHost()


class LocalHost:
    """This host."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def status(self, path: str) -> Status | None:
        """See `Host`."""
        try:
            status = Path(path).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as exc:
            raise RunbookError(f"{path}: {exc.strerror}") from exc
        return f"{status.st_dev}:{status.st_ino}:{status.st_mtime_ns}", status.st_size

    def folder(self, path: str) -> Path:
        """See `Host`."""
        return Path(path)

    def copy(self, path: str, target: Path, size: int | None = None) -> None:
        """See `Host`. What is opened stays the same file, even where a save puts another one in its place."""
        try:
            with Path(path).open("rb") as source, _private(target) as file:
                if size is None:
                    shutil.copyfileobj(source, file, 1 << 20)
                else:
                    _copy_first(source, file, size)
        except OSError as exc:
            raise RunbookError(f"{path}: cannot be copied: {exc.strerror}") from exc
        _refuse_short(path, target, size)

    def check(self, words: Sequence[str], folder: Path) -> commands.Outcome:
        """See `Host`."""
        return commands.run([_program(words[0]), *words[1:-1], str(folder / words[-1])], timeout=_CHECK)

    def serve(self, words: Sequence[str], folder: Path, name: str) -> None:  # noqa: ARG002 - a container has it
        """See `Host`."""
        with (folder / "output").open("wb") as output:
            self._process = subprocess.Popen(
                [_program("redis-server"), *words],
                cwd=folder,
                env=surroundings.clean(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def serving(self, name: str) -> bool:  # noqa: ARG002
        """See `Host`."""
        return self._process is not None and self._process.poll() is None

    def end(self, name: str) -> None:  # noqa: ARG002
        """See `Host`."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class ContainerHost:
    """A container of this host, named by Compose: its files, and the programs of its image."""

    def __init__(self, container: Mapping[str, Any]) -> None:
        details = compose.container_of(container)
        self._id, self._image = str(details["Id"]), str(details["Image"])
        self._mounts: Sequence[Mapping[str, Any]] = details.get("Mounts") or ()

    def status(self, path: str) -> Status | None:
        """See `Host`."""
        outcome = commands.run(["docker", "exec", self._id, "stat", "-c", "%d:%i:%Y %s", path], timeout=_QUERY)
        if outcome.status:
            if "No such file" in outcome.stderr:
                return None
            raise RunbookError(f"{path} in the container: {excerpt(outcome.stderr, 200)}")
        identity, size = outcome.stdout.split()
        return identity, int(size)

    def folder(self, path: str) -> Path:
        """See `Host`. What is not in a volume or a folder of this host goes with the container."""
        inner = PurePosixPath(path)
        around = [one for one in self._mounts if inner == _place(one) or _place(one) in inner.parents]
        mount = max(around, key=lambda one: len(_place(one).parts), default={})
        if mount.get("Type") not in ("bind", "volume"):
            raise RunbookError(f"{path} is in no volume of the container, and goes with it: give it one first")
        if not mount.get("RW", True):
            raise RunbookError(f"{path} is mounted into the container to be read only")
        if own := [one for one in self._mounts if inner in _place(one).parents]:
            raise RunbookError(f"{_place(own[0])} is a mount of its own in the container, and cannot get another name")
        place = Path(str(mount["Source"])) / inner.relative_to(_place(mount))
        if _identity(LocalHost().status(str(place))) != _identity(self.status(path)):
            raise RunbookError(f"{path} in the container is not {place} on this host, as the engine has it")
        return place

    def copy(self, path: str, target: Path, size: int | None = None) -> None:
        """See `Host`."""
        read = ["cat", path] if size is None else ["head", "-c", str(size), path]
        with _private(target) as file:
            pipeline.run([["docker", "exec", self._id, *read]], cwd=target.parent, target=file)
        _refuse_short(path, target, size)

    def check(self, words: Sequence[str], folder: Path) -> commands.Outcome:
        """See `Host`. One of the programs opens for writing what it only reads, so it is given what it may write."""
        run = ["docker", "run", "--rm", "--network", "none", "--user", "0:0", "--volume", f"{folder}:/checked"]
        words = ["--entrypoint", words[0], self._image, *words[1:-1], f"/checked/{words[-1]}"]
        return commands.run([*run, *words], timeout=_CHECK)

    def serve(self, words: Sequence[str], folder: Path, name: str) -> None:
        """See `Host`. The server works as the user that made the folder and removes it."""
        run = ["docker", "run", "--detach", "--network", "none", "--name", name, "--volume", f"{folder}:/restored"]
        run += ["--workdir", "/restored", "--user", f"{os.geteuid()}:{os.getegid()}", "--entrypoint", "redis-server"]
        outcome = commands.run([*run, self._image, *words], timeout=_QUERY)
        if outcome.status:
            raise RunbookError(f"the throwaway redis cannot be begun in a container: {excerpt(outcome.stderr, 200)}")

    def serving(self, name: str) -> bool:
        """See `Host`."""
        found = docker.inspect("container", [name], timeout=_QUERY)
        return bool(found and found[0].get("State", {}).get("Running"))

    def end(self, name: str) -> None:
        """See `Host`."""
        commands.run(["docker", "container", "rm", "--force", "--volumes", name], timeout=_QUERY)


def missing_programs() -> Iterator[str]:
    """The programs that a proof needs and this host has not, each as a sentence."""
    yield from (_missing(name) for name in ("redis-server", "redis-check-rdb") if shutil.which(name) is None)


def _place(mount: Mapping[str, Any]) -> PurePosixPath:
    return PurePosixPath(str(mount["Destination"]))


def _identity(status: Status | None) -> list[str]:
    """Device and number of a file: the kernel gives them to each of its containers alike."""
    return status[0].split(":")[:2] if status else []


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise RunbookError(_missing(name))
    return found


def _missing(name: str) -> str:
    package = "redis-server" if name == "redis-server" else "redis-tools"
    return f"{name} is not installed here; install the package {package}"


def _private(path: Path) -> Any:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def _copy_first(source: Any, target: Any, size: int) -> None:
    while size:
        piece = source.read(min(size, 1 << 20))
        if not piece:
            return
        target.write(piece)
        size -= len(piece)


def _refuse_short(path: str, target: Path, size: int | None) -> None:
    found = target.stat().st_size
    if size is not None and found != size:
        raise RunbookError(f"{path}: {found} bytes were copied, and it had {size}")
