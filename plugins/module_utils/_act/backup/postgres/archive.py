# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The dump of one database, as pg_restore reads it: what it says of itself, and into which database it goes."""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from ...._core.errors import RunbookError
from ...progress import Progress
from . import names
from .scratch import error_of, settings
from .session import Login, user_of
from .tools import Tools, variables


@dataclass(frozen=True)
class Archive:
    """The folder of a dump, and the tools that read it."""

    folder: Path
    tools: Tools

    def schema(self) -> str:
        """All statements but those of rows."""
        return self._printed("--create", "--schema-only", "--file=-")

    def creation(self, old: str, new: str) -> list[str]:
        """The statements that make the database, empty, with its owner, rights, settings and comment, for a new name.

        Both names are as SQL writes them. They are pg_restore's own, so nothing of a database has to be known here.
        """
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", errors="surrogateescape") as chosen:
            chosen.write(names.of_the_database(self._printed("--create", "--list")))
            chosen.flush()
            script = self._printed("--create", f"--use-list={chosen.name}", "--file=-")
        return list(names.renamed(script, old, new))

    def restore(self, login: Login, database: str, jobs: int) -> str:
        """Restore into an empty database; returns the first error, if there is one, with its object."""
        _give(self.folder, self.tools.user)
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            with self.tools.running(
                "pg_restore", "--exit-on-error", f"--jobs={jobs}", "--no-password", f"--dbname={database}",
                f"/proc/self/fd/{descriptor}",
                environment={**variables(login, database), "PGOPTIONS": settings(self.tools.major)},
                folder=self.folder.parent, files=[descriptor],
            ) as program:  # fmt: skip
                return error_of(program)
        finally:
            os.close(descriptor)

    def _printed(self, *arguments: str) -> str:
        with tempfile.TemporaryFile() as output:
            Tools(self.tools.folder, self.tools.version).run(
                "pg_restore", *arguments, str(self.folder), output=output, folder=self.folder
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
