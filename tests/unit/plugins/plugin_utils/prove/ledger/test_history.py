# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What earlier runs found: the right ones, in the right order, and no more than a page can show."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, OK, UNKNOWN, Check
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.ledger import history as ledger_history
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.ledger.history import History
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.ledger.ledger import Ledger

from tests.support.sample_reports import assembled, check

FIRST = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the ledger of a test is."""
    return tmp_path / "ledger.sqlite"


def record(path: Path, checks: Iterable[Check], *, day: int = 0, keep: int = 900, **run: Any) -> None:
    """Append a run."""
    made = assembled(checks)
    moment = FIRST + timedelta(days=day)
    made = replace(made, finished_at=moment.isoformat(), run=replace(made.run, started_at=moment.isoformat(), **run))
    Ledger(str(path)).append(made, retention_days=keep)


def api(status: str = OK, value: float | None = 12.5) -> Check:
    """The one check of most runs."""
    return check("web", "api", "rest", "health", status, value=value, unit="ms", warning=500, critical=2000)


def test_trend_is_oldest_first_and_ends_before_the_run(path: Path) -> None:
    for day in range(4):
        record(path, [api(value=float(day + 1))], day=day)
    trend = History(str(path)).trend(platform="xorb-demo", procedure="daily", before=4)
    assert [past.run.sequence for past in trend.same] == [1, 2, 3]
    assert [past.samples[0].value for past in trend.same] == [1.0, 2.0, 3.0]
    assert trend.same[0].services == {"api": OK}
    assert trend.any == trend.same


def test_trend_keeps_procedures_and_platforms_apart(path: Path) -> None:
    record(path, [api()], procedure="daily")
    record(path, [api()], procedure="health_check", day=1)
    record(path, [api()], platform="another", day=2)
    trend = History(str(path)).trend(platform="xorb-demo", procedure="daily", before=9)
    assert [past.run.sequence for past in trend.same] == [1]
    assert [past.run.sequence for past in trend.any] == [1, 2]


def test_trend_reads_no_more_than_a_page_shows(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for day in range(6):
        record(path, [api(), check("web", "api", "rest", "other")], day=day)
    history = History(str(path))
    monkeypatch.setattr(ledger_history, "RUNS", 4)
    assert len(history.trend(platform="xorb-demo", procedure="daily", before=9).same) == 4
    monkeypatch.setattr(ledger_history, "RECORDS", 5)
    assert [past.run.sequence for past in history.trend(platform="xorb-demo", procedure="daily", before=9).same] == [
        5,
        6,
    ]


def test_trend_pruned_runs_are_no_history(path: Path) -> None:
    record(path, [api()], day=0)
    record(path, [api()], day=50, keep=10)
    trend = History(str(path)).trend(platform="xorb-demo", procedure="daily", before=9)
    assert [past.run.sequence for past in trend.same] == [2]


def test_trend_undefined_status_is_unknown_and_no_number_no_sample(path: Path) -> None:
    record(path, [api(), replace(api(), id="api.rest.text", value="fast")])
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE checks SET status = 'splendid'")
    connection.close()
    (past,) = History(str(path)).trend(platform="xorb-demo", procedure="daily", before=9).same
    assert past.services == {"api": UNKNOWN}
    assert [sample.id for sample in past.samples] == ["api.rest.health"]


def test_trend_row_that_was_changed_is_one_sentence(path: Path) -> None:
    record(path, [api()])
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE runs SET counts = 'nothing'")
    connection.close()
    with pytest.raises(RunbookError, match=r"run 1 of the ledger was changed; see xorb\.runbook\.ledger_verify"):
        History(str(path)).trend(platform="xorb-demo", procedure="daily", before=9)


def test_checks_of_gives_back_what_was_reported(path: Path) -> None:
    reported = [api(CRITICAL), check("web", "api", "rest", "certificate", value=9, warning=7, falling=True)]
    record(path, reported)
    history = History(str(path))
    assert sorted(history.checks_of(history.run("1")), key=lambda one: one.key) == sorted(
        reported, key=lambda one: one.key
    )


def test_run_by_sequence_and_by_id(path: Path) -> None:
    record(path, [api()], id="20260101T000000-abcdef")
    history = History(str(path))
    assert history.run("1") == history.run("20260101T000000-abcdef") == history.newest()
    for reference in ("2", "nothing", "1; DROP TABLE runs"):
        with pytest.raises(RunbookError, match="there is no run"):
            history.run(reference)


def test_newest_of_nothing_says_of_what(path: Path) -> None:
    record(path, [api()])
    with pytest.raises(RunbookError, match="there is no run of weekly of xorb-demo in the ledger"):
        History(str(path)).newest(platform="xorb-demo", procedure="weekly")


def test_last_good_before_skips_bad_limited_and_others(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_history, "RUNS", 2)
    record(path, [api()], day=0)
    record(path, [api(CRITICAL)], day=1)
    record(path, [api(UNKNOWN)], day=2)
    record(path, [api()], day=3, limited_to="web")
    record(path, [api()], day=4, procedure="health_check")
    record(path, [api(CRITICAL)], day=5)
    history = History(str(path))
    assert history.last_good_before(history.run("6")).sequence == 1
    with pytest.raises(RunbookError, match="there is no good run of daily before run 1"):
        history.last_good_before(history.run("1"))


def test_checks_of_pruned_run_are_not_taken_for_none(path: Path) -> None:
    record(path, [api()], day=0)
    record(path, [api()], day=50, keep=10)
    history = History(str(path))
    with pytest.raises(RunbookError, match="the checks of run 1 were pruned"):
        history.checks_of(history.run("1"))
