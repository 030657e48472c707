# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a report costs grows with what it reports and no faster: counted in calls and bytes, never in seconds."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins.connection.local import Connection
from ansible.template import Templar
from ansible_collections.xorb.runbook.plugins.action.report import ActionModule
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, Check
from ansible_collections.xorb.runbook.plugins.modules import report as report_module
from ansible_collections.xorb.runbook.plugins.plugin_utils._platform.model import ProbeTarget
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.causes import Topology, explain
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.diff import compare

from tests.support.generated_results import CHECKS, Generated, many_checks
from tests.support.lab import Lab

FEW, MANY = 50, 200
#: What four times as much may cost: four times, and a little for what is sorted.
FOURFOLD = 4.4


class CountedHostVars:
    """The variables of the hosts, as Ansible puts them together, and how often it had to."""

    def __init__(self, inventory: dict[str, Any]) -> None:
        self._inventory = inventory["all"]
        self.reads: Counter[str] = Counter()

    def raw_get(self, host: str) -> dict[str, Any]:
        self.reads[host] += 1
        return {**self._inventory["vars"], **self._inventory["hosts"][host], "inventory_hostname": host}


class Reported:
    """One run of the action in this process."""

    def __init__(self, generated: Generated, folder: Path) -> None:
        self.folder = folder
        self.hostvars = CountedHostVars(generated.inventory(platform_state_dir=str(folder)))
        hosts = generated.names[: generated.looked]
        variables = {
            **self.hostvars.raw_get(hosts[0]),
            "groups": {"all": generated.names},
            "hostvars": self.hostvars,
            "ansible_play_hosts_all": hosts,
            "ansible_limit": "" if generated.looked is None else "some",
        }
        self.hostvars.reads.clear()
        loader = DataLoader()
        task = Task()
        task.args = {"procedure": "health_check", "state_dir": str(folder)}
        templar = Templar(loader=loader, variables=variables)
        context = PlayContext()
        action = ActionModule(task, Connection(context), context, loader, templar, None)
        self.calls, self.result = calls_of(lambda: action.run(task_vars=variables))

    def size(self, suffix: str) -> int:
        """Bytes of a file of the report."""
        return (self.folder / "reports" / f"latest.{suffix}").resolve().stat().st_size

    @property
    def report(self) -> dict[str, Any]:
        """The JSON file."""
        report: dict[str, Any] = json.loads((self.folder / "reports/latest.json").read_text())
        return report


def calls_of(action: Callable[[], Any]) -> tuple[int, Any]:
    """How many functions an action calls, those of Python's own among them, and what it returns."""
    calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event.endswith("call")

    sys.setprofile(count)
    try:
        result = action()
    finally:
        sys.setprofile(None)
    return calls, result


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Reported]:
    """Reports on generated hosts, each made once. The first one is made so that everything is imported."""

    @cache
    def make(hosts: int, failing: int = 0, *, looked: int | None = None, checks: int = 0) -> Reported:
        given = {"services": many_checks(checks)} if checks else {}
        return Reported(Generated(hosts, failing, looked, **given), tmp_path_factory.mktemp("report"))

    make(2)
    return make


@pytest.mark.parametrize("failing", [0, 5])
def test_report_of_four_times_the_hosts_costs_four_times(reported: Callable[..., Reported], failing: int) -> None:
    few, many = reported(FEW, failing), reported(MANY, failing)
    assert many.result["received"] == 4 * few.result["received"] == MANY * (CHECKS - 2)
    assert many.calls <= FOURFOLD * few.calls
    for suffix in ("json", "xml", "prom"):
        assert many.size(suffix) <= FOURFOLD * few.size(suffix), suffix
    ledgers = [(one.folder / "ledger.sqlite").stat().st_size for one in (few, many)]
    assert ledgers[1] <= FOURFOLD * ledgers[0]


def test_report_of_four_times_the_checks_of_one_host_costs_four_times(reported: Callable[..., Reported]) -> None:
    few, many = (reported(1, checks=number) for number in (500, 2000))
    assert (few.result["received"], many.result["received"]) == (500, 2000)
    assert many.calls <= FOURFOLD * few.calls
    assert many.size("prom") <= FOURFOLD * few.size("prom")


