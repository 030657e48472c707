# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The stored files of a set as one stream of bytes, which is how a set goes from host to host.

The stream is the files in the order of the manifest, each with as many bytes as the manifest says. So a piece of it is
known by where it begins, a set of many small files costs no more than one of a large file, and a piece that comes twice
does no harm.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from .._core.errors import RunbookError
from .manifest import StoredFile
from .private import PRIVATE_FILE, make_folders


def read(folder: Path, files: Sequence[StoredFile], offset: int, count: int) -> bytes:
    """So many bytes of the stream, from an offset on; fewer at its end.

    Raises `RunbookError` where a file has fewer bytes than it should have, and OSError where one cannot be read.
    """
    return b"".join(_read(folder, *part) for part in _parts(files, offset, count))


def _read(folder: Path, one: StoredFile, start: int, count: int) -> bytes:
    with (folder / one.path).open("rb") as file:
        file.seek(start)
        data = file.read(count)
    if len(data) != count:
        raise RunbookError(f"{one.path}: has fewer bytes than the {one.size} that were written")
    return data


def _parts(files: Sequence[StoredFile], offset: int, count: int) -> Iterator[tuple[StoredFile, int, int]]:
    """The files that a piece has something of, each with where that begins in it, and how many bytes it is."""
    end, begin = offset + count, 0
    for one in files:
        first, last = max(offset, begin), min(end, begin + one.size)
        if first < last:
            yield one, first - begin, last - first
        begin += one.size


class Arrival:
    """A set that arrives in an empty folder of this user's, each file compared with its digest as it does."""

    def __init__(self, folder: Path, files: Sequence[StoredFile]) -> None:
        self._folder = folder
        self._files = iter(files)
        self._file: IO[bytes] | None = None
        self.total = sum(one.size for one in files)
        self.position = 0
        self._next()

    @property
    def complete(self) -> bool:
        """Whether all of it is there."""
        return self._file is None

    def add(self, offset: int, data: bytes) -> None:
        """Take a piece. What of it is there already is skipped.

        Raises `RunbookError` where one before it is missing, or where what arrived is not what was stored.
        """
        if offset > self.position:
            raise RunbookError(f"a piece of the set begins at {offset}, and {self.position} bytes of it have arrived")
        rest = memoryview(data)[self.position - offset :]
        while rest:
            if self._file is None:
                raise RunbookError(f"more of the set arrives than the {self.total} bytes that it has")
            some = rest[: self._left]
            self._file.write(some)
            self._digest.update(some)
            self._left -= len(some)
            self.position += len(some)
            rest = rest[len(some) :]
            if not self._left:
                self._end()

    def close(self) -> None:
        """Let go of a file that did not arrive as a whole."""
        if self._file is not None:
            self._file.close()

    def _next(self) -> None:
        """Begin the next file, and end those that are empty."""
        for one in self._files:
            path = self._folder / one.path
            make_folders(path.parent)
            self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE), "wb")
            self._expected, self._left, self._digest = one, one.size, hashlib.sha256()
            if one.size:
                return
            self._close()
        self._file = None

    def _end(self) -> None:
        self._close()
        self._next()

    def _close(self) -> None:
        self.close()
        if self._digest.hexdigest() != self._expected.sha256:
            raise RunbookError(f"{self._expected.path}: did not arrive as it was stored: its digest is another one")
