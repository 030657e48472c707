# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Moments and durations as people and ledgers write them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?")


def moment(text: str) -> datetime:
    """An ISO 8601 moment of a check, a run or a ledger; one without a zone is UTC. Raises `ValueError`."""
    found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)


def utc(when: datetime) -> str:
    """A moment in the one spelling that sorts as text."""
    return when.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def spoken(when: datetime) -> str:
    """A moment to the minute, as a sentence has it."""
    return f"{when.astimezone(timezone.utc):%Y-%m-%d %H:%M} UTC"


def duration(text: str) -> timedelta:
    """A duration such as ``2h30m`` or ``3d``. Raises `RunbookError`."""
    parts = DURATION.fullmatch("".join(text.split()).lower())
    if not parts or not any(parts.groups()):
        raise RunbookError(f"expected a duration such as 45m, 2h30m or 3d, got {text!r}")
    days, hours, minutes = (int(part or 0) for part in parts.groups())
    try:
        return timedelta(days=days, hours=hours, minutes=minutes)
    except OverflowError as exc:
        raise RunbookError(f"{text!r} is longer than any duration can be") from exc
