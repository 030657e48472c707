# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""When certificates end."""

from __future__ import annotations

import math
from datetime import timedelta

from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import Check, worst

from ...report import Report
from .. import formatting, svg
from . import parts
from .parts import Figure, Plotted, Position

#: Where the time line begins, in percent: what is left of it has ended.
TODAY = 7.0


def figure(report: Report) -> Figure | None:
    now = parts.by_id(check for check in report.checks if check.unit == "days" and formatting.is_number(check.value))
    if not now:
        return None
    end = max(400.0, *(parts.value(check) for checks in now.values() for check in checks))

    def position(days: float) -> float:
        """Logarithmic, because the next week matters more than the next year."""
        return TODAY / 2 if days < 0 else TODAY + (100 - TODAY) * math.log1p(days) / math.log1p(end)

    soonest = sorted(now, key=lambda name: min(map(parts.value, now[name])))
    rows = [_time_line(index, now[name], position) for index, name in enumerate(soonest[: parts.ROWS])]
    hidden = f" The {len(soonest) - parts.ROWS} that last longest are not shown." if len(soonest) > parts.ROWS else ""
    marks = [(0, "today"), (7, "1 week"), (28, "4 weeks"), (365, "1 year"), (3650, "10 years")]
    return Figure(
        "certificates",
        "Certificates",
        "Days until they end, the next to end first. The nearer the end, the wider the scale; left of today is over."
        + hidden,
        rows,
        [(position(days), word) for days, word in marks if days <= end],
        [("zone warning", "renew"), ("zone critical", "renew now"), ("zone over", "expired")],
    )


def _time_line(index: int, checks: list[Check], position: Position) -> Plotted:
    first = min(checks, key=parts.value)
    over = svg.box("zone over", 0, TODAY, top=0, height=parts.LANE)
    content = [over, *parts.zones(first, position, parts.LANE), svg.upright("today", TODAY, top=0, bottom=parts.LANE)]
    content += [
        svg.level("life", TODAY, position(parts.value(first)), at=parts.LANE / 2),
        *parts.dots(checks, position, parts.LANE / 2),
    ]
    days = parts.value(first)
    figure = f"{formatting.number(days)} days" if days >= 0 else f"over for {formatting.number(-days)} days"
    ends = (
        (parts.moment(first.observed_at or "") + timedelta(days=days)).date().isoformat() if first.observed_at else ""
    )
    note = ", ".join(part for part in (f"ends {ends}" if ends else "", formatting.limits_of(first)) if part)
    if len(checks) > 1:
        figure += f" on {formatting.where(first)}"
        note += f", first of {len(checks)}"
    caption = f"{figure}, {note}"
    name = formatting.full_name(first) if len(checks) == 1 else first.name
    drawing = svg.drawing(f"certificate-{index}", f"{name}: time left", caption, height=parts.LANE, content=content)
    return Plotted(name, worst(map(parts.judged, checks)), drawing, figure, note, first)
