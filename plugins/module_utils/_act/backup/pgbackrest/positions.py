# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where sequences stood while a set was taken, and whether those of a copy can be where they are.

A server writes the position of a sequence to its WAL ahead, by up to 32 values: so far may a copy be ahead of its
source, and never behind.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...._backup.private import make_folders, write
from ...._core.text import clean

#: Values that a server writes ahead (SEQ_LOG_VALS of its source).
AHEAD = 32

_FOLDER = ".positions"

Positions = Mapping[str, Mapping[str, Sequence[Any]]]


def keep(folder: Path, label: str, before: Positions, after: Positions) -> None:
    """Keep what was seen before and after a set was taken, beside the receipts of its backup."""
    make_folders(folder / _FOLDER)
    write(_path(folder, label), json.dumps({"before": before, "after": after}))


def kept(folder: Path, label: str) -> tuple[Positions, Positions] | None:
    """What was seen; nothing where another program let the set be taken."""
    try:
        values = json.loads(_path(folder, label).read_text(encoding="ascii"))
        return values["before"], values["after"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def forget(folder: Path, labels: Sequence[str]) -> None:
    """Remove what was kept of sets other than these."""
    for path in (folder / _FOLDER).glob("*.json"):
        if path.stem not in labels:
            path.unlink()


def faults(before: Positions, after: Positions, found: Positions) -> Iterator[str]:
    """Sequences of a copy that are behind their source, or further ahead than a server writes."""
    for database, sequences in sorted(found.items()):
        for name, (value, _called) in sorted(sequences.items()):
            first, last = (seen.get(database, {}).get(name) for seen in (before, after))
            if first is None or last is None:
                continue  # it was made, or dropped, meanwhile
            lowest, highest = sorted((first[0], last[0]))
            where = f"database {clean(database)}: sequence {clean(name)} is at {value}"
            if value < lowest - (AHEAD if last[0] < first[0] else 0):
                yield f"{where}, and was at {lowest} before the set was taken"
            elif value > highest + AHEAD:
                yield f"{where}, and was at {highest} after the set was taken"


def _path(folder: Path, label: str) -> Path:
    return folder / _FOLDER / f"{label}.json"
