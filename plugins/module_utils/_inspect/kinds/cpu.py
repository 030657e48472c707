# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kind ``cpu``: the processors of the host have time left."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from ..._clients import proc
from ..._core.checks import Finding
from ..._core.errors import RunbookError
from ..._core.options import PERCENT, Given, Option, Options, limits
from ..._core.shared_options import SAMPLE_SECONDS
from ..kind import Kind

OPTIONS: Options = {
    "warning": Option(
        "float", "Warn above this percentage of time.", default=80.0, source="the runbook (CPU > 80 %)", within=PERCENT
    ),
    "critical": Option("float", "Fail above this percentage of time.", default=95.0, source="ours", within=PERCENT),
    "sample_seconds": SAMPLE_SECONDS,
}


def run(given: Given) -> Iterator[Finding]:
    """Compare the kernel's counters at both ends of the sample."""
    before = proc.read("stat")
    time.sleep(given["sample_seconds"])
    percent = busy(before, proc.read("stat"))
    load = " ".join(f"{average:.2f}" for average in os.getloadavg())
    yield Finding.measured(
        "used",
        f"{percent:g} % busy over {given['sample_seconds']:g} s on {os.cpu_count()} processors, load average {load}",
        value=percent,
        unit="%",
        limits=limits(OPTIONS, given),
    )


def busy(before: str, after: str) -> float:
    """The percentage of time between two readings of ``/proc/stat`` that the processors did not wait."""
    spent = [end - begin for begin, end in zip(proc.processor_times(before), proc.processor_times(after))]
    total = sum(spent)
    if total <= 0:
        raise RunbookError("the kernel counted no processor time during the sample")
    _user, _nice, _system, idle, waiting = spent[:5]
    return round(100 * (total - idle - waiting) / total, 1)


KIND = Kind(
    name="cpu",
    summary="The processors of the host have time left.",
    topic="capacity",
    options=OPTIONS,
    expected=lambda _given: ("used",),
    run=run,
    target=lambda _given: "cpu",
    local=True,
)
