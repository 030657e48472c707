# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One at a time: a lock on a file that the kernel releases when its holder dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

#: Seconds between two attempts.
PAUSE = 0.05


@contextlib.contextmanager
def locked(path: Path, what: str, *, seconds: float, shared: bool = False) -> Iterator[None]:
    """Hold the lock, alone or with other readers; wait ``seconds`` for it at most.

    A reader makes no file: where there is none, no process can be writing. Raises `RunbookError` naming the
    holder when it stays taken, and OSError where the file cannot be opened.
    """
    try:
        handle = os.open(path, os.O_RDONLY if shared else os.O_RDWR | os.O_CREAT, 0o600)
    except FileNotFoundError:
        if not shared:
            raise
        yield
        return
    try:
        _take(handle, path, what, seconds, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        if not shared:
            _sign(handle)
        yield
    finally:
        os.close(handle)


def _take(handle: int, path: Path, what: str, seconds: float, kind: int) -> None:
    until = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
            return
        except BlockingIOError as exc:
            if time.monotonic() >= until:
                holder = os.pread(handle, 200, 0).decode(errors="replace").strip() or "a process that reads it"
                message = (
                    f"{what} is in use by {holder}; waited {seconds:g} s for {path}. Try again when that run is over"
                )
                raise RunbookError(message) from exc
            time.sleep(PAUSE)


def _sign(handle: int) -> None:
    """Write down which process holds it, for those that wait in vain."""
    holder = f"process {os.getpid()} since {datetime.now(timezone.utc):%Y-%m-%d %H:%M:%S} UTC\n"
    os.ftruncate(handle, 0)
    os.pwrite(handle, holder.encode(), 0)
