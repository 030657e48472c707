# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What tests of backups share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.backups import Tools
from tests.support.peers import postgres_programs, postgres_server
from tests.support.postgres_backups import Source


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tools:
    """Commands that come before the machine's own."""
    return Tools(tmp_path / "commands", monkeypatch)


@pytest.fixture(scope="session")
def shared_source() -> Iterator[Source]:
    """A PostgreSQL with everything that a client may want of it; each test has databases of its own in it."""
    with postgres_server("max_connections = 50", "wal_level = logical") as server:
        yield Source(server)


@pytest.fixture
def source(shared_source: Source, monkeypatch: pytest.MonkeyPatch) -> Source:
    """The same, with PostgreSQL's programs where they can be found."""
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}{os.pathsep}{postgres_programs()}")
    return shared_source
