# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.ci import failed, lane, runner, scenarios
from tests.ci.counting import Count
from tests.ci.run import Run
from tests.ci.scenario_queue import ScenarioQueue


@pytest.fixture
def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ScenarioQueue:
    one = ScenarioQueue(tmp_path / "results" / "scenarios.json")
    for module in (failed, lane):
        monkeypatch.setattr(module, "BUILD", tmp_path)
    monkeypatch.setattr(scenarios, "_QUEUE", one)
    return one


def test_take_gives_each_name_once_whoever_asks(queue: ScenarioQueue) -> None:
    names = [f"scenario_{number}" for number in range(40)]
    queue.fill(names)
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: ScenarioQueue(queue._path).take(), range(50)))
    assert sorted(filter(None, taken)) == sorted(names)
    assert taken.count(None) == 10


def test_take_follows_the_order_and_close_leaves_nothing(queue: ScenarioQueue) -> None:
    assert queue.take() is None
    queue.fill(["b", "a", "c"])
    assert (queue.take(), len(queue)) == ("b", 2)
    queue.close()
    assert queue.take() is None


def test_enqueue_all_scenarios_with_long_ones_first_or_what_failed(queue: ScenarioQueue) -> None:
    scenarios.enqueue(Run())
    assert len(queue) == len(scenarios.names()) > 10
    assert queue.take() == "faults"
    failed.remember("scenarios-twin", ["ledger"])
    failed.remember("scenarios-test", ["bed"])
    scenarios.enqueue(Run(last=True))
    assert [queue.take(), queue.take(), queue.take()] == ["bed", "ledger", None]


def test_scenarios_of_both_beds_are_counted_once_each(queue: ScenarioQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[str, str]] = []

    def scenario(name: str, bed: str) -> Count:
        ran.append((name, bed))
        return Count(1) if name != "ledger" else Count(0, ("no kettle",))

    monkeypatch.setattr(scenarios, "_scenario", scenario)
    monkeypatch.setattr(scenarios, "run", lambda *_words, **_more: 0)
    scenarios.enqueue(Run())
    everything = scenarios.names()
    assert scenarios.twin(Run()) == Count(len(everything) - 1, ("no kettle",))
    assert [name for name, _bed in ran] == everything
    assert failed.recall("scenarios-twin") == ("ledger",)
    queue.fill(["bed", "ledger"])
    assert scenarios.twin(Run()) == Count()
    assert scenarios.layer(Run(is_over=lambda: True)).failures == ("nothing ran",)
    assert len(queue) == 0


def test_helper_is_left_nothing_where_its_layer_does_not_run(
    queue: ScenarioQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue.fill(["bed", "faults", "ledger"])

    class Beside:
        def __init__(self, *_words: object) -> None: ...

        def has_failed(self) -> bool:
            return False

        def result(self) -> dict[str, Count]:
            assert len(queue) == 0
            return {"unit": Count(2), "twin": Count()}

        def end(self) -> None: ...

    monkeypatch.setattr(lane, "Lane", Beside)
    layers = {
        "unit": lambda _run: pytest.fail("runs in the lane"),
        "fleet": lambda _run: Count(1, ("no kettle",)),
        "molecule": lambda _run: pytest.fail("ran although fleet had failed"),
    }
    monkeypatch.setattr(runner, "PREPARE", {})
    assert runner.main([], layers) == 1
