# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""When copies of backups were drilled: what each drill came to, how long it took, and what would have been lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, OK, UNKNOWN
from ansible_collections.xorb.runbook.plugins.module_utils._core.text import some_of

from ...report import Report
from .. import formatting, svg
from . import parts
from .parts import Figure, Plotted
from .time_line import Axis, Event, minute

_STATUSES: Mapping[str, str] = {"passed": OK, "failed": CRITICAL}

#: How many drills of a copy are written out.
_WRITTEN = 5
_HOUR = 3600

Row = Mapping[str, Any]


def figure(report: Report) -> Figure | None:
    """The time line of every copy that was drilled, those whose last drill failed first."""
    drilled = [one for one in report.drills if one["drills"]]
    if not drilled:
        return None
    axis = Axis.of(report, (row["at"] for one in drilled for row in one["drills"]))
    rows = sorted((_time_line(index, one, axis) for index, one in enumerate(drilled)), key=_urgency)
    hidden = f" {len(rows) - parts.ROWS} more are not shown." if len(rows) > parts.ROWS else ""
    return Figure(
        "drills",
        "Drills",
        "Each dot is a drill: the newest copy of a backup, restored on another host out of its repository alone. RTO is"
        " the time from the first question to what was restored and compared, RPO that from the begin of the set to the"
        " begin of the drill." + hidden,
        rows[: parts.ROWS],
        axis.ticks,
        [("dot ok", "passed"), ("dot unknown", "no result"), ("dot critical", "failed")],
    )  # fmt: skip


def _state(row: Row) -> str:
    return _STATUSES.get(row["verdict"], UNKNOWN)


def _urgency(row: Plotted) -> tuple[bool, bool, str]:
    return row.status != CRITICAL, row.status != UNKNOWN, row.name


def _time_line(index: int, one: Row, axis: Axis) -> Plotted:
    drills: Sequence[Row] = one["drills"]
    content = axis.drawn(Event(row["at"], _state(row), _words(row)) for row in drills)
    name = f"{one['owner']} {one['service']}.{one['backup']}.{one['copy']} on {one['host']}"
    passed = [row for row in drills if _state(row) == OK]
    shown = f"{formatting.count(len(drills), 'drill')}, {len(passed)} passed"
    note = "; ".join(_words(row) for row in drills[: -_WRITTEN - 1 : -1])
    drawing = svg.drawing(f"drill-{index}", f"{name}: drills", f"{shown}; {note}", height=parts.LANE, content=content)
    return Plotted(name, _state(drills[-1]), drawing, shown, note)


def _words(row: Row) -> str:
    """A drill as an auditor reads it: when, of what, what it came to, and who had it held."""
    of_what = f", {row['set']} out of {row['repository']}" if row["set"] else f", {row['repository']}"
    begun = f"{minute(row['at'])} UTC {row['verdict']}{of_what}"
    if _state(row) == OK:
        measured = f", RTO {row['seconds']:g} s, RPO {row['rpo_seconds'] / _HOUR:.1f} h"
    else:
        measured = f": {some_of(row['faults'], 2, separator='; ')}"
    return f"{begun}{measured}, by {row['who']}"
