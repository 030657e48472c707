# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kind ``memory``: the host has memory left."""

from __future__ import annotations

from collections.abc import Iterator

from ..._clients import proc
from ..._core.checks import Finding
from ..._core.options import PERCENT, Given, Option, Options, limits
from ..._core.text import size
from ..kind import Kind

OPTIONS: Options = {
    "warning": Option(
        "float",
        "Warn above this percentage of memory.",
        default=85.0,
        source="the runbook (memory > 85 %)",
        within=PERCENT,
    ),
    "critical": Option("float", "Fail above this percentage of memory.", default=95.0, source="ours", within=PERCENT),
}


def run(given: Given) -> Iterator[Finding]:
    """Ask the kernel."""
    yield judge(proc.read("meminfo"), given)


def judge(meminfo: str, given: Given) -> Finding:
    """Judge what programs could not have without swapping: the page cache counts as free."""
    total, available = proc.memory_sizes(meminfo, "MemTotal", "MemAvailable")
    percent = round(100 * (total - available) / total, 1)
    return Finding.measured(
        "used",
        f"{size(total - available)} of {size(total)} used ({percent:g} %), {size(available)} available",
        value=percent,
        unit="%",
        limits=limits(OPTIONS, given),
    )


KIND = Kind(
    name="memory",
    summary="The host has memory left.",
    topic="capacity",
    options=OPTIONS,
    expected=lambda _given: ("used",),
    run=run,
    target=lambda _given: "memory",
    local=True,
)
