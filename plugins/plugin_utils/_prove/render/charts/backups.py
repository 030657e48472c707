# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""When the sets of backups were taken, what was proved of each, and which expire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, OK, UNKNOWN, worst
from ansible_collections.xorb.runbook.plugins.module_utils._core.text import some_of

from ...report import Report
from .. import formatting, svg
from . import parts
from .parts import Figure, Plotted
from .time_line import Axis, Event, minute

Row = Mapping[str, Any]


def figure(report: Report) -> Figure | None:
    """The time line of every backup that was listed, those with the worst sets first."""
    listed = [one for one in report.backups if one["sets"]]
    if not listed:
        return None
    axis = Axis.of(report, (row["begin"] for one in listed for row in one["sets"]))
    rows = sorted((_time_line(index, one, axis) for index, one in enumerate(listed)), key=_urgency)
    hidden = f" {len(rows) - parts.ROWS} more are not shown." if len(rows) > parts.ROWS else ""
    return Figure(
        "backups",
        "Backups",
        "Sets by the time at which each was taken; the line at the right is the moment of this report." + hidden,
        rows[: parts.ROWS],
        axis.ticks,
        [("dot ok", "verified"), ("dot unknown", "not verified"), ("dot critical", "failed or damaged"),
         ("limit warning", "expires")],
    )  # fmt: skip


def state(row: Row) -> str:
    """What is known of a set, as the status of a check."""
    failed = row["fault"] or (row["receipt"] and row["receipt"]["faults"])
    return CRITICAL if failed else OK if row["verified"] else UNKNOWN


def _urgency(row: Plotted) -> tuple[bool, str]:
    return row.status != CRITICAL, row.name


def _time_line(index: int, one: Row, axis: Axis) -> Plotted:
    sets: Sequence[Row] = one["sets"]
    marks = (axis.at(row["begin"]) for row in sets if row["expires"])
    content = [svg.upright("limit warning", mark, top=0, bottom=parts.LANE) for mark in marks]
    content += axis.drawn(Event(row["begin"], state(row), _words(row)) for row in sets)
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
        known = f"{'failed' if receipt['faults'] else 'verified'} {minute(receipt['at'])}"
    ends = f", expires: {row['expires']}" if row["expires"] else f", {row['keeps']}" if row["keeps"] else ""
    return f"{row['id']}, {formatting.quantity(row['size'], 'bytes') or 'of unknown size'}, {known}{ends}"
