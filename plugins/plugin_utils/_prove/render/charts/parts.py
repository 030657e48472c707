# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the figures share: their shape, and how checks become dots and zones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Callable

from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import Check, worst
from markupsafe import Markup

from .. import formatting, svg
from .. import statistics as series

#: Percent of a plot's width that two dots are apart at least, so that a reader can tell one from another on a phone.
APART = 5.5
#: More rows than these hide the ones that matter.
ROWS = 12
#: More hosts than these are counted, and not named, beside a drawing.
NAMED = 6
#: Height of a row in pixels.
LANE = 24
SECOND = 1000

#: Where a value is on an axis, in percent.
Position = Callable[[float], float]


@dataclass(frozen=True)
class Plotted:
    """One row of a figure: what it is about, its drawing, and in words what matters of it."""

    name: str
    status: str
    drawing: Markup
    figure: str
    note: str = ""
    check: Check | None = None
    trend: str = ""
    #: What is to be thought of the figure, where that is not what is to be thought of the row.
    tone: str = ""


@dataclass(frozen=True)
class Figure:
    """One plot of the page; without rows, ``lead`` says why there is nothing to see."""

    anchor: str
    title: str
    lead: str
    rows: Sequence[Plotted] = ()
    #: Positions and words of the axis, in percent from the left.
    ticks: Sequence[tuple[float, str]] = ()
    #: Classes of marks and what they mean.
    key: Sequence[tuple[str, str]] = ()


def dots(checks: Iterable[Check], position: Position, middle: float) -> list[Markup]:
    """A dot for each check at its value; those too close to one another share one, which has the worst colour."""
    found = series.clusters([(position(value(check)), check) for check in checks], apart=APART)
    return [
        svg.dot(
            worst(judged(check) for check in cluster.members),
            cluster.at,
            middle=middle,
            amount=len(cluster.members),
            title=f"{hosts(cluster.members)}: {formatting.spread(list(cluster.members))}",
        )
        for cluster in found
    ]


def zones(check: Check, position: Position, height: float) -> list[Markup]:
    """Where values are beyond the thresholds of a check."""
    drawn = []
    edge = position(0) if check.falling else 100.0
    for kind, limit in (("critical", check.critical), ("warning", check.warning)):
        if limit is None:
            continue
        at = position(limit)
        left, right = min(at, edge), max(at, edge)
        if right > left:
            drawn.append(svg.box(f"zone {kind}", left, right - left, top=0, height=height))
        drawn.append(svg.upright(f"limit {kind}", at, top=0, bottom=height))
        edge = at
    return drawn


def judged(check: Check) -> str:
    """What the thresholds make of a value. Its check may fail for another reason: a quick error is no slow answer."""
    return check.limits.judge(value(check))


def hosts(checks: Iterable[Check]) -> str:
    """The hosts that looked: a few by name, many as their number."""
    names = {formatting.where(check) for check in checks}
    return formatting.compact(names) if len(names) <= NAMED else formatting.count(len(names), "host")


def by_id(checks: Iterable[Check]) -> dict[str, list[Check]]:
    """Checks of all hosts by what they looked at."""
    found: dict[str, list[Check]] = defaultdict(list)
    for check in checks:
        found[check.id].append(check)
    return found


def limits(check: Check) -> list[float]:
    """The thresholds of a check."""
    return [float(limit) for limit in (check.warning, check.critical) if limit is not None]


def closeness(check: Check) -> float:
    """How near a value is to the last of its thresholds: 1 is there."""
    limit = limits(check)[-1]
    return value(check) / limit if limit else value(check)


def percent(number: float) -> float:
    """A percentage on an axis from 0 to 100; what is beyond stands at the end."""
    return min(100.0, max(0.0, number))


def value(check: Check) -> float:
    """The measured number of a check that has one."""
    return float(check.value)  # type: ignore[arg-type]


def positive(number: Any) -> bool:
    """Whether something is a number that a logarithmic axis can show."""
    return formatting.is_number(number) and number > 0


def ms(number: float) -> str:
    """Milliseconds, or seconds where those are many."""
    return f"{formatting.number(number)} ms" if number < SECOND else f"{formatting.number(number / SECOND)} s"


def moment(text: str) -> datetime:
    """A moment of a report or of the ledger."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def when(text: str) -> str:
    """A moment as a person writes it."""
    return f"{text[:10]} {text[11:16]}"
