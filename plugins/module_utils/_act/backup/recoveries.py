# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What ends the operations of all procedures on backups that were cut off: each module of them ends those of all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..journal import Recover
from . import create, expire, verify
from .offsite import copy, drill, fetch

RECOVERIES: Mapping[str, Recover] = {
    **create.RECOVERIES,
    **verify.RECOVERIES,
    **expire.RECOVERIES,
    **copy.RECOVERIES,
    **fetch.RECOVERIES,
    **drill.RECOVERIES,
}


def recoveries(_parameters: Mapping[str, Any]) -> Mapping[str, Recover]:
    """The same, for the frame of a module; nothing of a run is needed for any of them."""
    return RECOVERIES
