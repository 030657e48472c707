# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a row of the benchmark came to."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """The medians of both sides with their least and most, and the ratio of the medians."""

    name: str
    unit: str
    ours: float
    peer: float
    ratio: float
    goal: float | None
    absolute: bool
    ours_range: tuple[float, float]
    peer_range: tuple[float, float]
    runs: int
    #: Checks of either side that were too late in all runs together.
    late: tuple[int, int] = (0, 0)

    @property
    def met(self) -> bool:
        """Whether the ratio, or where ``absolute`` our own figure, is no more than is wanted."""
        return self.goal is None or (self.ours if self.absolute else self.ratio) <= self.goal


def figure(
    name: str,
    unit: str,
    ours: Sequence[float],
    peer: Sequence[float],
    *,
    goal: float | None = None,
    absolute: bool = False,
    late: tuple[int, int] = (0, 0),
) -> Figure:
    """The figure of what was measured, each side once or several times."""
    middle, other = statistics.median(ours), statistics.median(peer)
    return Figure(
        name=name,
        unit=unit,
        ours=round(middle, 2),
        peer=round(other, 2),
        ratio=round(middle / other, 4),
        goal=goal,
        absolute=absolute,
        ours_range=(round(min(ours), 2), round(max(ours), 2)),
        peer_range=(round(min(peer), 2), round(max(peer), 2)),
        runs=len(ours),
        late=late,
    )
