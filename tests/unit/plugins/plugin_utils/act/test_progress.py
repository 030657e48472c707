# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a log shows of long work: enough to know, and never a flood."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.plugin_utils._act.progress import ProgressLines, text


def report(done: float, total: float = 3_000_000_000, **more: Any) -> dict[str, Any]:
    of = {"phase": "dumping", "begin": 1000.0, "at": 1080.0, "unit": "bytes", "note": ""}
    return {**of, "done": done, "total": total, **more}


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (report(1_200_000_000), "dumping 40 % (1.2 of 3.0 GB), about 2 min left"),
        (report(2_900_000_000), "dumping 97 % (2.9 of 3.0 GB), about 3 s left"),
        (report(3, 12, unit="tables"), "dumping 25 % (3 of 12 tables), about 4 min left"),
        (report(0), "dumping 0 % (0.0 of 3.0 GB)"),
        (report(0, 0), "dumping"),
        (report(5_000_000, 0), "dumping: 5.0 MB"),
        (report(4_000_000_000), "dumping 100 % (4.0 of 3.0 GB)"),
    ],
)
def test_line_says_how_much_and_how_long(given: dict[str, Any], line: str) -> None:
    assert text(given) == line


def test_thousand_reports_of_a_phase_are_eleven_lines() -> None:
    lines = ProgressLines("db: backup_create postgres.main")
    shown = [line for done in range(1001) for line in lines.due(report(done, 1000), 1000.0 + done / 100)]
    assert len(shown) == 11
    assert all(line.startswith("db: backup_create postgres.main: dumping ") for line in shown)


def test_line_is_due_each_minute_and_for_each_phase() -> None:
    lines = ProgressLines("s")
    assert [len(list(lines.due(report(1), at))) for at in (0.0, 30.0, 60.0, 90.0, 120.0)] == [1, 0, 1, 0, 1]
    assert list(lines.due(report(1, phase="encrypting"), 121.0)) != []
    assert list(lines.due({}, 500.0)) == []
