# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Durations as people write them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.plugin_utils._core.time import duration


@pytest.mark.parametrize(
    ("text", "minutes"), [("45m", 45), ("2h30m", 150), (" 3d ", 3 * 24 * 60), ("1D 1H", 25 * 60), ("0m", 0)]
)
def test_duration(text: str, minutes: int) -> None:
    assert duration(text) == timedelta(minutes=minutes)


@pytest.mark.parametrize("text", ["", "2", "h", "2h3", "-1h", "1.5h", "99999999999d"])
def test_duration_refuses_nonsense(text: str) -> None:
    with pytest.raises(RunbookError):
        duration(text)
