# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the ledger remembers for a verdict: nothing that was written into it by hand."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, OK, UNKNOWN
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.ledger.history import History, part_of
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.ledger.ledger import Ledger
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.report import Report, Run
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.silences import PROCEDURE, SILENCE, Silence

from tests.support.sample_reports import RUN, assembled, check

API = check("web", "api", "rest", "health")
MOMENT = "2026-11-23T03:15:03.100Z"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the ledger of a test is."""
    return tmp_path / "ledger.sqlite"


def look(path: Path, status: str = OK, **run: Any) -> None:
    """Record a run that looked."""
    report = assembled([replace(API, status=status)], run=replace(RUN, **run))
    Ledger(str(path)).append(report, [part_of(run["slice_of"])] if "slice_of" in run else [], retention_days=90)


def silenced(path: Path) -> Silence:
    """Record a silence."""
    silence = Silence(SILENCE, "upgrade", "alex", MOMENT, hosts=("web",))
    run = Run("silence-1", RUN.platform, PROCEDURE, MOMENT, "alex")
    Ledger(str(path)).append(Report(run, MOMENT, 0, 0, ()), [silence.as_action()], retention_days=90)
    return silence


def remembered(path: Path, **given: int) -> list[str]:
    """The statuses of the check."""
    with History(str(path)).recollection(RUN.platform) as past:
        return past.statuses(API, **given)


def test_statuses_are_those_of_every_procedure_newest_first(path: Path) -> None:
    look(path, OK)
    look(path, CRITICAL, procedure="health_check")
    look(path, OK, platform="another")
    assert remembered(path) == [CRITICAL, OK]
    assert remembered(path, limit=1) == [CRITICAL]
    assert remembered(path, since=1) == [CRITICAL]
    assert remembered(path, until=1) == [OK]


def test_statuses_that_a_merged_report_says_again_count_once(path: Path) -> None:
    look(path, CRITICAL, id="first", procedure="health_check")
    look(path, CRITICAL, id="second", procedure="health_check_merged")
    assert remembered(path) == [CRITICAL]
    with History(str(path)).recollection(RUN.platform, but=["first"]) as past:
        assert past.statuses(API) == []


def test_silence_is_remembered_and_is_no_history(path: Path) -> None:
    look(path)
    silence = silenced(path)
    with History(str(path)).recollection(RUN.platform) as past:
        ((found,), faults) = past.silences()
    assert faults == [] and found.same(silence) and (found.id, found.by) == (2, "alex")
    assert History(str(path)).newest().sequence == 1
    assert Ledger(str(path)).verify().intact


@pytest.mark.parametrize(
    "statement",
    [
        """UPDATE actions SET action = replace(action, 'web', '*') WHERE sequence = 2""",
        "UPDATE runs SET who = 'boss' WHERE sequence = 2",
        "DELETE FROM actions WHERE sequence = 2",
        "UPDATE runs SET previous_sha256 = 'x' WHERE sequence = 3",
    ],
)
def test_silence_that_is_not_as_it_was_written_counts_for_nothing(path: Path, statement: str) -> None:
    look(path)
    silenced(path)
    look(path)
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    with History(str(path)).recollection(RUN.platform) as past:
        silences, faults = past.silences()
    assert silences == [] and len(faults) == 1 and faults[0].startswith("run 2,")


def test_failing_is_what_failed_the_last_time(path: Path) -> None:
    look(path, CRITICAL)
    with History(str(path)).recollection(RUN.platform) as past:
        assert [one.key for one in past.failing()] == [API.key]
    look(path, OK)
    with History(str(path)).recollection(RUN.platform) as past:
        assert past.failing() == []


def test_failures_are_those_of_the_newest_run_of_each_procedure_and_part(path: Path) -> None:
    def failures() -> list[tuple[int, str]]:
        with History(str(path)).recollection(RUN.platform) as past:
            return [(run, check.status) for run, check in past.failures()]

    look(path, CRITICAL)
    look(path, UNKNOWN, procedure="health_check")
    look(path, CRITICAL, platform="another")
    silenced(path)
    assert failures() == [(2, UNKNOWN), (1, CRITICAL)]
    look(path, OK)
    assert failures() == [(2, UNKNOWN)]
    look(path, CRITICAL, limited_to="web")
    assert failures() == [(6, CRITICAL), (2, UNKNOWN)]


def test_parts_are_those_of_one_whole(path: Path) -> None:
    look(path, id="first", slice_of="tonight")
    look(path, id="second", slice_of="another")
    look(path, id="third")
    found = History(str(path)).parts(platform=RUN.platform, procedure=RUN.procedure, whole="tonight")
    assert [run.run_id for run in found] == ["first"]
