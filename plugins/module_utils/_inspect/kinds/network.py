# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kind ``network``: the interfaces of the host lose nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from ..._clients import proc
from ..._core.checks import Finding
from ..._core.errors import RunbookError
from ..._core.options import NOT_NEGATIVE, Given, Option, Options, limits
from ..._core.shared_options import SAMPLE_SECONDS
from ..._core.text import lines
from ..kind import Kind

OPTIONS: Options = {
    "interfaces": Option(
        "list",
        "Interfaces to inspect, as shell patterns. Without it, all but the loopback.",
        elements="str",
        filled=True,
    ),
    "errors_warning": Option(
        "float", "Warn above this many errors a second.", default=0.0, source="ours", within=NOT_NEGATIVE
    ),
    "errors_critical": Option(
        "float", "Fail above this many errors a second.", default=10.0, source="ours", within=NOT_NEGATIVE
    ),
    "drops_warning": Option(
        "float", "Warn above this many dropped packets a second.", default=10.0, source="ours", within=NOT_NEGATIVE
    ),
    "drops_critical": Option(
        "float", "Fail above this many dropped packets a second.", default=100.0, source="ours", within=NOT_NEGATIVE
    ),
    "sample_seconds": SAMPLE_SECONDS,
}

#: Where ``/proc/net/dev`` has errors and drops, of what comes in and of what goes out.
COLUMNS = {"errors": (2, 10), "drops": (3, 11)}


@dataclass(frozen=True)
class Losses:
    """What one interface lost since the host started."""

    errors: int
    drops: int


def run(given: Given) -> Iterator[Finding]:
    """Compare the kernel's counters at both ends of the sample."""
    before = losses(proc.read("net/dev"), given.get("interfaces"))
    time.sleep(given["sample_seconds"])
    after = losses(proc.read("net/dev"), given.get("interfaces"))
    for aspect in COLUMNS:
        yield judge(aspect, before, after, given)


def losses(text: str, interfaces: list[str] | None) -> dict[str, Losses]:
    """The counters of the chosen interfaces by name."""
    found = {}
    for line in lines(text):
        name, colon, counters = line.partition(":")
        if colon and _chosen(name.strip(), interfaces):
            fields = [int(counter) for counter in counters.split()]
            found[name.strip()] = Losses(**{key: sum(fields[at] for at in columns) for key, columns in COLUMNS.items()})
    if not found:
        wanted = f" of the name {', '.join(interfaces)}" if interfaces else " but the loopback"
        raise RunbookError(f"the host has no interface{wanted}")
    return found


def _chosen(name: str, interfaces: list[str] | None) -> bool:
    return name != "lo" if interfaces is None else any(fnmatchcase(name, pattern) for pattern in interfaces)


def judge(aspect: str, before: Mapping[str, Losses], after: Mapping[str, Losses], given: Given) -> Finding:
    """Judge what the worst interface lost; one that came or went in between has no rate."""
    lost = {name: getattr(after[name], aspect) - getattr(before[name], aspect) for name in before if name in after}
    if not lost:
        raise RunbookError("no interface was there during the whole sample")
    worst = max(lost, key=lambda name: (lost[name], getattr(after[name], aspect)))
    seconds = given["sample_seconds"]
    message = (
        f"{lost[worst]} {aspect} on {worst} within {seconds:g} s"
        f" ({getattr(after[worst], aspect)} since it is there; {len(lost)} interfaces)"
    )
    limit = limits(OPTIONS, given, f"{aspect}_")
    return Finding.measured(aspect, message, value=round(lost[worst] / seconds, 1), unit="/s", limits=limit)


KIND = Kind(
    name="network",
    summary="The interfaces of the host lose nothing.",
    topic="performance",
    options=OPTIONS,
    expected=lambda _given: tuple(COLUMNS),
    run=run,
    target=lambda _given: "network",
    local=True,
)
