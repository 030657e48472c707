# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Keys and certificates among some files: which belong together, at the source and in what was restored."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ...._certificates.bundle import Reader
from ...._certificates.files import LARGEST, SUFFIXES, File, read
from .tree import FILE, Entry


@dataclass
class Pairs:
    """What the files come to, by their paths.

    ``fitting`` are keys, each with the files beside it that begin with a certificate of that key. ``alone`` are keys
    beside certificates of which none is theirs; ``closed`` are keys that are encrypted, ``broken`` files that hold
    neither, whatever they are called.
    """

    certificates: int = 0
    fitting: dict[str, list[str]] = field(default_factory=dict)
    alone: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """As a listing has it."""
        return dict(vars(self))


def pairs(root: str, entries: Iterable[Entry]) -> Pairs:
    """Look at every file below a root that is called like a certificate or a key. Raises `DriverMissing`."""
    reader, folders = Reader(), dict[str, list[File]]()
    for entry in entries:
        if entry.type == FILE and entry.path.lower().endswith(SUFFIXES) and 0 < entry.size <= LARGEST:
            folder = entry.path.rpartition("/")[0]
            folders.setdefault(folder, []).append(read(os.path.join(root, entry.path), entry.path, reader))  # noqa: PTH118 - any bytes
    result = Pairs()
    for files in folders.values():
        _pair(files, result)
    return result


def _pair(files: list[File], result: Pairs) -> None:
    """Pair the keys and certificates of one folder."""
    begin_with: dict[bytes, list[str]] = {}
    for file in files:
        result.certificates += len(file.certificates)
        if file.certificates:
            begin_with.setdefault(file.certificates[0].public_key, []).append(file.name)
        if file.trouble or not (file.certificates or file.content.keys or file.content.crls or file.content.locked):
            result.broken.append(file.name)
    for file in files:
        for key in file.content.keys:
            if not key.readable:
                result.closed.append(file.name)
            elif key.public_key in begin_with:
                result.fitting[file.name] = begin_with[key.public_key]
            elif begin_with:
                result.alone.append(file.name)
