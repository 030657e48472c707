# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the time lines share: an axis that ends with the moment of the report, and what happened as dots on it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import worst
from markupsafe import Markup

from ...report import Report
from .. import statistics as series
from .. import svg
from . import parts

#: Where the oldest moment and that of the report are, in percent.
FIRST, NOW = 2.0, 96.0

_DAY = 86400.0


@dataclass(frozen=True)
class Event:
    """Something that happened at a moment, in seconds since 1970, with its status and in words."""

    moment: float
    status: str
    words: str


@dataclass(frozen=True)
class Axis:
    """From the oldest moment, a day ago at least, to that of the report."""

    oldest: float
    now: float

    @classmethod
    def of(cls, report: Report, moments: Iterable[float]) -> Axis:
        """The axis that all moments are on."""
        now = parts.moment(report.finished_at).timestamp()
        return cls(min([now - _DAY, *moments]), now)

    def at(self, moment: float) -> float:
        """Where a moment is, in percent; one from the future is where the report is."""
        return min(NOW, FIRST + (NOW - FIRST) * (moment - self.oldest) / (self.now - self.oldest))

    @property
    def ticks(self) -> Sequence[tuple[float, str]]:
        """Both ends."""
        return [(FIRST, day(self.oldest)), (NOW, "now")]

    def drawn(self, events: Iterable[Event]) -> list[Markup]:
        """The moment of the report, and a dot for each event; those too close share one with the worst colour."""
        found = series.clusters([(self.at(event.moment), event) for event in events], apart=parts.APART)
        return [
            svg.upright("today", NOW, top=0, bottom=parts.LANE),
            *(
                svg.dot(
                    worst(event.status for event in cluster.members),
                    cluster.at,
                    middle=parts.LANE / 2,
                    amount=len(cluster.members),
                    title="; ".join(event.words for event in cluster.members),
                )
                for cluster in found
            ),
        ]


def day(seconds: float) -> str:
    """The day of a moment."""
    return minute(seconds)[:10]


def minute(seconds: float) -> str:
    """A moment, to the minute."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M")
