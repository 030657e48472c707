# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kind ``load``: work does not queue up for the processors, the memory or the disks of the host."""

from __future__ import annotations

import os
from collections.abc import Iterator

from ..._clients import proc
from ..._core.checks import NOT_APPLICABLE, Finding
from ..._core.errors import RunbookError
from ..._core.options import NOT_NEGATIVE, PERCENT, Given, Option, Options, limits
from ..kind import Kind

#: What each pressure counts: for processors, time in which some process waited; otherwise, in which every one did.
PRESSURES = {"cpu": "some", "memory": "full", "io": "full"}


def _pressure(resource: str, warning: float, critical: float) -> Options:
    waited = "some process" if PRESSURES[resource] == "some" else "every process"
    text = f"this percentage of the last minute in which {waited} waited for {resource}"
    return {
        f"{resource}_warning": Option("float", f"Warn above {text}.", default=warning, source="ours", within=PERCENT),
        f"{resource}_critical": Option("float", f"Fail above {text}.", default=critical, source="ours", within=PERCENT),
    }


OPTIONS: Options = {
    "warning": Option(
        "float",
        "Warn above this load of five minutes for each processor.",
        default=1.5,
        source="ours",
        within=NOT_NEGATIVE,
    ),
    "critical": Option(
        "float",
        "Fail above this load of five minutes for each processor.",
        default=4.0,
        source="ours",
        within=NOT_NEGATIVE,
    ),
    **_pressure("cpu", 60.0, 90.0),
    **_pressure("memory", 10.0, 40.0),
    **_pressure("io", 30.0, 70.0),
}


def run(given: Given) -> Iterator[Finding]:
    """Query the kernel."""
    yield average(os.getloadavg(), os.cpu_count() or 1, given)
    for resource in PRESSURES:
        try:
            text = proc.read(f"pressure/{resource}")
        except OSError as exc:  # no such file on kernels without it, "not supported" where it is switched off
            message = f"the kernel does not measure pressure: {exc.strerror}"
            yield Finding(f"{resource}_pressure", NOT_APPLICABLE, message)
        else:
            yield pressure(resource, text, given)


def average(averages: tuple[float, float, float], processors: int, given: Given) -> Finding:
    """Judge the middle one of the load averages, shared among the processors."""
    share = round(averages[1] / processors, 2)
    shown = " ".join(f"{average:.2f}" for average in averages)
    message = f"load average {shown}, {share:g} for each of {processors} processors over five minutes"
    return Finding.measured("average", message, value=share, unit="", limits=limits(OPTIONS, given))


def pressure(resource: str, text: str, given: Given) -> Finding:
    """Judge the last minute of a file of ``/proc/pressure``."""
    measure = PRESSURES[resource]
    shares = {}
    for line in text.splitlines():
        name, *fields = line.split()
        shares[name] = dict(field.split("=", 1) for field in fields)
    try:
        percent = float(shares[measure]["avg60"])
    except KeyError as exc:
        raise RunbookError(f"/proc/pressure/{resource} has no {exc.args[0]}") from exc
    waiting = "some process" if measure == "some" else "every process"
    message = f"{waiting} waited for {resource} during {percent:g} % of the last minute"
    limit = limits(OPTIONS, given, f"{resource}_")
    return Finding.measured(f"{resource}_pressure", message, value=percent, unit="%", limits=limit)


KIND = Kind(
    name="load",
    summary="Work does not queue up for the processors, the memory or the disks of the host.",
    topic="performance",
    options=OPTIONS,
    expected=lambda _given: ("average", *(f"{resource}_pressure" for resource in PRESSURES)),
    run=run,
    target=lambda _given: "load",
    local=True,
)
