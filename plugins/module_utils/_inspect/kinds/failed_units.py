# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kind ``failed_units``: no unit of the host failed or cannot get started, and no dead process is left over."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase

from ..._clients import process_table, systemd
from ..._core.checks import CRITICAL, OK, WARNING, Finding, worst
from ..._core.options import NOT_NEGATIVE, POSITIVE, Given, Option, Options, limits
from ..._core.text import some_of
from ..kind import Kind

OPTIONS: Options = {
    "ignore": Option("list", "Units that do not matter, as shell patterns.", elements="str", default=[]),
    "severity": Option("str", "What a failed unit means.", default=CRITICAL, choices=(WARNING, CRITICAL)),
    "starting_seconds": Option(
        "float", "Warn when a unit takes longer than this to start.", default=300.0, within=POSITIVE
    ),
    "zombies_warning": Option(
        "int", "Warn above this many zombie processes.", default=10, source="ours", within=NOT_NEGATIVE
    ),
    "zombies_critical": Option(
        "int", "Fail above this many zombie processes.", default=100, source="ours", within=NOT_NEGATIVE
    ),
}

PROPERTIES = ("Id", "ActiveState", "SubState", "Result", "NRestarts", "InactiveExitTimestampMonotonic")

#: How many units a message names.
NAMED = 10

MICROSECONDS = 1_000_000


def run(given: Given) -> Iterator[Finding]:
    """Query systemd for the units that are in trouble, and the kernel for processes."""
    names = [
        name
        for name in systemd.listed(["failed", "activating"], timeout=given["timeout"])
        if not any(fnmatchcase(name, pattern) for pattern in given["ignore"])
    ]
    units = systemd.show(names, PROPERTIES, timeout=given["timeout"]) if names else []
    yield failed([unit for unit in units if unit["ActiveState"] == "failed"], given)
    yield starting(units, given, time.clock_gettime(time.CLOCK_MONOTONIC))
    yield zombies(process_table.read(), given)


def failed(units: list[Mapping[str, str]] | list[dict[str, str]], given: Given) -> Finding:
    """Judge the units that failed, each with systemd's word for it."""
    if not units:
        return Finding("failures", OK, "no unit is failed", value=0)
    named = some_of((f"{unit.get('Id')} ({unit.get('Result')})" for unit in units), NAMED)
    message = f"{len(units)} failed: {named}"
    return Finding(
        "failures",
        given["severity"],
        message,
        value=len(units),
        remedy="systemctl status, then reset-failed",
        faults=systemd.down(*(unit.get("Id", "") for unit in units)),
    )


def starting(units: Iterable[Mapping[str, str]], given: Given, now: float) -> Finding:
    """Judge the units that are about to start: one that ended and is started again and again never is."""
    statuses, stuck, ended = [OK], [], []
    for unit in units:
        if unit["ActiveState"] != "activating":
            continue
        since = round(now - int(unit.get("InactiveExitTimestampMonotonic") or 0) / MICROSECONDS)
        if unit.get("SubState", "").startswith("auto-restart"):
            statuses.append(given["severity"])
            ended.append(unit.get("Id", ""))
            stuck.append(f"{unit.get('Id')} ended and waits to be started again (restart {unit.get('NRestarts')})")
        elif since > given["starting_seconds"]:
            statuses.append(WARNING)
            stuck.append(f"{unit.get('Id')} has been starting for {since} s")
    message = some_of(stuck, NAMED) if stuck else "no unit is stuck at its start"
    return Finding("starts", worst(statuses), message, value=len(stuck), faults=systemd.down(*ended))


def zombies(processes: Iterable[process_table.Process], given: Given) -> Finding:
    """Judge the processes that ended and that their parents do not collect."""
    dead = [process for process in processes if process.state == process_table.ZOMBIE]
    message = f"{len(dead)} zombie processes"
    if dead:
        # Whose they are is what helps: they end with their parent.
        families = Counter((process.name, process.parent) for process in dead)
        named = (f"{name} of process {parent} ({number})" for (name, parent), number in families.most_common())
        message += f": {some_of(named, NAMED)}"
    return Finding.measured("zombies", message, value=len(dead), unit="", limits=limits(OPTIONS, given, "zombies_"))


KIND = Kind(
    name="failed_units",
    summary="No unit of the host failed or cannot get started, and no dead process is left over.",
    topic="health",
    options=OPTIONS,
    expected=lambda _given: ("failures", "starts", "zombies"),
    run=run,
    target=lambda _given: "units",
    local=True,
)
