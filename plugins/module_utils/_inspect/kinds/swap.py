# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kind ``swap``: the host does not live on its swap."""

from __future__ import annotations

import time
from collections.abc import Iterator

from ..._clients import proc
from ..._core.checks import NOT_APPLICABLE, Finding
from ..._core.errors import RunbookError
from ..._core.options import NOT_NEGATIVE, PERCENT, Given, Option, Options, limits
from ..._core.shared_options import SAMPLE_SECONDS
from ..._core.text import size
from ..kind import Kind

OPTIONS: Options = {
    "warning": Option("float", "Warn above this percentage of the swap.", default=50.0, source="ours", within=PERCENT),
    "critical": Option("float", "Fail above this percentage of the swap.", default=90.0, source="ours", within=PERCENT),
    "activity_warning": Option(
        "float", "Warn above this many pages in and out a second.", default=500.0, source="ours", within=NOT_NEGATIVE
    ),
    "activity_critical": Option(
        "float", "Fail above this many pages in and out a second.", default=5000.0, source="ours", within=NOT_NEGATIVE
    ),
    "sample_seconds": SAMPLE_SECONDS,
}

COUNTERS = ("pswpin", "pswpout")


def run(given: Given) -> Iterator[Finding]:
    """Query the kernel, and see whether pages move: memory that rests in the swap does no harm."""
    total, free = proc.memory_sizes(proc.read("meminfo"), "SwapTotal", "SwapFree")
    if not total:
        for aspect in ("used", "activity"):
            yield Finding(aspect, NOT_APPLICABLE, "the host has no swap")
        return
    yield used(total, free, given)
    before = proc.read("vmstat")
    time.sleep(given["sample_seconds"])
    yield activity(before, proc.read("vmstat"), given)


def used(total: int, free: int, given: Given) -> Finding:
    """Judge how full the swap is."""
    percent = round(100 * (total - free) / total, 1)
    message = f"{size(total - free)} of {size(total)} used ({percent:g} %)"
    return Finding.measured("used", message, value=percent, unit="%", limits=limits(OPTIONS, given))


def activity(before: str, after: str, given: Given) -> Finding:
    """Judge how many pages went in and out between two readings of ``/proc/vmstat``."""
    seconds = given["sample_seconds"]
    came, went = (end - begin for begin, end in zip(_counters(before), _counters(after)))
    rate = round((came + went) / seconds, 1)
    message = f"{came} pages in and {went} out within {seconds:g} s"
    limit = limits(OPTIONS, given, "activity_")
    return Finding.measured("activity", message, value=rate, unit="pages/s", limits=limit)


def _counters(vmstat: str) -> list[int]:
    fields = dict(line.split() for line in vmstat.splitlines() if len(line.split()) == len(COUNTERS))
    try:
        return [int(fields[name]) for name in COUNTERS]
    except KeyError as exc:
        raise RunbookError(f"/proc/vmstat has no {exc.args[0]}") from exc


KIND = Kind(
    name="swap",
    summary="The host does not live on its swap.",
    topic="capacity",
    options=OPTIONS,
    expected=lambda _given: ("used", "activity"),
    run=run,
    target=lambda _given: "swap",
    local=True,
)
