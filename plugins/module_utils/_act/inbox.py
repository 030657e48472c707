# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a job gets what it is sent while it works: a file for each piece, which is there as a whole or not at all."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

from .._core.errors import RunbookError
from .journal import PRIVATE

#: Seconds between two looks.
_STEP = 0.01

_WHOLE = "piece-"

#: The number of what is sent in the place of the rest, where that does not come: it says why.
NO_MORE = -1


class Inbox:
    """The folder of what is sent to a job; it goes with the folder of the job.

    A sender waits until the job has taken what was sent, so there is one piece at a time, and memory and disk stay as
    they are however much is sent.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, number: int, data: bytes, runs: Callable[[], bool]) -> None:
        """Send a piece, and wait until it is taken. The same piece may be sent again.

        ``runs`` says whether the job does. Raises `RunbookError` where it has ended before.
        """
        with contextlib.suppress(FileExistsError):
            self._folder.mkdir(mode=PRIVATE)
        beside, path = self._folder / f".{number}", self._folder / f"{_WHOLE}{number}"
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(data)
        beside.rename(path)
        while path.exists() or not self._folder.exists():
            if not runs():
                raise RunbookError("the job that this was sent to has ended")
            time.sleep(_STEP)

    def take(self, seconds: float) -> tuple[int, bytes] | None:
        """The next piece with its number; nothing where none comes for so many seconds."""
        end = time.monotonic() + seconds
        while not (found := self._waiting()):
            if time.monotonic() >= end:
                return None
            time.sleep(_STEP)
        path = self._folder / f"{_WHOLE}{found[0]}"
        data = path.read_bytes()
        path.unlink()
        return found[0], data

    def _waiting(self) -> list[int]:
        with contextlib.suppress(FileNotFoundError):
            names = (entry.name for entry in os.scandir(self._folder))
            return sorted(int(name[len(_WHOLE) :]) for name in names if name.startswith(_WHOLE))
        return []
