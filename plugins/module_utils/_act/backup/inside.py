# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A folder in the container of a service, for tools that work there: how files get in and out, and that none stays."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..._core.errors import RunbookError
from . import compose, pipeline, scratch, space

_PREFIX = "/tmp/xorb-runbook-"  # noqa: S108 - in a container, where nothing else has such a name


class Stopped(RunbookError):
    """What a killed run left is in a container that does not run, and so cannot be removed now."""


@dataclass(frozen=True)
class Inside:
    """A folder in a container that belongs to one on the host: whoever knows that one knows this one, too."""

    container: str
    folder: str

    @classmethod
    def of(cls, container: str, plain: Path) -> Inside:
        """The folder that the files of a folder of this host go through."""
        return cls(container, f"{_PREFIX}{hashlib.sha256(str(plain).encode()).hexdigest()[:16]}")

    def make(self) -> None:
        """Make it, for root alone."""
        compose.done(self.container, "mkdir", "-m", "700", "--", self.folder)

    def send(self, source: Path) -> None:
        """Make it, with all that is in a folder of this host: as a stream that is no terminal."""
        self.make()
        pipeline.run([["tar", "-cf", "-", "."], self._words("tar", "-xof", "-", reads=True)], cwd=source)

    def bring(self, target: Path) -> None:
        """Copy its files into a folder of this host. They stand in one folder, whatever their names say."""
        with (
            pipeline.output([self._words("tar", "-cf", "-", ".")], cwd=target) as stream,
            tarfile.open(fileobj=stream, mode="r|") as archive,
        ):
            for member in archive:
                if member.isfile():
                    _write(archive, member, target)

    def clean(self) -> None:
        """End everything that works in it, and remove it; nothing where container or folder has gone.

        Raises `Stopped` where the container does not run.
        """
        details = compose.inspected(self.container)
        if details is None:
            return
        if not compose.runs(details):
            raise Stopped(f"the container {self.container[:12]} does not run, and {self.folder} is in it")
        # By their working folder, which has no namesake outside: this host sees the processes of its containers.
        scratch.end_processes(Path(self.folder))
        compose.done(self.container, "rm", "-rf", "--", self.folder)

    def _words(self, *program: str, reads: bool = False) -> list[str]:
        return [
            "docker",
            "exec",
            *(["-i"] if reads else []),
            "--user",
            "0:0",
            "--workdir",
            self.folder,
            self.container,
            *program,
        ]


def shortage(container: str, count: int, what: str, folder: str = "/tmp") -> Iterator[str]:  # noqa: S108 - of `_PREFIX`
    """Why there is no room for so many bytes in a folder of a container; see `space.shortage`.

    A container that has no ``stat`` says nothing of it, and then the disk does when it is full.
    """
    outcome = compose.execute(container, "stat", "-f", "-c", "%b %S %a", "--", folder)
    numbers = outcome.stdout.split()
    if outcome.status == 0 and len(numbers) == len(("blocks", "size", "free")):
        blocks, size, free = map(int, numbers)
        yield from space.lacking(f"{folder} in the container", space.Room(blocks * size, free * size), count, what)


def clean(container: str, plain: Path) -> None:
    """Leave nothing in a container of what went through it for a folder of this host; see `Inside.clean`."""
    if container:
        Inside.of(container, plain).clean()


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    source: Any = archive.extractfile(member)
    with (folder / Path(member.name).name).open("wb") as file:
        shutil.copyfileobj(source, file)
