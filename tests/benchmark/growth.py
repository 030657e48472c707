# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How report and verdict grow with the platform: the shipped role on generated results. Needs no host.

An inventory holds what each host's look would have registered, so that nothing is measured but Ansible and what comes
after the looks. Memory is the most that any one process had.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmark.figure import Figure, figure
from tests.support.procedures import BIN, ROOT, environment
from tests.testbed.errors import BedError
from tests.testbed.progress import say

ROUNDS = 3
SECONDS, MEMORY, PAGE_SIZE, JSON_SIZE = "s", "MiB", "MB", "MB of JSON"
FILES = {PAGE_SIZE: "html", JSON_SIZE: "json"}
#: Four times as much may cost four times, and a little for what is sorted.
FOURFOLD = 4.4

WELL = "report and verdict of 400 hosts / of 100, all well"
FAILING = "report and verdict of 400 hosts / of 100, 5 failing"
BASELINE = "report and verdict of 1,000 hosts, 50 failing / one task that reads every host's result"
PAGE = "page of 1,000 hosts, 50 failing / its JSON, which has every check"
CHECKS = "report and verdict of 1 host with 2,000 checks / with 500"
LIMIT = "report and verdict of 10 hosts of 5,000 / one task that reads their results"

LIMITED = ("--limit", "node0000*:node00010")

_ROLE = {"name": "xorb.runbook.report", "rolespec_validate": False}
#: The role that ends every looking play, behind looks that have been made.
REPORT = {
    "hosts": "all",
    "gather_facts": False,
    "vars": {"platform_topics": []},
    "tasks": [{"ansible.builtin.import_role": _ROLE}],
}
#: The least that a play can do which has to know what every host found.
READ = {
    "hosts": "all",
    "gather_facts": False,
    "tasks": [
        {
            "ansible.builtin.assert": {
                "that": "ansible_play_hosts_all | map('extract', hostvars, 'platform_inspection')"
                " | map(attribute='checks') | map('length') | sum > 0",
                "quiet": True,
            },
            "run_once": True,
        }
    ],
}


@dataclass(frozen=True)
class Side:
    """A play on a generated inventory, and the hosts that have to fail in it."""

    inventory: str
    play: Mapping[str, Any]
    failing: int = 0
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """Two sides, what of them is compared, and the most that is wanted: of the ratio, or of our own figure."""

    name: str
    unit: str
    ours: Side
    peer: Side
    goal: float
    absolute: bool = False
    #: What is compared of the other side, where that is something else.
    peer_unit: str = ""


_HUNDRED, _FOUR_HUNDRED = Side("100", REPORT), Side("400", REPORT)
_HUNDRED_FAILING, _FOUR_HUNDRED_FAILING = Side("100-5", REPORT, 5), Side("400-5", REPORT, 5)
_THOUSAND, _THOUSAND_READ = Side("1000-50", REPORT, 50), Side("1000-50", READ)
ROWS = (
    Row(WELL, SECONDS, _FOUR_HUNDRED, _HUNDRED, FOURFOLD),
    Row(WELL, MEMORY, _FOUR_HUNDRED, _HUNDRED, FOURFOLD),
    Row(FAILING, SECONDS, _FOUR_HUNDRED_FAILING, _HUNDRED_FAILING, FOURFOLD),
    Row(FAILING, MEMORY, _FOUR_HUNDRED_FAILING, _HUNDRED_FAILING, FOURFOLD),
    Row(BASELINE, SECONDS, _THOUSAND, _THOUSAND_READ, 1.5),
    Row(BASELINE, MEMORY, _THOUSAND, _THOUSAND_READ, 1.5),
    Row(PAGE, PAGE_SIZE, _THOUSAND, _THOUSAND, 3, absolute=True, peer_unit=JSON_SIZE),
    Row(CHECKS, SECONDS, Side("2000-checks", REPORT), Side("500-checks", REPORT), FOURFOLD),
    Row(LIMIT, SECONDS, Side("5000", REPORT, options=LIMITED), Side("5000", READ, options=LIMITED), 3),
)
NAMES = tuple(dict.fromkeys(row.name for row in ROWS))


