# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A backup with a copy elsewhere, and restic where it can be found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.backups import Tools
from tests.support.copies import Copies


@pytest.fixture
def site(tmp_path: Path, tools: Tools) -> Copies:
    tools.install("restic")
    return Copies(tmp_path)
