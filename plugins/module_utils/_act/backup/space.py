# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a disk has room for what is about to be written to it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..._core.text import size

#: Bytes of a disk that are left alone whatever is written, since a full disk stops more than backups: so many, and of a
#: small disk a part.
_RESERVE, _PART = 256 << 20, 20


def existing(path: Path) -> Path:
    """The folder, or the nearest one above it that there is."""
    while not path.is_dir():
        path = path.parent
    return path


@dataclass(frozen=True)
class Room:
    """Bytes of a file system, and those of them that are free."""

    total: int
    free: int


@dataclass(frozen=True)
class Need:
    """Bytes that are about to be written to a folder, or where it will be, and ``what`` they are needed for."""

    folder: Path
    count: int
    what: str = ""


def shortage(folder: Path, count: int, what: str = "") -> Iterator[str]:
    """Why there is no room for so many bytes in a folder, or where it will be; ``what`` they are needed for."""
    return shortages([Need(folder, count, what)])


def shortages(needs: Iterable[Need]) -> Iterator[str]:
    """Why there is no room for all of it at once: what lands on one file system adds up there."""
    together: dict[int, list[Need]] = {}
    for need in needs:
        together.setdefault(existing(need.folder).stat().st_dev, []).append(need)
    for found in together.values():
        status = os.statvfs(existing(found[0].folder))
        room = Room(status.f_blocks * status.f_frsize, status.f_bavail * status.f_frsize)
        where = " and ".join(dict.fromkeys(str(need.folder) for need in found))
        what = " and ".join(dict.fromkeys(need.what for need in found if need.what))
        yield from lacking(where, room, sum(need.count for need in found), what)


def lacking(where: str, room: Room, count: int, what: str = "") -> Iterator[str]:
    """The same of a file system whose room is known, wherever that is."""
    reserve = min(_RESERVE, room.total // _PART)
    needed = count + reserve
    if room.free < needed:
        purpose = f" {what}" if what else ""
        stays = f"of which {size(reserve)} stay free"
        yield f"{where}: {size(room.free)} are free, and {size(needed)} are needed{purpose}, {stays}"