def test_report_makes_no_placeholder_of_a_check_that_arrived(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made: list[str] = []
    make = ProbeTarget.placeholders

    def counted(target: ProbeTarget, message: str) -> list[Check]:
        made.append(target.observer)
        return make(target, message)

    generated = Generated(3)
    generated.checks["node00002"].pop()
    monkeypatch.setattr(ProbeTarget, "placeholders", counted)
    counts = Reported(generated, tmp_path).result["counts"]
    assert (counts["unknown"], made) == (1, ["node00002"])


@pytest.mark.parametrize("hosts", [FEW, MANY])
def test_report_reads_the_variables_of_a_host_once(reported: Callable[..., Reported], hosts: int) -> None:
    reads = reported(hosts, 5).hostvars.reads
    assert (len(reads), set(reads.values())) == (hosts - 1, {1})


def test_report_reads_no_host_that_a_limit_keeps_out(reported: Callable[..., Reported]) -> None:
    limited = reported(MANY, looked=10)
    assert limited.hostvars.reads.total() == 9
    left_out = (MANY - 10) * (CHECKS - 2)
    assert (limited.result["expected"], limited.result["received"]) == (MANY * (CHECKS - 2), 10 * (CHECKS - 2))
    assert len(limited.report["not_run"]) == len(set(limited.report["not_run"])) == left_out
    assert "node00200/sql.main.query" in limited.report["not_run"]
    # What does not apply to them does not stand with them, either.
    assert limited.result["counts"]["not_applicable"] == 30
    assert limited.size("xml") < 3 * reported(10).size("xml")


@pytest.mark.parametrize("hosts", [FEW, MANY])
def test_report_hands_each_host_its_own_lines_alone(reported: Callable[..., Reported], hosts: int) -> None:
    result = reported(hosts, 5).result
    judged_by = result["judged_by"]
    assert list(judged_by) == [f"node{number:05}" for number in range(hosts - 4, hosts + 1)]
    assert {len(lines) for lines in judged_by.values()} == {13}
    (one, *_others) = judged_by.values()
    assert len(json.dumps(one)) < 2500
    assert sum(map(len, judged_by.values())) == 5 * 13


def test_report_returns_what_is_documented_and_nothing_that_grows_with_what_is_fine(
    reported: Callable[..., Reported],
) -> None:
    few, many = reported(FEW).result, reported(MANY).result
    assert set(few) == {"changed", *yaml.safe_load(report_module.RETURN)}
    assert few["all_ok"] and len(json.dumps(many)) - len(json.dumps(few)) < 100


def test_report_one_host_is_judged_for_all_where_all_is_well(reported: Callable[..., Reported]) -> None:
    assert reported(FEW).result["judged_by"] == {"node00001": []}


def test_report_ledger_keeps_as_many_rows_a_host(reported: Callable[..., Reported]) -> None:
    with sqlite3.connect(reported(FEW, 5).folder / "ledger.sqlite") as ledger:
        per_host = ledger.execute("SELECT count(*) FROM checks GROUP BY host").fetchall()
    assert per_host == [(CHECKS,)] * FEW


def test_description_makes_the_looks_of_one_host_whatever_others_there_are() -> None:
    few, many = (
        calls_of(lambda: platform.targets(observer="node00007"))  # noqa: B023 - called at once
        for platform in (Generated(number).platform for number in (FEW, MANY))
    )
    assert few == many


def test_causes_of_four_times_the_failures_cost_four_times() -> None:
    counted = []
    topology = Topology(Generated(1).platform.depends_on)
    for hosts in (FEW, MANY):
        checks = [check for made in Generated(hosts, hosts).checks.values() for check in made]
        calls, (_explained, causes) = calls_of(lambda: explain(checks, topology))  # noqa: B023
        counted.append(calls)
        assert {cause.check.partition("/")[2] for cause in causes} >= {"sql.supervisor.state"}
    assert counted[1] <= FOURFOLD * counted[0]


def test_difference_of_four_times_the_checks_costs_four_times() -> None:
    counted = []
    for hosts in (FEW, MANY):
        before, after = (
            [check for made in Generated(hosts, failing).checks.values() for check in made] for failing in (0, 5)
        )
        calls, difference = calls_of(lambda: compare(before, after, change=10))  # noqa: B023 - called at once
        counted.append(calls)
        assert len(difference.new_failures) == 5 * 13
    assert counted[1] <= FOURFOLD * counted[0]


def test_verdict_is_asked_about_the_hosts_that_fail_and_no_others(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    generated = Generated(12, 2)
    inventory = generated.write(tmp_path)
    playbook = tmp_path / "report.yml"
    playbook.write_text(json.dumps([REPORT_AND_GO_ON]))
    ran = lab.play_on(inventory, str(playbook), ANSIBLE_DISPLAY_OK_HOSTS="true")
    assert ran.status == 2
    assert ran.output.count("fatal: [") == 2
    assert ran.output.count("CRITICAL: 13 failing by node000") == 2
    assert "no failing check" not in ran.output
    assert ran.report["counts"][CRITICAL] == 2 * 12
    assert [f"{name} goes on" in ran.output for name in generated.names] == [True] * 10 + [False] * 2


REPORT_AND_GO_ON = {
    "hosts": "all",
    "gather_facts": False,
    "tasks": [
        {
            "ansible.builtin.import_role": {"name": "xorb.runbook.report", "rolespec_validate": False},
            "vars": {"platform_topics": []},
        },
        {"ansible.builtin.debug": {"msg": "{{ inventory_hostname }} goes on"}},
    ],
}
