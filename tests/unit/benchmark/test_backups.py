# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rows of backups measure what they say, on a database that is small."""

from __future__ import annotations

from tests.benchmark import backups


def test_each_row_is_measured_on_a_small_database() -> None:
    figures = {one.name: one for one in backups.figures(scale=0.002, rounds=1)}
    assert tuple(figures) == backups.NAMES
    assert all(one.ours > 0 and one.peer > 0 and one.goal for one in figures.values())
    assert len(backups.TABLES) == 8
