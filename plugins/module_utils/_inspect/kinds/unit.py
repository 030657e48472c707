# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kind ``unit``: a systemd unit does what it should."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ..._clients import process_table, systemd
from ..._core.checks import CRITICAL, OK, UNKNOWN, WARNING, Finding
from ..._core.errors import RunbookError
from ..._core.options import Given, Option, Options
from ..kind import Kind

RUNNING, ACTIVE = "running", "active"

OPTIONS: Options = {
    "unit": Option("str", "Name of the unit.", required=True),
    "state": Option(
        "str",
        "What the unit must be. C(active) is enough for a unit that ends after its work; C(running) is not content "
        "with that.",
        default=RUNNING,
        choices=(RUNNING, ACTIVE),
    ),
}

PROPERTIES = ("LoadState", "ActiveState", "SubState", "Result", "NRestarts", "StateChangeTimestamp", "MainPID")


def check(given: Given) -> Iterator[tuple[str, str]]:
    """A pattern would name several units, or none."""
    yield from systemd.name_faults("unit", given["unit"])


def run(given: Given) -> Iterator[Finding]:
    """Ask systemd for one unit."""
    (properties,) = systemd.show([given["unit"]], PROPERTIES, timeout=given["timeout"])
    yield _found(properties, given)


def run_all(points: Sequence[Given]) -> Iterator[tuple[int, Finding]]:
    """Ask systemd once for many units: most of what one costs is the start of its client."""
    timeout = min(given["timeout"] for given in points)
    shown = systemd.show([given["unit"] for given in points], PROPERTIES, timeout=timeout)
    for position, (properties, given) in enumerate(zip(shown, points)):
        yield position, _found(properties, given)


def _found(properties: Mapping[str, str], given: Given) -> Finding:
    """The finding of a unit, with what systemd does not know of its process."""
    found = judge(properties, given["unit"], given["state"])
    process = int(properties.get("MainPID") or 0)
    if found.status != OK or not process:
        return found
    try:
        stopped = process_table.remains_stopped(process)
    except RunbookError as exc:
        message = f"{found.message}: but whether its main process {process} is stopped is not determined: {exc}"
        return replace(found, status=UNKNOWN, message=message, faults=(exc.fault,) if exc.fault else ())
    if not stopped:
        return found
    # For systemd it runs, and its port accepts connections: the kernel does that.
    message = f"{found.message}: but its main process {process} is stopped by a signal (SIGCONT lets it go on)"
    return replace(found, status=CRITICAL, message=message)


def judge(properties: Mapping[str, str], unit: str, state: str) -> Finding:
    """Judge a unit by its properties, and distinguish the ways of not being there."""
    load = properties.get("LoadState", "")
    if load != "loaded":
        why = f"{unit} {systemd.NOT_LOADED.get(load, f'cannot be loaded: {load}')}"
        return Finding("state", CRITICAL, why, faults=systemd.down(unit))
    status, comment = _meaning(properties["ActiveState"], properties.get("SubState", ""), state)
    return Finding("state", status, f"{_facts(properties)}{comment}", faults=systemd.down(unit))


def _meaning(active: str, sub: str, state: str) -> tuple[str, str]:
    """The status that a state means, and what an operator should know about it."""
    if active in systemd.WORKING:
        if sub == "exited" and state == RUNNING:
            return CRITICAL, ": it has no process; name the unit that does the work, or set state to active"
        return OK, ""
    if active in systemd.STARTING:
        if sub.startswith("auto-restart"):
            return CRITICAL, ": it ended and waits to be started again"
        return WARNING, ": still starting"
    if active in systemd.STOPPED:
        return CRITICAL, ""
    return UNKNOWN, ": a state that is not known here"


def _facts(properties: Mapping[str, str]) -> str:
    """State, result, how long and how often, as far as systemd knows."""
    facts = [f"{properties.get('ActiveState')} ({properties.get('SubState')})"]
    if properties.get("StateChangeTimestamp"):
        facts.append(f"since {properties['StateChangeTimestamp']}")
    if properties.get("Result"):
        facts.append(f"result {properties['Result']}")
    if properties.get("NRestarts"):
        facts.append(f"{properties['NRestarts']} automatic restarts")
    return ", ".join(facts)


KIND = Kind(
    name="unit",
    summary="A systemd unit is running.",
    topic="health",
    options=OPTIONS,
    expected=lambda _given: ("state",),
    run=run,
    target=lambda given: str(given.get("unit", "")),
    check=check,
    run_all=run_all,
    local=True,
)
