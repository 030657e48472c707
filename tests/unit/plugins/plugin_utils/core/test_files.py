# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files of a report: whole or not at all, the newest known by name, old ones removed."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.xorb.runbook.plugins.plugin_utils._core import files


def test_write_report_points_latest_to_the_newest(tmp_path: Path) -> None:
    files.write_report(tmp_path, "daily-1", {"json": "{}"}, keep=5)
    written = files.write_report(tmp_path, "daily-2", {"json": "[]"}, keep=5)
    assert (tmp_path / "latest.json").read_text() == "[]"
    assert written["json"].name == "daily-2.json"


def test_write_report_keeps_the_newest_only(tmp_path: Path) -> None:
    for number in range(4):
        files.write_report(tmp_path, f"daily-20260101T00000{number}-abcdef", {"html": str(number)}, keep=2)
    assert sorted(path.name for path in tmp_path.glob("daily-*")) == [
        "daily-20260101T000002-abcdef.html",
        "daily-20260101T000003-abcdef.html",
    ]
    assert (tmp_path / "latest.html").read_text() == "3"


def test_write_report_goes_on_where_another_run_has_removed_an_old_one(tmp_path: Path) -> None:
    # As it looks to a run that has listed the folder a moment ago.
    (tmp_path / "daily-20250101T000000-abcdef.html").symlink_to("gone")
    written = files.write_report(tmp_path, "daily-20260101T000000-abcdef", {"html": "new"}, keep=1)
    assert written["html"].read_text() == "new"


def test_write_atomically_failure_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("old")
    with pytest.raises(TypeError):
        files.write_atomically(path, 1)  # type: ignore[arg-type]
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_write_atomically_text_that_is_no_unicode_is_written_escaped(tmp_path: Path) -> None:
    files.write_atomically(tmp_path / "report.json", "\ud800")
    assert (tmp_path / "report.json").read_text() == "\\ud800"


def test_write_report_leaves_files_of_others_alone(tmp_path: Path) -> None:
    (tmp_path / "annual-report-1.html").write_text("theirs")
    for number in range(3):
        files.write_report(tmp_path, f"daily-20260101T00000{number}-abcdef", {"html": ""}, keep=1)
    assert (tmp_path / "annual-report-1.html").read_text() == "theirs"
    assert len(list(tmp_path.glob("daily-*"))) == 1
