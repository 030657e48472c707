# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The digest of what is in a file, of one with holes too: a terabyte of nothing takes no time.

Of a file with many holes, only blocks that hold something are read, and the digest is of those with their positions. It
is the same wherever a file system, or an archive, has put the holes.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterable, Iterator
from typing import Callable

#: Bytes that a file may have in holes before it matters whether they are holes.
SOME = 1 << 20

#: What a digest of blocks begins with, so that it is never compared with one of all bytes.
SPARSE = "sparse:"

_PIECE = 1 << 20
_BLOCK = 4096
_NOTHING = bytes(_BLOCK)

#: Called with numbers of bytes, as they are read.
Count = Callable[[int], None]

#: The beginning and the end of each part of a file that is no hole.
Extents = Iterable[tuple[int, int]]


def uncounted(_size: int) -> None:
    """For a caller that does not show how far it is."""


def digest_of(source: Callable[[int], bytes], count: Count = uncounted) -> tuple[int, str]:
    """Size and SHA-256 of all that can be read of something."""
    digest, size = hashlib.sha256(), 0
    while piece := source(_PIECE):
        digest.update(piece)
        size += len(piece)
        count(len(piece))
    return size, digest.hexdigest()


def sparse_digest(size: int, extents: Extents, read: Callable[[int, int], bytes], count: Count = uncounted) -> str:
    """The digest of a file of ``size`` bytes by its blocks; ``read`` returns bytes from a position on, so many."""
    digest = hashlib.sha256(str(size).encode())
    for begin, end in _pieces(size, extents):
        piece = read(begin, end - begin)
        count(len(piece))
        for position in range(0, len(piece), _BLOCK):
            block = piece[position : position + _BLOCK]
            if block != _NOTHING[: len(block)]:
                digest.update(b"%d:" % (begin + position))
                digest.update(block)
    return f"{SPARSE}{digest.hexdigest()}"


def _pieces(size: int, extents: Extents) -> Iterator[tuple[int, int]]:
    """The extents in whole blocks and in pieces that fit into memory, none of them twice."""
    done = 0
    for begin, end in extents:
        begin = max(done, begin // _BLOCK * _BLOCK)  # noqa: PLW2901 - the whole block
        end = min(size, -(-end // _BLOCK) * _BLOCK)  # noqa: PLW2901
        for position in range(begin, end, _PIECE):
            yield position, min(end, position + _PIECE)
        done = max(done, end)


def extents_of(descriptor: int, size: int) -> Extents:
    """The parts of an open file that are no holes, as its file system says: all of it where that has none."""
    position = 0
    while position < size:
        try:
            begin = os.lseek(descriptor, position, os.SEEK_DATA)
            position = os.lseek(descriptor, begin, os.SEEK_HOLE)
        except OSError as exc:
            if exc.errno == errno.ENXIO:  # no data follows
                return
            begin, position = position, size
        yield begin, position


def of_file(path: str, *, sparse: bool | None = None, count: Count = uncounted) -> tuple[int, str, int]:
    """Size, digest and bytes in holes of a file; ``sparse`` says which digest, otherwise its holes decide."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        status = os.fstat(descriptor)
        size, holes = status.st_size, 0
        extents: Extents = ((0, size),)
        if status.st_blocks * 512 < size:
            extents = list(extents_of(descriptor, size))
            holes = size - sum(end - begin for begin, end in extents)
        if sparse if sparse is not None else holes >= SOME:
            digest = sparse_digest(size, extents, lambda begin, length: _read_at(descriptor, begin, length), count)
            return size, digest, holes
        os.lseek(descriptor, 0, os.SEEK_SET)
        read, digest = digest_of(file.read, count)
        return read, digest, holes


def _read_at(descriptor: int, begin: int, length: int) -> bytes:
    """Bytes of a file from a position on; the kernel may return fewer than it is asked for."""
    pieces = []
    while length:
        piece = os.pread(descriptor, length, begin)
        if not piece:
            break
        pieces.append(piece)
        begin, length = begin + len(piece), length - len(piece)
    return b"".join(pieces)
