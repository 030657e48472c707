# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How long answers take, against the goal of the runbook."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import OK, WARNING, Check, worst

from ...causes import FAILING
from ...ledger.history import Trend
from ...report import Report
from .. import formatting, svg
from .. import statistics as series
from . import parts
from .parts import Figure, Plotted

#: The runbook's KPI for the 95th percentile of answers, in milliseconds.
KPI_MS = 200.0


def figure(report: Report, trend: Trend) -> Figure | None:
    before: dict[str, list[float]] = defaultdict(list)
    for past in trend.any:
        for sample in past.samples:
            if sample.unit == "ms" and sample.value > 0:
                before[sample.id].append(sample.value)
    # An endpoint that does not answer any more keeps its row.
    now = parts.by_id(check for check in report.checks if _answered(check) or check.id in before)
    if not now:
        return None
    samples = {
        name: [*before[name], *(parts.value(check) for check in checks if _answered(check))]
        for name, checks in now.items()
    }
    axis = series.decades((value for known in samples.values() for value in known), least=1.0, most=KPI_MS)
    slowest = sorted(now, key=lambda name: -_slowness(samples[name]))
    rows = [_spread(index, now[name], samples[name], axis) for index, name in enumerate(slowest[: parts.ROWS])]
    looked = f"{formatting.count(len(trend.any), 'earlier run')} and this one" if trend.any else "this run alone"
    hidden = f" The {len(slowest) - parts.ROWS} quickest endpoints are not shown." if len(slowest) > parts.ROWS else ""
    return Figure(
        "latency",
        "Latency",
        f"From {looked}. The bar reaches from the median to the 95th percentile, the thin line over all samples, and a"
        f" dot is this run. Percentiles need {series.ENOUGH} samples. The dashed line is the runbook's goal, a 95th"
        f" percentile of at most {KPI_MS:g} ms.{hidden}",
        rows,
        _decade_ticks(axis),
        [("spread", "p50 to p95"), ("kpi", f"{KPI_MS:g} ms")],
    )


def _spread(index: int, checks: list[Check], samples: list[float], axis: tuple[float, float]) -> Plotted:
    found = series.percentiles(samples)

    def position(milliseconds: float) -> float:
        return series.logarithmic(milliseconds, *axis)

    middle = parts.LANE / 2
    answered = [check for check in checks if _answered(check)]
    content = [svg.upright("kpi", position(KPI_MS), top=0, bottom=parts.LANE)]
    if found:
        content.append(svg.level("whisker", position(found.least), position(found.most), at=middle))
        left, right = position(found.p50), position(found.p95)
        slow = "warning" if found.p95 > KPI_MS else "fast"
        content.append(svg.box(f"spread {slow}", left, max(0.6, right - left), top=middle - 5, height=10))
        content.append(svg.upright("median", left, top=middle - 7, bottom=middle + 7))
    figure, note, tone = _in_words(found, answered, len(samples))
    if len(answered) < len(checks):
        note += f"; no answer from {parts.hosts(one for one in checks if not _answered(one))}"
    content += parts.dots(answered, position, middle)
    name = checks[0].name
    drawing = svg.drawing(
        f"latency-{index}", f"{name}: latency", f"{figure}, {note}", height=parts.LANE, content=content
    )
    # An endpoint that answered is judged by how long it took, and by nothing else.
    statuses = [parts.judged(check) if _answered(check) else check.status for check in checks]
    statuses += [WARNING] if found and found.p95 > KPI_MS else []
    slowest = max(answered, key=parts.value, default=checks[0])
    return Plotted(name, worst(statuses), drawing, figure, note, slowest, tone=tone)


def _in_words(found: series.Percentiles | None, answered: list[Check], amount: int) -> tuple[str, str, str]:
    """The figure that matters, its caption, and the judgement of it alone."""
    slow = worst(map(parts.judged, answered))
    now = f"now {parts.ms(max(map(parts.value, answered)))}" if answered else "no answer"
    if not found:
        return now, f"{amount} of {series.ENOUGH} samples for percentiles", slow if answered else ""
    note = f"p50 {parts.ms(found.p50)}, {formatting.count(amount, 'sample')}"
    if found.p95 > KPI_MS:
        note += f", over {KPI_MS:g} ms"
    if slow in FAILING:
        note += f"; {now}"
    return f"p95 {parts.ms(found.p95)}", note, WARNING if found.p95 > KPI_MS else OK


def _answered(check: Check) -> bool:
    return check.unit == "ms" and parts.positive(check.value)


def _slowness(samples: Sequence[float]) -> float:
    found = series.percentiles(samples)
    return found.p95 if found else max(samples)


def _decade_ticks(axis: tuple[float, float]) -> list[tuple[float, str]]:
    powers = range(round(math.log10(axis[0])), round(math.log10(axis[1])) + 1)
    return [
        (series.logarithmic(10.0**power, *axis), f"{10.0**power:g} ms" if power < 3 else f"{10.0 ** (power - 3):g} s")  # noqa: PLR2004
        for power in powers
    ]
