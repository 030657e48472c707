# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How full everything is, against the thresholds."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import Check, worst

from ...ledger.history import Past, Trend
from ...report import Report
from .. import formatting, svg
from . import parts
from .parts import Figure, Plotted


def figure(report: Report, trend: Trend) -> Figure | None:
    now = parts.by_id(
        check
        for check in report.checks
        if check.unit == "%" and formatting.is_number(check.value) and parts.limits(check) and not check.falling
    )
    if not now:
        return None
    most = _most_by_run(trend.same)
    ranked = sorted(now, key=lambda name: -max(map(parts.closeness, now[name])))
    rows = [
        _against(index, now[name], [past[name] for past in most if name in past])
        for index, name in enumerate(ranked[: parts.ROWS])
    ]
    first = max(now[ranked[0]], key=parts.closeness)
    limit = f"{parts.limits(first)[-1]:g} %"
    hidden = f" The {len(ranked) - parts.ROWS} with most room are not shown." if len(ranked) > parts.ROWS else ""
    return Figure(
        "capacity",
        "Capacity",
        f"A dot is a host; a dot with a number stands for as many hosts. Closest to its limit is"
        f" {first.name} on {formatting.where(first)}: {formatting.value_of(first)}, with the limit at {limit}.{hidden}",
        rows,
        [(0.0, "0 %"), (25.0, "25 %"), (50.0, "50 %"), (75.0, "75 %"), (100.0, "100 %")],
        [
            ("zone warning", "beyond the warning"),
            ("zone critical", "beyond the limit"),
            *([("spark", "fullest host of each run")] if any(row.trend for row in rows) else []),
        ],
    )


def _against(index: int, checks: list[Check], before: list[float]) -> Plotted:
    worst_one = max(checks, key=parts.closeness)
    fullest = max(checks, key=parts.value)
    content = [*parts.zones(worst_one, parts.percent, parts.LANE), *parts.dots(checks, parts.percent, parts.LANE / 2)]
    figure, note = formatting.value_of(worst_one), formatting.limits_of(worst_one)
    if len(checks) > 1:
        same = len({check.value for check in checks}) == 1
        hosts = formatting.count(len(checks), "host")
        figure += f" on {hosts}" if same else f" on {formatting.where(worst_one)}"
        note += "" if same else f", {formatting.spread(checks)} on {hosts}"
    values = [*before, parts.value(fullest)]
    trend = svg.spark("spark", values, least=0, most=100, height=parts.LANE) if before else ""
    if before:
        note += f"; {formatting.number(min(values))}-{formatting.number(max(values))} % in {len(values)} runs"
    name, caption = worst_one.name, f"{figure}, {note}"
    drawing = svg.drawing(f"capacity-{index}", f"{name}: used", caption, height=parts.LANE, content=content)
    return Plotted(name, worst(map(parts.judged, checks)), drawing, figure, note, worst_one, trend)


def _most_by_run(past: Iterable[Past]) -> list[dict[str, float]]:
    """The greatest percentage of each check in each run, oldest first."""
    found = []
    for one in past:
        most: dict[str, float] = {}
        for sample in one.samples:
            if sample.unit == "%":
                most[sample.id] = max(sample.value, most.get(sample.id, 0.0))
        found.append(most)
    return found
