# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What sets a host has of some backups, and which of them would expire. Changes nothing."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ..._backup.retention import decide
from ..._backup.spec import directory, retention
from ..._backup.store import Store
from . import rows


def listed(given: Mapping[str, Any]) -> dict[str, Any]:
    """The sets of one backup, the newest first. A folder that cannot be read is a fault of this backup alone."""
    store = Store(directory(given), given["service"], given["backup"])
    known = {"service": given["service"], "backup": given["backup"], "folder": str(store.folder)}
    try:
        sets, left = store.sets(), [path.name for path in store.left_over()]
    except OSError as exc:
        return {**known, "fault": f"{exc.filename}: {exc.strerror}", "sets": [], "left_over": [], "nothing_expires": ""}
    expiry = decide(sets, retention(given), time.time())
    return {
        **known,
        "fault": "",
        "sets": [rows.row(one, expiry) for one in sets],
        "left_over": left,
        "nothing_expires": expiry.refused,
    }
