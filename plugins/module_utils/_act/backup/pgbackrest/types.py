# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Of which type the next set is: full, differential or incremental. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...._backup.backup_set import BackupSet

FULL, DIFFERENTIAL, INCREMENTAL = "full", "diff", "incr"

_DAY = 86400


def next_type(sets: Sequence[BackupSet], repository: Mapping[str, Any], now: float) -> tuple[str, str]:
    """The type of the next set, and why; ``sets`` are the newest first, ``now`` is in seconds since 1970.

    What is known to be bad is nothing to build on: whatever is relative to it would be bad, too.
    """
    full = next((one for one in sets if not one.needs), None)
    if full is None:
        return FULL, "there is none yet"
    if full.failed:
        return FULL, f"the last full one, {full.id}, is bad"
    if now - full.begin >= repository["full_days"] * _DAY:
        return FULL, f"the last full one is of {_days(now - full.begin)} ago"
    sound = next(one for one in sets if not one.failed and _type(one) in (FULL, DIFFERENTIAL))
    if now - sound.begin >= repository["diff_days"] * _DAY:
        return DIFFERENTIAL, f"the last full or differential one is of {_days(now - sound.begin)} ago"
    if bad := [one.id for one in sets if one.failed and one.begin > sound.begin]:
        return DIFFERENTIAL, f"{bad[0]} is bad"
    return INCREMENTAL, f"{sound.id} is of {_days(now - sound.begin)} ago"


def _type(one: BackupSet) -> str:
    return str(one.manifest.content["type"]) if one.manifest else ""


def _days(seconds: float) -> str:
    return f"{seconds / _DAY:.1f} days"
