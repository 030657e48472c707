# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What every module that changes a host is given, and what it refuses before it changes anything."""

from __future__ import annotations

from .._core.errors import RunbookError
from .._core.options import Option, Options
from .journal import STATE

#: Seconds that the clock of a host may differ from the control node's: dates are judged by both.
CLOCK_TOLERANCE = 300


#: Options of every module that changes sets, beside the sets themselves.
RUN_OPTIONS: Options = {
    "who": Option("str", "Who runs this, for the lock of the host.", default="unknown"),
    "controller_time": Option(
        "float",
        "Seconds since 1970 by the clock of the control node. Where the host's clock differs by more than five minutes,"
        " nothing is decided and nothing is changed.",
    ),
    "state_dir": Option(
        "path", "Folder of the host's lock and journal. The same for whoever changes this host.", default=STATE
    ),
}


def refuse_wrong_clock(here: float, there: float | None) -> None:
    """Raise `RunbookError` where this host and the control node do not agree on the time."""
    if there is None:
        return
    off = here - there
    if abs(off) > CLOCK_TOLERANCE:
        way = "ahead of" if off > 0 else "behind"
        raise RunbookError(
            f"the clock of this host is {abs(off):.0f} s {way} the control node's: which certificates are valid cannot"
            " be told; set it right first"
        )
