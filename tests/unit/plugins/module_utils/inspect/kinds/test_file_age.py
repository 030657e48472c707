# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A file that is new, old, missing, empty, or dated in the future."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, OK, UNKNOWN, WARNING
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from tests.support.loopback import probe


def write(path: Path, *, hours: float = 0.0, text: str = "backup") -> Path:
    path.write_text(text)
    written = time.time() - hours * 3600
    os.utime(path, (written, written))
    return path


@pytest.mark.parametrize(("hours", "status"), [(1, OK), (27, WARNING), (51, CRITICAL)])
def test_age_is_judged(tmp_path: Path, hours: float, status: str) -> None:
    path = write(tmp_path / "dump", hours=hours)
    found = probe("file_age", path=str(path))
    assert (found["age"].status, found["age"].value) == (status, hours)
    assert found["age"].message == f"{path} was written {hours} h ago"
    assert (found["size"].status, found["size"].value) == (OK, 6)


def test_newest_file_of_a_pattern_counts(tmp_path: Path) -> None:
    write(tmp_path / "a.dump", hours=100)
    newest = write(tmp_path / "b.dump", hours=2)
    (tmp_path / "c.dump").symlink_to(tmp_path / "gone")
    found = probe("file_age", path=f"{tmp_path}/*.dump")["age"]
    assert found.status == OK and found.message.startswith(f"{newest} was")


@pytest.mark.parametrize("name", ["gone", "*.dump"])
def test_missing_file_is_critical(tmp_path: Path, name: str) -> None:
    found = probe("file_age", path=f"{tmp_path}/{name}")
    assert (found["age"].status, found["age"].message) == (CRITICAL, f"{tmp_path}/{name}: no such file")
    assert found["size"].status == UNKNOWN


def test_empty_file_is_critical(tmp_path: Path) -> None:
    found = probe("file_age", path=str(write(tmp_path / "dump", text="")))
    assert found["age"].status == OK
    assert (found["size"].status, found["size"].value) == (CRITICAL, 0)


def test_file_of_the_future_has_no_age(tmp_path: Path) -> None:
    path = write(tmp_path / "dump", hours=-3)
    found = probe("file_age", path=str(path))["age"]
    assert (found.status, found.message) == (UNKNOWN, f"{path} is dated 3 h ahead of this host's clock")


def test_file_that_cannot_be_read_is_a_reason_not_to_know(tmp_path: Path) -> None:
    path = write(tmp_path / "file") / "below"
    with pytest.raises(RunbookError, match="below: Not a directory"):
        probe("file_age", path=str(path))
