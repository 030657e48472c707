# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How each service has been, run by run."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from statistics import median

from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import (
    CRITICAL,
    NOT_APPLICABLE,
    OK,
    UNKNOWN,
    WARNING,
    worst,
)
from ansible_collections.xorb.runbook.plugins.module_utils._core.names import RUN

from ...causes import FAILING
from ...ledger.history import Trend
from ...report import Report
from .. import formatting, svg
from . import parts
from .parts import Figure, Plotted

#: The more severe, the taller: a reader who cannot tell the colours can tell the heights.
HEIGHTS = {NOT_APPLICABLE: 4, OK: 9, WARNING: 14, UNKNOWN: 19, CRITICAL: 24}
STRIP = 24
#: A pause so many times as long as the usual one is drawn as a gap, as wide as so many runs.
PAUSE = 4
GAP = 0.8
#: Fewer runs than these leave room on the left, instead of columns so wide that they look like more.
COLUMNS = 24
#: From here on, in percent, a word on the axis would meet the last one.
CROWDED = 60


def figure(report: Report, trend: Trend) -> Figure:
    title = "Status over time"
    if trend.problem:
        return Figure("over-time", title, f"Nothing is known of earlier runs: {trend.problem}.")
    if not trend.same:
        return Figure(
            "over-time",
            title,
            f"This is the first run of {report.run.procedure} in the ledger: there is no history to draw yet."
            " The next run will show how each service has been.",
        )
    now: dict[str, set[str]] = defaultdict(set)
    for check in report.checks:
        now[check.service].add(check.status)
    times = [past.run.finished_at for past in trend.same] + [report.finished_at]
    known = [past.services for past in trend.same] + [{service: worst(states) for service, states in now.items()}]
    columns = _columns([parts.moment(time) for time in times])
    services = {service for states in known for service, status in states.items() if status != NOT_APPLICABLE}
    lives = {service: [states.get(service, OK if service == RUN else "") for states in known] for service in services}
    # Where there is no room for all, those that fail now, and then those that failed most often, say most.
    telling = sorted(lives, key=lambda name: (*_troubles(lives[name]), name == RUN, name))[: parts.ROWS]
    rows = [
        _strip(index, service, lives[service], times, columns)
        for index, service in enumerate(sorted(telling, key=lambda name: (name == RUN, name)))
    ]
    hidden = (
        f" The {len(lives) - len(rows)} services that failed least are not shown." if len(lives) > len(rows) else ""
    )
    earlier = formatting.count(len(trend.same), "earlier run")
    return Figure(
        "over-time",
        title,
        f"{earlier} of {report.run.procedure} and this one, a column each, the newest on the right. The taller, the"
        f" worse; a gap is time without a run.{hidden}",
        rows,
        _time_ticks(times, columns),
        [(status, formatting.status_word(status)) for status in (OK, WARNING, UNKNOWN, CRITICAL)],
    )


def _troubles(statuses: list[str]) -> tuple[bool, int]:
    """Sorts a service that fails now before others, and one that failed often before those."""
    return statuses[-1] not in FAILING, -sum(status in FAILING for status in statuses)


def _strip(
    index: int, service: str, statuses: list[str], times: list[str], columns: list[tuple[float, float]]
) -> Plotted:
    name = "this run itself" if service == RUN else service
    seen = [status for status in statuses if status]
    fine = [status for status in seen if status not in FAILING]
    failed = [time for status, time in zip(statuses, times) if status in FAILING]
    boxes = [
        svg.box(
            f"cell {status or 'none'}",
            left,
            width,
            top=STRIP - HEIGHTS.get(status, 2),
            height=HEIGHTS.get(status, 2),
            title=f"{parts.when(time)}: {formatting.status_word(status) if status else 'not looked at'}",
        )
        for status, time, (left, width) in zip(statuses, times, columns)
    ]
    last = f"last not ok {parts.when(failed[-1])}" if failed else "never failed in these runs"
    amount = f"{len(fine)} of {formatting.count(len(seen), 'run')} ok"
    if failed and statuses[-1] in FAILING:
        last = f"not ok since {parts.when(_since(statuses, times))}"
    drawing = svg.drawing(
        f"strip-{index}", f"{name}: status over time", f"{amount}; {last}", height=STRIP, content=boxes
    )
    return Plotted(name, statuses[-1] or "none", drawing, amount, last)


def _since(statuses: list[str], times: list[str]) -> str:
    """When the failing that lasts until now began."""
    began = times[-1]
    for status, time in zip(reversed(statuses), reversed(times)):
        if status and status not in FAILING:
            break
        began = time if status else began
    return began


def _columns(moments: list[datetime]) -> list[tuple[float, float]]:
    """Left side and width of each run's column, in percent, with room where no run looked for long."""
    pauses = [(later - earlier).total_seconds() for earlier, later in zip(moments, moments[1:])]
    usual = median(pauses) if pauses else 0
    starts, at = [0.0], 0.0
    for pause in pauses:
        at += 1 + (GAP if usual > 0 and pause > PAUSE * usual else 0)
        starts.append(at)
    unit = 100 / max(at + 1, COLUMNS)
    # The newest stands on the right, however few there are.
    return [(100 - (at + 1 - start) * unit, unit * 0.84) for start in starts]


def _time_ticks(times: list[str], columns: list[tuple[float, float]]) -> list[tuple[float, str]]:
    middle = len(times) // 2
    first = columns[0][0]
    ticks = [(first, parts.when(times[0]))] if first < CROWDED else []
    if len(times) > COLUMNS:
        ticks.append((columns[middle][0], parts.when(times[middle])))
    ticks.append((100.0, "this run"))
    return ticks
