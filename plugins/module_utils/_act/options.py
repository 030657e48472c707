# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options of every module that acts on a host, and what it refuses before it changes anything."""

from __future__ import annotations

from .._core.errors import RunbookError
from .._core.options import Option, Options
from .journal import STATE

#: Seconds that the clock of a host may differ from the control node's: dates are judged by both.
CLOCK_TOLERANCE = 300

#: Whether a module only plans, of those whose plan is needed outside of check mode, too.
PLAN_OPTION: Options = {
    "only_plan": Option("bool", "Whether nothing is to be changed, outside of check mode, too.", default=False)
}

#: Options of every module that acts on a host, beside its own.
RUN_OPTIONS: Options = {
    "operator": Option("str", "Name of the person or job behind the run, for the lock of the host.", default="unknown"),
    "controller_time": Option(
        "float",
        "Seconds since 1970 by the clock of the control node. Where the host's clock differs by more than five minutes,"
        " nothing is decided and nothing is changed.",
    ),
    "state_dir": Option(
        "path", "Folder of the host's lock and journal. The same for every run that changes this host.", default=STATE
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
            " be known; set it right first"
        )
