# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What sets a host has of some backups, and which of them would expire. Changes nothing."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ..._backup.retention import decide
from ..._backup.spec import retention
from ..._backup.stores import store_of
from ..._core.errors import RunbookError
from . import rows


def listed(given: Mapping[str, Any]) -> dict[str, Any]:
    """The sets of one backup, the newest first. A place that cannot be read is a fault of this backup alone."""
    store = store_of(given, given["backup"])
    known = {"service": given["service"], "backup": given["backup"], "folder": store.place}
    try:
        sets, left = store.sets(), [path.name for path in store.left_over()]
    except (OSError, RunbookError) as exc:
        fault = f"{exc.filename}: {exc.strerror}" if isinstance(exc, OSError) else str(exc)
        return {**known, "fault": fault, "sets": [], "left_over": [], "nothing_expires": ""}
    expiry = decide(sets, retention(given), time.time())
    return {
        **known,
        "fault": "",
        "sets": [rows.row(one, expiry) for one in sets],
        "left_over": left,
        "nothing_expires": expiry.refused,
    }
