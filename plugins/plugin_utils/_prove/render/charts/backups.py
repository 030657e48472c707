# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""When the sets of backups were taken, what was proved of each, and which expire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, OK, UNKNOWN, worst
from ansible_collections.xorb.runbook.plugins.module_utils._core.text import some_of
from markupsafe import Markup

from ...report import Report
from .. import formatting, svg
from .. import statistics as series
from . import parts
from .parts import Figure, Plotted, Position

#: Where the oldest set and the moment of the report are, in percent.
FIRST, NOW = 2.0, 96.0

_DAY = 86400.0

Row = Mapping[str, Any]


def figure(report: Report) -> Figure | None:
    """The time line of every backup that was listed, those with the worst sets first."""
    listed = [one for one in report.backups if one["sets"]]
    if not listed:
        return None
    now = parts.moment(report.finished_at).timestamp()
    oldest: float = min([now - _DAY, *(row["begin"] for one in listed for row in one["sets"])])

    def position(moment: float) -> float:
        return min(NOW, FIRST + (NOW - FIRST) * (moment - oldest) / (now - oldest))

    rows = sorted((_time_line(index, one, position) for index, one in enumerate(listed)), key=_urgency)
    hidden = f" {len(rows) - parts.ROWS} more are not shown." if len(rows) > parts.ROWS else ""
    return Figure(
        "backups",
        "Backups",
        "Sets by the time at which each was taken; the line at the right is the moment of this report." + hidden,
        rows[: parts.ROWS],
        [(FIRST, _moment(oldest)[:10]), (NOW, "now")],
        [("dot ok", "verified"), ("dot unknown", "not verified"), ("dot critical", "failed or damaged"),
         ("limit warning", "expires")],
    )  # fmt: skip


def state(row: Row) -> str:
    """What is known of a set, as the status of a check."""
    failed = row["fault"] or (row["receipt"] and row["receipt"]["faults"])
    return CRITICAL if failed else OK if row["verified"] else UNKNOWN


def _urgency(row: Plotted) -> tuple[bool, str]:
    return row.status != CRITICAL, row.name


def _time_line(index: int, one: Row, position: Position) -> Plotted:
    sets: Sequence[Row] = one["sets"]
    middle = parts.LANE / 2
    clusters = series.clusters([(position(row["begin"]), row) for row in sets], apart=parts.APART)
    content: list[Markup] = [svg.upright("today", NOW, top=0, bottom=parts.LANE)]
    content += [
        svg.upright("limit warning", position(row["begin"]), top=0, bottom=parts.LANE) for row in sets if row["expires"]
    ]
    content += [
        svg.dot(
            worst(state(row) for row in cluster.members),
            cluster.at,
            middle=middle,
            amount=len(cluster.members),
            title="; ".join(_words(row) for row in cluster.members),
        )
        for cluster in clusters
    ]
    name = f"{one['host']} {one['service']}.{one['backup']}"
    verified = [row for row in sets if row["verified"]]
    shown = f"{formatting.count(len(sets), 'set')}, {len(verified)} verified"
    expires = [row["id"] for row in sets if row["expires"]]
    note = f"newest {sets[0]['id']}" + (f", expires: {some_of(expires, 2)}" if expires else "")
    drawing = svg.drawing(f"backup-{index}", f"{name}: sets", f"{shown}, {note}", height=parts.LANE, content=content)
    return Plotted(name, worst(state(row) for row in sets), drawing, shown, note)


def _words(row: Row) -> str:
    receipt = row["receipt"]
    if row["fault"]:
        known = f"damaged: {row['fault']}"
    elif not receipt:
        known = "not verified"
    else:
        known = f"{'failed' if receipt['faults'] else 'verified'} {_moment(receipt['at'])}"
    ends = f", expires: {row['expires']}" if row["expires"] else f", {row['keeps']}" if row["keeps"] else ""
    return f"{row['id']}, {formatting.quantity(row['size'], 'bytes') or 'of unknown size'}, {known}{ends}"


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M")
