# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The file that a service reads revocation lists from: replaced by renaming, and the one before stays beside it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..._core.errors import RunbookError
from .set_file import CERTIFICATE_MODE, write
from .set_file import read as read_file


class ListFile:
    """The file that a service reads revocations from; open it with ``with``.

    Every method may be called again after a run was killed inside it. Going back renames a link that was made in time.
    """

    def __init__(self, path: str) -> None:
        self._folder_path, self._name = Path(path).parent, Path(path).name
        self._next, self._previous = f".{self._name}.next", f".{self._name}.previous"
        self._folder = -1

    @contextmanager
    def opened(self) -> Iterator[ListFile]:
        """Work on it, by a descriptor of its folder: no link is followed on the way."""
        self._folder = os.open(self._folder_path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield self
        finally:
            os.close(self._folder)
            self._folder = -1

    def content(self) -> bytes | None:
        """What it holds; nothing where there is no such file."""
        found = self._status(self._name)
        if found is None:
            return None
        if stat.S_ISLNK(found.st_mode):
            raise RunbookError(f"{self._folder_path / self._name}: is a link; name the file itself")
        return read_file(self._folder, self._name)

    def stage(self, content: bytes, owner: tuple[int, int]) -> None:
        """Put what it is to hold beside it, and a second name for what it holds."""
        self._unlink(self._next)
        self._unlink(self._previous)
        found = self._status(self._name)
        if found is None:
            write(self._folder, self._next, content, mode=CERTIFICATE_MODE, owner=owner)
        else:
            # A service that reads it now can read the next one.
            write(self._folder, self._next, content, mode=found.st_mode & 0o777, owner=found)
            os.link(
                self._name,
                self._previous,
                src_dir_fd=self._folder,
                dst_dir_fd=self._folder,
                follow_symlinks=False,
            )
        os.fsync(self._folder)

    def forward(self) -> None:
        """Put what was staged into its place."""
        if self._status(self._next) is not None:
            self._rename(self._next)

    def back(self, *, existed: bool) -> None:
        """Put into its place what it held before; without ``existed``, take it away."""
        if not existed:
            self._unlink(self._name)
            os.fsync(self._folder)
        elif self._status(self._previous) is not None:
            self._rename(self._previous)

    def discard(self) -> None:
        """Remove what was staged."""
        self._unlink(self._next)
        os.fsync(self._folder)

    def _rename(self, source: str) -> None:
        os.rename(source, self._name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        os.fsync(self._folder)

    def _status(self, name: str) -> os.stat_result | None:
        try:
            return os.lstat(name, dir_fd=self._folder)
        except FileNotFoundError:
            return None

    def _unlink(self, name: str) -> None:
        if self._status(name) is not None:
            os.unlink(name, dir_fd=self._folder)
