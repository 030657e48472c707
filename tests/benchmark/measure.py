# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run the sides in turn, several times, and compare their medians.

In turn, because the machine may be busy with something else for a while: then all sides suffer. Every run makes its own
SSH connections, as one that a timer starts has to.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tests.benchmark.figure import Figure, figure
from tests.benchmark.rows import CPU, Row
from tests.benchmark.sides import Side
from tests.testbed import environment
from tests.testbed.errors import BedError
from tests.testbed.layout import ROOT
from tests.testbed.progress import say

#: Time and processor of one run by the unit of a row, and how many of its checks were late or failed.
Cost = Mapping[str, float]
LATE = "late"

#: How a playbook ends in which a host failed.
FAILED = 2

#: Percent of the processors that forty hosts need at rest, and a little more.
REST = 20.0


def measure(rows: Sequence[Row], *, rounds: int, faults: list[str]) -> list[Figure]:
    """The figures of the rows, in their order.

    A side that does not do its work once has no figure, is not tried again, and is told of in ``faults``: hours of
    figures of the others are worth keeping.
    """
    costs: dict[tuple[int, str], list[Cost]] = {}
    failed: set[tuple[int, str]] = set()
    for hosts in dict.fromkeys(row.hosts for row in rows):
        sides = {side.name: side for row in rows if row.hosts == hosts for side in (row.ours, row.peer)}
        for number in range(rounds):
            for side in _turned(list(sides.values()), number):
                key = (hosts, side.name)
                if key in failed:
                    continue
                try:
                    cost = run(side, hosts)
                except BedError as exc:
                    failed.add(key)
                    faults.append(str(exc))
                    continue
                costs.setdefault(key, []).append(cost)
                text = ", ".join(f"{value:.2f} {unit}" for unit, value in cost.items())
                say(f"{hosts:3} hosts, round {number + 1}: {side.name}: {text}")
    return [
        compare(row, costs[row.hosts, row.ours.name], costs[row.hosts, row.peer.name])
        for row in rows
        if not failed & {(row.hosts, row.ours.name), (row.hosts, row.peer.name)}
    ]


def _turned(sides: list[Side], number: int) -> Iterable[Side]:
    """Each round begins with another side, so that none always follows the same one."""
    cut = number % len(sides)
    return [*sides[cut:], *sides[:cut]]


def run(side: Side, hosts: int) -> Cost:
    """Run one side once; one that did not do its work is an error and no figure."""
    command = side.command(hosts)
    # Short, because the path of a socket may not be long.
    sockets = Path(tempfile.mkdtemp(prefix="xb"))
    variables = {**environment.variables(bed="fleet"), "ANSIBLE_SSH_CONTROL_PATH_DIR": str(sockets)}
    try:
        before, begun = _cpu(), time.monotonic()
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        cost = {"s": time.monotonic() - begun, CPU: _cpu() - before}
    finally:
        _hang_up(sockets)
    # A check that a busy machine was too slow for is a figure and not the end: what it waited for is in the time.
    late = side.late(done.stdout)
    by_that = done.returncode == FAILED and late
    wrong = f"exit status {done.returncode}" if done.returncode and not by_that else side.proof(hosts)
    if wrong:
        raise BedError(f"{side.name} on {hosts} hosts did not do its work ({wrong}):\n{done.stdout[-3000:]}")
    return {**cost, LATE: late}


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _hang_up(sockets: Path) -> None:
    """End the connections that SSH keeps for the next run: that one shall make its own."""
    for path in sockets.iterdir():
        subprocess.run(["ssh", "-O", "exit", "-S", str(path), "host"], capture_output=True, check=False)
    shutil.rmtree(sockets, ignore_errors=True)


def compare(row: Row, ours: Sequence[Cost], peer: Sequence[Cost]) -> Figure:
    """The figure of a row in its unit."""
    mine, theirs = ([cost[row.unit] for cost in costs] for costs in (ours, peer))
    late = [int(sum(cost.get(LATE, 0) for cost in costs)) for costs in (ours, peer)]
    return figure(row.name, row.unit, mine, theirs, goal=row.goal, absolute=row.absolute, late=(late[0], late[1]))


def machine(seconds: float = 5.0, *, rest: float = REST, patience: float = 180.0) -> dict[str, int]:
    """Its processors, and how busy they are (in percent) with what runs besides: the hosts, which are at rest.

    Hosts that have just started are not: they are waited for, with ``patience`` in seconds.
    """
    ends = time.monotonic() + patience
    while (busy := _busy(seconds)) > rest and time.monotonic() < ends:
        pass
    return {"processors": os.cpu_count() or 1, "busy": round(busy)}


def _busy(seconds: float) -> float:
    """How busy the processors are for so long, in percent."""
    begun = _busy_and_all()
    time.sleep(seconds)
    busy, every = (end - begin for begin, end in zip(begun, _busy_and_all(), strict=True))
    return 100 * busy / every


def _busy_and_all() -> tuple[int, int]:
    """Ticks of the processors since the machine started; idle ones, and those that wait for a disk, are not busy."""
    ticks = [int(word) for word in Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()[1:9]]
    return sum(ticks) - ticks[3] - ticks[4], sum(ticks)
