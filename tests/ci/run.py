# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a layer is told about the run that it is a part of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Run:
    """One run of the gate."""

    #: Whether only what failed in the run before is wanted.
    last: bool = False
    #: Whether something that runs beside this has failed, so that what is left need not run.
    is_over: Callable[[], bool] = lambda: False
