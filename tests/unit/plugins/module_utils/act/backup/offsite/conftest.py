# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A backup with a copy elsewhere, and restic where it can be found."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.backups import Tools
from tests.support.copies import Copies


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of every test in turn: a record of a copy has the place of its repository in it."""
    return tmp_path_factory.mktemp("copies")


@pytest.fixture
def site(place: Path, tmp_path: Path, tools: Tools) -> Copies:
    tools.install("restic")
    folder = place / "now"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    # Where the tools of this test are, for what takes the place of one of them.
    (folder / "commands").symlink_to(tmp_path / "commands")
    return Copies(folder, kept=place / "kept")
