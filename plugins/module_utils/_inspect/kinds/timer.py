# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kind ``timer``: a systemd timer is active, fired in time, and what it started went well."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone

from ..._clients import systemd
from ..._core.checks import CRITICAL, NOT_APPLICABLE, OK, UNKNOWN, Finding
from ..._core.options import NOT_NEGATIVE, Given, Option, Options, limits
from ..kind import Kind

OPTIONS: Options = {
    "unit": Option("str", "Name of the timer.", required=True),
    "warning": Option(
        "float", "Warn when it fired longer than this many hours ago.", default=26.0, source="ours", within=NOT_NEGATIVE
    ),
    "critical": Option(
        "float", "Fail when it fired longer than this many hours ago.", default=50.0, source="ours", within=NOT_NEGATIVE
    ),
}

TIMER = ("LoadState", "ActiveState", "SubState", "LastTriggerUSec", "ActiveEnterTimestamp", "Unit")
SERVICE = ("LoadState", "ActiveState", "SubState", "Result", "ExecMainStatus", "ExecMainExitTimestamp")

HOUR = timedelta(hours=1)


def check(given: Given) -> Iterator[tuple[str, str]]:
    """A timer is named in full: its service is another unit."""
    yield from systemd.name_faults("unit", given["unit"])
    if not str(given["unit"]).endswith(".timer"):
        yield "unit", f"expected the name of a timer, which ends in .timer, got {given['unit']!r}"


def run(given: Given) -> Iterator[Finding]:
    """Ask systemd for the timer, then for what it starts."""
    (timer,) = systemd.show([given["unit"]], TIMER, timeout=given["timeout"])
    found = state(timer, given["unit"])
    yield found
    if found.status != OK:
        yield Finding("fired", UNKNOWN, "not determined: the timer is not active")
    else:
        yield fired(timer, given, datetime.now(timezone.utc))
    if not timer.get("Unit"):
        yield Finding("service", UNKNOWN, "not determined: systemd does not know what the timer starts")
        return
    (service,) = systemd.show([timer["Unit"]], SERVICE, timeout=given["timeout"])
    yield succeeded(service, timer["Unit"])


def state(timer: Mapping[str, str], unit: str) -> Finding:
    """Judge whether the timer is there and will fire again."""
    load = timer.get("LoadState", "")
    if load != "loaded":
        reason = systemd.NOT_LOADED.get(load, f"cannot be loaded: {load}")
        return Finding("state", CRITICAL, f"{unit} {reason}")
    shown = f"{unit} is {timer['ActiveState']} ({timer.get('SubState')})"
    if timer["ActiveState"] not in systemd.WORKING:
        return Finding("state", CRITICAL, shown, remedy=f"systemctl enable --now {unit}")
    if timer.get("SubState") == "elapsed":
        return Finding("state", CRITICAL, f"{shown}: it will not fire again")
    return Finding("state", OK, shown)


def fired(timer: Mapping[str, str], given: Given, now: datetime) -> Finding:
    """Judge how long ago it fired; one that never did has had since its start to do so."""
    last = systemd.parse_time(timer.get("LastTriggerUSec", ""))
    since = last or systemd.parse_time(timer.get("ActiveEnterTimestamp", ""))
    if since is None:
        return Finding("fired", UNKNOWN, "systemd reports neither when the timer fired nor since when it is active")
    hours = round(max((now - since) / HOUR, 0.0), 2)
    when = f"{since:%Y-%m-%d %H:%M} UTC"
    message = f"fired {hours:g} h ago, {when}"
    if last is None:
        message = f"has not fired since it became active {hours:g} h ago, {when}"
    return Finding.measured("fired", message, value=hours, unit="h", limits=limits(OPTIONS, given))


def succeeded(service: Mapping[str, str], unit: str) -> Finding:
    """Judge the last run of what the timer starts."""
    load, result = service.get("LoadState", ""), service.get("Result", "")
    if load != "loaded":
        reason = systemd.NOT_LOADED.get(load, f"cannot be loaded: {load}")
        return Finding("service", CRITICAL, f"{unit} {reason}")
    ended = systemd.parse_time(service.get("ExecMainExitTimestamp", ""))
    if result not in systemd.WENT_WELL or service["ActiveState"] == "failed":
        status = service.get("ExecMainStatus", "unknown")
        return Finding("service", CRITICAL, f"{unit} failed: {result}, exit status {status}{_when(ended)}")
    if service["ActiveState"] in (*systemd.WORKING, *systemd.STARTING, "deactivating"):
        return Finding("service", OK, f"{unit} is running now")
    if result != "success":
        return Finding("service", OK, f"{unit} had nothing to do when it was started last ({result}){_when(ended)}")
    if ended is None:
        return Finding("service", NOT_APPLICABLE, f"{unit} has not run since the host started")
    return Finding("service", OK, f"{unit} succeeded{_when(ended)}")


def _when(time: datetime | None) -> str:
    return f", {time:%Y-%m-%d %H:%M} UTC" if time else ""


KIND = Kind(
    name="timer",
    summary="A systemd timer is active, fired in time, and what it started went well.",
    topic="health",
    options=OPTIONS,
    expected=lambda _given: ("state", "fired", "service"),
    run=run,
    target=lambda given: str(given.get("unit", "")),
    check=check,
    local=True,
)
