# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Exchanges some of the authorities in a file that clients read anew each time; all else in it stays.

A file is replaced by one renaming, so there is nothing that a kill could leave half done.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..._certificates.bundle import load_bundle
from ..._certificates.pem import blocks
from ..._core.errors import RunbookError
from .set_file import read, write


@dataclass(frozen=True)
class Exchange:
    """A file, and what it is to hold."""

    path: str
    content: bytes


def plan(paths: Sequence[str], authorities: str, trust: str) -> list[Exchange]:
    """The files that have to change, after each of them has been read; changes nothing.

    Raises `RunbookError` for a file that is a link, is not there, or cannot be read.
    """
    ours = {one.fingerprint for one in load_bundle(authorities.encode())}
    return [found for path in paths if (found := _planned(path, ours, trust.encode())) is not None]


def _planned(path: str, ours: set[str], trust: bytes) -> Exchange | None:
    where = Path(path)
    if where.is_symlink():
        raise RunbookError(f"{path}: is a link; name the file itself")
    with _opened(where) as folder:
        now = read(folder, where.name)
    wanted = trust + b"".join(_others(now, ours))
    if sorted(one.fingerprint for one in load_bundle(now)) == sorted(one.fingerprint for one in load_bundle(wanted)):
        return None
    return Exchange(path, wanted)


def _others(content: bytes, ours: set[str]) -> list[bytes]:
    """The blocks of a file that are none of our authorities, as they stand there."""
    kept = []
    for number, block in enumerate(blocks(content), start=1):
        if block.fault:
            raise RunbookError(f"block {number} in PEM: {block.fault}")
        if block.label != "CERTIFICATE" or load_bundle(block.whole)[0].fingerprint not in ours:
            kept.append(block.whole)
    return kept


def put(exchange: Exchange) -> None:
    """Put into a file what it is to hold; it is on the disk when this returns."""
    where = Path(exchange.path)
    beside = f".{where.name}.next"
    with _opened(where) as folder:
        found = os.stat(where.name, dir_fd=folder, follow_symlinks=False)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(beside, dir_fd=folder)
        write(folder, beside, exchange.content, mode=stat.S_IMODE(found.st_mode), owner=found)
        os.rename(beside, where.name, src_dir_fd=folder, dst_dir_fd=folder)
        os.fsync(folder)


@contextlib.contextmanager
def _opened(where: Path) -> Iterator[int]:
    folder = os.open(where.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield folder
    finally:
        os.close(folder)
