# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The dump of one database, as pg_restore reads it: what it says of itself, and into which database it goes."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Callable

from ...._core.errors import RunbookError
from ...progress import Progress
from ..inside import Inside
from . import names
from .scratch import error_of, settings
from .session import Login, user_of
from .tools import Tools, variables


@dataclass(frozen=True)
class Archive:
    """The folder of a dump, and the tools that read it: there, or in their container, which ``inside`` has it of."""

    folder: Path
    tools: Tools
    inside: Inside | None = None

    def schema(self) -> str:
        """All statements but those of rows."""
        return self._printed("--create", "--schema-only", "--file=-")

    def creation(self, old: str, new: str) -> list[str]:
        """The statements that make the database, empty, with its owner, rights, settings and comment, for a new name.

        Both names are as SQL writes them. They are pg_restore's own, so nothing of a database has to be known here.
        """
        with tempfile.TemporaryFile() as chosen:
            listed = names.of_the_database(self._printed("--create", "--list"))
            chosen.write(listed.encode("utf-8", "surrogateescape"))
            chosen.seek(0)
            script = self._printed("--create", "--use-list=/dev/stdin", "--file=-", source=chosen)
        return list(names.renamed(script, old, new))

    def restore(self, login: Login, database: str, jobs: int) -> str:
        """Restore into an empty database; returns the first error, if there is one, with its object."""
        environment = {**variables(login, database), "PGOPTIONS": settings(self.tools.major)}
        words = ["--exit-on-error", f"--jobs={jobs}", "--no-password", f"--dbname={database}"]
        with self._opened() as opened:
            where, how = opened
            with self.tools.running("pg_restore", *words, where, environment=environment, **how) as program:
                return error_of(program)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The path of the folder for a tool that may be another user's, and how that is run.

        On this host, that user need not reach the folder by its own path.
        """
        if self.inside is not None:
            yield self.inside.folder, {"inside": self.inside.folder}
            return
        _give(self.folder, self.tools.user)
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield f"/proc/self/fd/{descriptor}", {"folder": self.folder.parent, "files": [descriptor]}
        finally:
            os.close(descriptor)

    def _printed(self, *arguments: str, source: IO[bytes] | int = subprocess.DEVNULL) -> str:
        inside, how = self.inside.folder if self.inside else "", {} if self.inside else {"folder": self.folder}
        with tempfile.TemporaryFile() as output:
            replace(self.tools, user="").run(
                "pg_restore", *arguments, inside or str(self.folder), output=output, source=source, inside=inside, **how
            )
            output.seek(0)
            return output.read().decode("utf-8", "surrogateescape")


@contextlib.contextmanager
def watched(progress: Progress, size: Callable[[], int]) -> Iterator[None]:
    """Say every two seconds how many bytes a database has, while the block runs."""
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(2):
            with contextlib.suppress(RunbookError):
                progress.at(size())

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def _give(folder: Path, user: str) -> None:
    """The tool runs as its user, and reads nothing that is another's."""
    if user:
        found = user_of(user)
        for path in (folder, *folder.rglob("*")):
            os.chown(path, found.pw_uid, found.pw_gid)
