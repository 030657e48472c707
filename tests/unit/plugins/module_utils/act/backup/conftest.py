# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What tests of backups share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.backups import Tools


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tools:
    """Commands that come before the machine's own."""
    return Tools(tmp_path / "commands", monkeypatch)
