# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import subprocess

import pytest

from tests.benchmark import certificates, page, rotation
from tests.benchmark.figure import Figure
from tests.benchmark.measure import compare, machine, run
from tests.benchmark.rows import CPU, ROWS, WALL, Row
from tests.benchmark.sides import OURS, PEER, Side
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


def test_rows_have_names_of_their_own() -> None:
    names = [(row.name, row.unit) for row in ROWS] + [(name, "") for name in (*certificates.NAMES, *rotation.NAMES)]
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