def platforms() -> dict[str, Any]:
    """What the inventories are made of, by their names; nothing is made yet."""
    # Not imported above: it needs the collection, which is put into reach by whoever measures.
    generated = importlib.import_module("tests.support.generated_results")
    made = generated.Generated
    return {
        "100": made(100),
        "400": made(400),
        "100-5": made(100, 5),
        "400-5": made(400, 5),
        "1000-50": made(1000, 50),
        "500-checks": made(1, services=generated.many_checks(500)),
        "2000-checks": made(1, services=generated.many_checks(2000)),
        "5000": made(5000, looked=10),
    }


def write(folder: Path) -> None:
    """Write every inventory, each into a folder of its own."""
    for name, platform in platforms().items():
        platform.write(folder / name)


def run(side: Side, folder: Path) -> dict[str, float]:
    """Run one side once, with a ledger that is new; one that did not do its work is an error and no figure."""
    place = folder / side.inventory
    state = place / "state"
    shutil.rmtree(state, ignore_errors=True)
    play = place / "play.yml"
    play.write_text(json.dumps([side.play]))
    output = place / "output.txt"
    begun = time.monotonic()
    with output.open("w") as stream:
        process = subprocess.Popen(
            [str(BIN / "ansible-playbook"), "-i", str(place / "hosts.json"), str(play), *side.options],
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
        # The usage of this process and its own children, and of none that ran before.
        _pid, status, used = os.wait4(process.pid, 0)
    seconds = time.monotonic() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    printed = output.read_text()
    wrong = _wrong(side, process.returncode, printed, state / "reports")
    if wrong:
        raise BedError(f"{side.inventory} did not do its work ({wrong}):\n{printed[-3000:]}")
    cost = {SECONDS: seconds, MEMORY: used.ru_maxrss / 1024}
    if side.play is REPORT:
        cost |= {unit: _megabytes(state / "reports" / f"latest.{end}") for unit, end in FILES.items()}
    return cost


def _wrong(side: Side, status: int, printed: str, reports: Path) -> str:
    """What is wrong with a run, if anything: one that saw less would be quick."""
    if (status == 0) is (side.failing > 0):
        return f"exit status {status}"
    if printed.count("fatal: [") != side.failing:
        return f"{printed.count('fatal: [')} hosts failed instead of {side.failing}"
    if side.play is READ:
        return ""
    report = json.loads((reports / "latest.json").read_text(encoding="utf-8"))
    arrived = report["received"] + len(report["not_run"])
    return "" if arrived == report["expected"] else f"{arrived} of {report['expected']} checks"


def _megabytes(path: Path) -> float:
    return path.resolve().stat().st_size / 1e6


def figures(rounds: int = ROUNDS) -> list[Figure]:
    """Measure everything, the sides by turns."""
    sys.path.insert(0, str(ROOT / ".ansible/collections"))
    folder = Path(tempfile.mkdtemp(prefix="xb-growth"))
    costs: dict[int, list[dict[str, float]]] = {}
    sides = {id(side): side for row in ROWS for side in (row.ours, row.peer)}
    try:
        # In a process of its own: whatever this one holds counts as memory of those that it starts.
        with ProcessPoolExecutor(max_workers=1) as pool:
            pool.submit(write, folder).result()
        for number in range(rounds):
            for key, side in sides.items():
                cost = run(side, folder)
                costs.setdefault(key, []).append(cost)
                text = ", ".join(f"{value:.2f} {unit}" for unit, value in cost.items())
                what = "report" if side.play is REPORT else "reading"
                say(f"{side.inventory} hosts, round {number + 1}: {what}: {text}")
    finally:
        shutil.rmtree(folder)
    return [_figure(row, costs) for row in ROWS]


def _figure(row: Row, costs: Mapping[int, list[dict[str, float]]]) -> Figure:
    ours = [cost[row.unit] for cost in costs[id(row.ours)]]
    peer = [cost[row.peer_unit or row.unit] for cost in costs[id(row.peer)]]
    return figure(row.name, row.unit, ours, peer, goal=row.goal, absolute=row.absolute)
