# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The arithmetic of the plots: percentiles only from enough samples, dots that do not overlap."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

#: Below this many samples a percentile is a guess.
ENOUGH = 20

T = TypeVar("T")


@dataclass(frozen=True)
class Percentiles:
    """How samples are spread."""

    p50: float
    p95: float
    least: float
    most: float


def percentiles(samples: Sequence[float]) -> Percentiles | None:
    """Nearest-rank percentiles, each of which was really measured; ``None`` from fewer than 20 samples."""
    if len(samples) < ENOUGH:
        return None
    ordered = sorted(samples)
    p50, p95 = (ordered[math.ceil(share * len(ordered)) - 1] for share in (0.5, 0.95))
    return Percentiles(p50, p95, ordered[0], ordered[-1])


@dataclass(frozen=True)
class Cluster(Generic[T]):
    """Things that share a position on an axis, and its middle in percent."""

    at: float
    members: tuple[T, ...]


def clusters(placed: Iterable[tuple[float, T]], *, apart: float) -> list[Cluster[T]]:
    """Things on an axis from 0 to 100, with those closer than ``apart`` together as one."""
    found: list[list[tuple[float, T]]] = []
    for at, thing in sorted(placed, key=lambda pair: pair[0]):
        if found and at - found[-1][0][0] < apart:
            found[-1].append((at, thing))
        else:
            found.append([(at, thing)])
    made = [Cluster(_mean(at for at, _thing in group), tuple(thing for _at, thing in group)) for group in found]
    return _merged(made, apart)


def _merged(found: list[Cluster[T]], apart: float) -> list[Cluster[T]]:
    """The same without neighbours whose middles moved too close."""
    kept: list[Cluster[T]] = []
    for cluster in found:
        if kept and cluster.at - kept[-1].at < apart:
            before = kept.pop()
            amounts = len(before.members), len(cluster.members)
            at = (before.at * amounts[0] + cluster.at * amounts[1]) / sum(amounts)
            kept.append(Cluster(at, before.members + cluster.members))
        else:
            kept.append(cluster)
    return kept


def logarithmic(value: float, least: float, most: float) -> float:
    """Where a value is, in percent, on an axis on which every power of ten takes the same room."""
    inside = min(max(value, least), most)
    return 100 * math.log(inside / least) / math.log(most / least)


def decades(values: Iterable[float], *, least: float, most: float) -> tuple[float, float]:
    """The powers of ten around some values, and at least those around ``least`` and ``most``."""
    known = [value for value in values if value > 0]
    return (
        10.0 ** math.floor(math.log10(min([least, *known]))),
        10.0 ** math.ceil(math.log10(max([most, *known]))),
    )


def _mean(numbers: Iterable[float]) -> float:
    listed = list(numbers)
    return sum(listed) / len(listed)
