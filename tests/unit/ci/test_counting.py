# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.ci import failed, lane, runner
from tests.ci.counting import Count, failure, honest, of_exit_code, of_junit, of_junit_file, total
from tests.ci.lane import Lane
from tests.ci.run import Run
from tests.ci.sanity import pip_settings
from tests.testbed.errors import BedError

JUNIT = """<?xml version="1.0"?>
<testsuites><testsuite>
  <testcase classname="tests.tea" name="good"/>
  <testcase classname="tests.tea" name="bad"><failure message="assert 1 == 2&#10; +  where"/></testcase>
  <testcase classname="tests.tea" name="broken"><error>no kettle</error></testcase>
  <testcase name="left out"><skipped/></testcase>
</testsuite></testsuites>
"""


@pytest.fixture(autouse=True)
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed here is no failure of the run that this test is a part of."""
    monkeypatch.setattr(failed, "BUILD", tmp_path)
    monkeypatch.setattr(lane, "BUILD", tmp_path)


@pytest.fixture
def junit(tmp_path: Path) -> Path:
    path = tmp_path / "results.xml"
    path.write_text(JUNIT, encoding="utf-8")
    return path


def test_of_junit_counts_cases_and_leaves_skipped_ones_out(junit: Path) -> None:
    bad, broken = "tests.tea::bad: assert 1 == 2 + where", "tests.tea::broken: no kettle"
    assert of_junit(junit) == Count(passed=1, failures=(bad, broken))
    assert of_junit_file(junit) == failure(f"results: {bad}")


@pytest.mark.parametrize("text", [None, "", "<testsuites>"])
def test_of_junit_missing_or_broken_file_counts_as_nothing(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "results.xml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    assert of_junit(path) == Count()


@pytest.mark.parametrize(
    ("count", "codes", "expected"),
    [
        (Count(passed=3), [0], Count(passed=3)),
        (Count(passed=3), [0, 1], Count(3, ("every test passed, and yet the program ended with 1",))),
        (Count(3, ("one",)), [1], Count(3, ("one",))),
        (Count(), [0], failure("nothing ran")),
    ],
)
def test_honest_unseen_failures_and_empty_layers_fail(count: Count, codes: list[int], expected: Count) -> None:
    assert honest(count, codes) == expected


def test_total_is_one_plain_line() -> None:
    assert str(total([Count(2), of_exit_code(0, "mypy"), of_exit_code(2, "ruff")])) == "3 passed, 1 failed"


def test_failure_is_one_line_that_ends() -> None:
    (line,) = failure("assert\n" + "x" * 1000).failures
    assert line.startswith("assert xxx")
    assert line.endswith(" ...")
    assert len(line) < 400


def test_main_later_layers_are_not_run_after_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    layers = {
        "first": lambda _run: Count(passed=4),
        "second": lambda _run: Count(1, ("one is not two", "no kettle")),
        "third": lambda _run: pytest.fail("ran although the layer before had failed"),
    }
    assert runner.main([], layers) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-6:] == [
        "failed: second: one is not two",
        "failed: second: no kettle",
        "first: 4 passed, 0 failed",
        "second: 1 passed, 2 failed",
        "third: not run",
        "5 passed, 2 failed",
    ]


def test_main_all_green_ends_with_zero(capsys: pytest.CaptureFixture[str]) -> None:
    assert runner.main(["one"], {"one": lambda _run: Count(passed=2), "two": lambda _run: failure("never run")}) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "2 passed, 0 failed"


def test_main_missing_tool_is_a_failure_and_not_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    def missing(_run: Run) -> Count:
        raise BedError("git is not installed")

    assert runner.main([], {"one": missing}) == 1
    assert "error: git is not installed" in capsys.readouterr().out


def test_main_last_runs_what_failed_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    ran: list[tuple[str, bool]] = []

    def layer(name: str, count: Count) -> Callable[[Run], Count]:
        def run(current: Run) -> Count:
            ran.append((name, current.last))
            return count

        return run

    assert runner.main([], {"one": layer("one", Count(1)), "two": layer("two", failure("no kettle"))}) == 1
    mended = {"one": layer("one", Count(1)), "two": layer("two", Count(1))}
    assert runner.main(["--last"], mended) == 0
    assert ran == [("one", False), ("two", False), ("two", True)]
    assert runner.main(["--last"], mended) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "Nothing failed in the run before."
    assert len(ran) == 3


@pytest.mark.parametrize("text", ["", "{", '"one"', "7"])
def test_failed_names_that_cannot_be_read_are_none(tmp_path: Path, text: str) -> None:
    failed.remember("layers", ["unit"])
    assert failed.recall("layers") == ("unit",)
    (tmp_path / "results/failed-layers.json").write_text(text)
    assert failed.recall("layers") == failed.recall("scenarios-test") == ()


LANE = """
import sys, time
from pathlib import Path
from tests.ci import lane
from tests.ci.counting import Count
print("counted beside")
lane.write(Path(sys.argv[2]), {"unit": Count(3, sys.argv[3:4])})
sys.exit(len(sys.argv) - 4)
"""


def test_lane_is_counted_and_its_output_shown(capsys: pytest.CaptureFixture[str]) -> None:
    program = ("-c", LANE.replace("sys.argv[3:4]", "()").replace("len(sys.argv) - 4", "0"))
    assert Lane(["unit"], [], program=program).result() == {"unit": Count(3)}
    assert "counted beside" in capsys.readouterr().out


def test_lane_that_fails_is_seen_before_it_is_asked_for() -> None:
    running = Lane(["unit"], ["one is not two"], program=("-c", LANE))
    while not running.has_failed():
        time.sleep(0.01)
    assert running.result() == {"unit": Count(3, ("one is not two",))}


def test_lane_that_comes_to_no_end_is_a_failure() -> None:
    assert Lane(["lint", "unit"], [], program=("-c", "import sys; sys.exit(7)")).result() == {
        "lint": failure("lint, unit ended with 7")
    }


def test_lane_is_ended_with_who_waits_for_it() -> None:
    running = Lane(["unit"], [], program=("-c", "import time; time.sleep(600)"))
    assert not running.has_failed()
    running.end()
    assert running.has_failed()


def test_layers_stop_where_something_beside_them_has_failed() -> None:
    assert runner.run_layers({"one": lambda _run: pytest.fail("ran")}, Run(is_over=lambda: True)) == {}


def test_main_unknown_layer_lists_the_layers(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        runner.main(["tea"], {"one": lambda _run: Count()})
    assert ended.value.code == 2
    assert capsys.readouterr().err.endswith("error: no layer is called 'tea'; there are: one\n")


def test_pip_settings_variables_and_files_become_one_file() -> None:
    settings = pip_settings(
        ":env:.cert='/etc/ca.pem'\nglobal.index-url='https://index.example/simple'\ninstall.user='no'\n"
    )
    assert settings.get("global", "cert") == "/etc/ca.pem"
    assert settings.get("global", "index-url") == "https://index.example/simple"
    assert settings.get("install", "user") == "no"
