# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Names of WAL segments: which follow one another, which are missing, and how far an archive reaches. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

#: A segment: timeline, log and segment of eight hexadecimal digits each.
_NAME = re.compile(r"([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})\Z")

#: Bytes of a log: its segments count from nought again in each.
_LOG = 1 << 32


@dataclass(frozen=True, order=True)
class Segment:
    """A segment by its timeline and its number on it, which depends on the bytes that a segment has."""

    timeline: int
    number: int
    size: int

    @classmethod
    def of(cls, name: str, size: int) -> Segment:
        """From its name; raises ValueError where that is none."""
        match = _NAME.match(name)
        if match is None:
            raise ValueError(name)
        timeline, log, segment = (int(part, 16) for part in match.groups())
        return cls(timeline, log * (_LOG // size) + segment, size)

    def __str__(self) -> str:
        log, segment = divmod(self.number, _LOG // self.size)
        return f"{self.timeline:08X}{log:08X}{segment:08X}"


@dataclass(frozen=True)
class Reach:
    """How far WAL leads from a segment on without a gap: the last segment, and when that was archived.

    ``hole`` names what is missing after it, although later WAL is there; empty where there is none.
    """

    last: str
    archived_at: float
    hole: str = ""


def between(first: str, last: str, size: int) -> list[str]:
    """The segments from one to another of the same timeline; raises ValueError for others."""
    start, stop = Segment.of(first, size), Segment.of(last, size)
    if start.timeline != stop.timeline or start.number > stop.number:
        raise ValueError(f"WAL cannot lead from {first} to {last}")
    return [str(Segment(start.timeline, number, size)) for number in range(start.number, stop.number + 1)]


def reach(archived: Mapping[str, float], first: str, size: int) -> Reach:
    """How far an archive leads from a segment on; ``archived`` are its files, with the time of each.

    A later timeline counts for the earlier one that it began on: it has the WAL of that from there on.
    What is no segment, as a history or a label, counts for nothing.
    """
    start = Segment.of(first, size)
    times: dict[int, float] = {}
    for name, at in archived.items():
        if _NAME.match(name):
            one = Segment.of(name, size)
            if one.timeline >= start.timeline and one.number >= start.number:
                times[one.number] = max(at, times.get(one.number, 0.0))
    number = start.number
    while number in times:
        number += 1
    later = [one for one in times if one > number]
    gap = [str(Segment(start.timeline, one, size)) for one in (number, min(later) - 1)] if later else []
    hole = f"WAL is missing from the archive: {' to '.join(dict.fromkeys(gap))}" if gap else ""
    if number == start.number:
        return Reach("", 0.0, hole or f"WAL is missing from the archive: {first}")
    return Reach(str(Segment(start.timeline, number - 1, size)), times[number - 1], hole)


def forks(history: Iterable[str]) -> Iterator[tuple[int, int]]:
    """The timelines that one comes from, and where in the WAL (in bytes) each was left, of the text of its history."""
    for line in history:
        words = line.split()
        if len(words) > 1 and words[0].isdigit():
            yield int(words[0]), position(words[1])


def position(text: str) -> int:
    """A place in the WAL, in bytes, of how the server writes it; raises ValueError."""
    high, _slash, low = text.partition("/")
    return (int(high, 16) << 32) + int(low, 16)
