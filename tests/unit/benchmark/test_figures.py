# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.benchmark import certificates, growth, page, rotation
from tests.benchmark.figure import Figure
from tests.benchmark.measure import LATE, compare, machine, measure, run
from tests.benchmark.rows import CPU, ROWS, WALL, Row
from tests.benchmark.sides import OURS, PEER, Side, incomplete
from tests.testbed.errors import BedError

FACTS = {"processors": 2, "busy": 13, "checks": 27}


def figure(*, goal: float | None, absolute: bool = False) -> Figure:
    row = Row("daily / peer, 10 hosts", 10, OURS, PEER, goal, absolute=absolute)
    ours, peer = ([{WALL: value, CPU: 1.0} for value in values] for values in ((3, 1, 2), (40, 10, 20)))
    return compare(row, ours, peer)


def test_compare_takes_medians_and_keeps_least_and_most() -> None:
    compared = figure(goal=0.12)
    assert (compared.ours, compared.peer, compared.ratio) == (2, 20, 0.1)
    assert (compared.ours_range, compared.peer_range, compared.runs) == ((1, 3), (10, 40), 3)


@pytest.mark.parametrize(
    ("goal", "absolute", "met"), [(0.1, False, True), (0.09, False, False), (None, False, True), (1.9, True, False)]
)
def test_page_says_which_goals_are_missed(goal: float | None, absolute: bool, met: bool) -> None:
    text = page.render([figure(goal=goal, absolute=absolute)], FACTS)
    assert ("**missed**" in text) is ("**Missed:**" in text) is not met
    assert ("Every goal is met." in text) is met


def test_run_of_a_side_that_fails_is_no_figure() -> None:
    with pytest.raises(BedError, match="did not do its work"):
        run(Side("broken", lambda _hosts: ["false"]), 1)
    with pytest.raises(BedError, match="saw nothing"):
        run(Side("blind", lambda _hosts: ["true"], lambda _hosts: "saw nothing"), 1)


def test_run_of_a_side_that_was_late_is_a_figure() -> None:
    late = Side("late", lambda _hosts: ["sh", "-c", "echo 3; exit 2"], late=int)
    assert run(late, 1)[LATE] == 3
    assert run(Side("in time", lambda _hosts: ["true"]), 1)[LATE] == 0


@pytest.mark.parametrize(("script", "wrong"), [("echo 0; exit 2", "status 2"), ("echo 3; exit 1", "status 1")])
def test_run_that_failed_by_anything_else_is_no_figure(script: str, wrong: str) -> None:
    with pytest.raises(BedError, match=wrong):
        run(Side("broken", lambda _hosts: ["sh", "-c", script], late=int), 1)
    with pytest.raises(BedError, match="saw nothing"):
        run(Side("blind", lambda _hosts: ["sh", "-c", "echo 3; exit 2"], lambda _hosts: "saw nothing", int), 1)


def test_measure_keeps_the_figures_of_the_sides_that_did_their_work(capsys: pytest.CaptureFixture[str]) -> None:
    good, other = (Side(name, lambda _hosts: ["true"]) for name in ("good", "other"))
    bad = Side("bad", lambda _hosts: ["false"])
    faults: list[str] = []
    figures = measure([Row("kept", 1, good, other), Row("lost", 1, bad, good)], rounds=2, faults=faults)
    assert [(one.name, one.runs) for one in figures] == [("kept", 2)]
    (fault,) = faults
    assert "bad on 1 hosts did not do its work" in fault
    assert "bad" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("ok", "received", "complete"), [(100, 100, True), (98, 100, True), (97, 100, False), (99, 99, False)]
)
def test_report_with_a_late_check_is_complete_and_one_that_saw_less_is_not(
    ok: int, received: int, complete: bool
) -> None:
    checks = [{"host": "one", "status": "ok"}] * ok
    report = {"expected": 100, "received": received, "counts": {"ok": ok}, "checks": checks}
    assert (incomplete(report, 1) == "") is complete
    assert incomplete(report, 2) != ""


def test_page_says_how_many_checks_were_late() -> None:
    row = Row("daily / peer, 10 hosts", 10, OURS, PEER)
    ours, peer = [{WALL: 1.0, LATE: 1.0}, {WALL: 1.0, LATE: 2.0}], [{WALL: 2.0, LATE: 0.0}]
    assert "| 3 and 0 late |" in page.render([compare(row, ours, peer)], FACTS)
    assert "and 0 late |" not in page.render([figure(goal=1)], FACTS)


def test_generated_platforms_are_those_of_the_rows_and_can_be_run(tmp_path: Path) -> None:
    """What the smallest costs is not judged; that it does its work is, and that one which does not is no figure."""
    platforms = growth.platforms()
    assert platforms.keys() == {side.inventory for row in growth.ROWS for side in (row.ours, row.peer)}
    side = next(row.peer for row in growth.ROWS if row.name == growth.CHECKS)
    platforms[side.inventory].write(tmp_path / side.inventory)
    cost = growth.run(side, tmp_path)
    assert min(cost[unit] for unit in (growth.SECONDS, growth.MEMORY, growth.PAGE_SIZE, growth.JSON_SIZE)) > 0
    with pytest.raises(BedError, match="exit status 0"):
        growth.run(replace(side, failing=1), tmp_path)


def test_rows_have_names_of_their_own() -> None:
    names = [(row.name, row.unit) for row in ROWS] + [(row.name, row.unit) for row in growth.ROWS]
    names += [(name, "") for name in (*certificates.NAMES, *rotation.NAMES)]
    assert len(set(names)) == len(names)


def test_page_without_figures_claims_nothing() -> None:
    text = page.render([], FACTS)
    assert "No figures have been taken yet." in text
    assert "met." not in text.replace("which goals are met.", "")


def test_machine_tells_a_busy_one_from_one_at_rest() -> None:
    work = subprocess.Popen(["sh", "-c", "while :; do :; done"])
    try:
        assert 0 < machine(0.2, rest=0, patience=0.3)["busy"] <= 100
    finally:
        work.kill()
        work.wait()


def test_name_with_a_pipe_is_one_cell() -> None:
    plain = figure(goal=None)
    head, *_rest, line = page.table([plain, replace(plain, name="pg_dump | gzip")]).splitlines()

    assert line.replace(r"\|", "").count("|") == head.count("|")
