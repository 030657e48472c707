# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One file of a set: read only where it can be one, and written in full or not at all."""

from __future__ import annotations

import os
import stat

from ..._core.errors import RunbookError

#: A file that is larger is none of a set.
LARGEST = 1 << 20


CERTIFICATE_MODE = 0o444


def read(folder: int, name: str) -> bytes:
    """A file of a folder; raises `RunbookError` where it is none that a set could have."""
    # Not blocking: a pipe would wait for ever for a process that writes.
    descriptor = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > LARGEST:
            raise RunbookError(f"{name} is no file of a certificate")
        return os.read(descriptor, LARGEST)
    finally:
        os.close(descriptor)


def write(
    folder: int, name: str, content: bytes, *, mode: int, owner: os.stat_result | tuple[int, int] | None = None
) -> None:
    """Make a file that is not there yet; it is on the disk afterwards, and never readable by more than in the end."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(name, flags, 0o600, dir_fd=folder)
    try:
        if os.write(descriptor, content) != len(content):
            raise OSError(28, "No space left on device", name)
        if owner is not None:
            uid, gid = (owner.st_uid, owner.st_gid) if isinstance(owner, os.stat_result) else owner
            os.fchown(descriptor, uid, gid)
        os.fchmod(descriptor, mode)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
