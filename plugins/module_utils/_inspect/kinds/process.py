# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kind ``process``: which processes have the processors and the memory, and that none has too much."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..._clients import cgroups, proc, process_table
from ..._clients.process_table import Process
from ..._core.about import ABSENT, PROBE, PROCESS, Fault
from ..._core.checks import Finding
from ..._core.errors import RunbookError
from ..._core.options import AT_LEAST_ONE, PERCENT, Given, Option, Options, limits
from ..._core.shared_options import SAMPLE_SECONDS
from ..._core.text import excerpt, size
from ..kind import Kind

OPTIONS: Options = {
    "pattern": Option(
        "str", "Regular expression: only processes are inspected whose name or command line has a match."
    ),
    "top": Option("int", "How many processes the message names.", default=5, within=AT_LEAST_ONE),
    "cpu_warning": Option(
        "float",
        "Warn when one process has more than this percentage of all processors.",
        default=80.0,
        source="ours",
        within=PERCENT,
    ),
    "cpu_critical": Option(
        "float",
        "Fail when one process has more than this percentage of all processors.",
        default=95.0,
        source="ours",
        within=PERCENT,
    ),
    "memory_warning": Option(
        "float",
        "Warn when one process has more than this percentage of the memory.",
        default=80.0,
        source="ours",
        within=PERCENT,
    ),
    "memory_critical": Option(
        "float",
        "Fail when one process has more than this percentage of the memory.",
        default=90.0,
        source="ours",
        within=PERCENT,
    ),
    "sample_seconds": SAMPLE_SECONDS,
}


@dataclass(frozen=True)
class Share:
    """What one process has of something, in percent."""

    process: Process
    percent: float


def check(given: Given) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the pattern."""
    try:
        re.compile(str(given.get("pattern") or ""))
    except re.error as exc:
        yield "pattern", f"not a regular expression: {exc}"


def run(given: Given) -> Iterator[Finding]:
    """Compare the kernel's counters at both ends of the sample."""
    before, began = process_table.read(), proc.processor_times(proc.read("stat"))
    time.sleep(given["sample_seconds"])
    after, ended = process_table.read(), proc.processor_times(proc.read("stat"))
    chosen = choose(after, given.get("pattern"))
    if not chosen:
        raise RunbookError(f"no process matches {given['pattern']}", fault=Fault(ABSENT, ((PROBE, ""),)))
    (total,) = proc.memory_sizes(proc.read("meminfo"), "MemTotal")
    yield judge("cpu", cpu_shares(before, chosen, sum(ended) - sum(began)), given)
    yield judge("memory", [Share(one, 100 * one.resident / total) for one in chosen], given)


def choose(processes: Iterable[Process], pattern: str | None) -> list[Process]:
    """The processes whose name or command line matches."""
    if not pattern:
        return list(processes)
    matches = re.compile(pattern).search
    return [one for one in processes if matches(one.name) or matches(process_table.command_line(one.pid))]


def cpu_shares(before: Iterable[Process], after: Iterable[Process], ticks: int) -> list[Share]:
    """The part of all processors' time that each process had; one that is new has had all of its time since."""
    if ticks <= 0:
        raise RunbookError("the kernel counted no processor time during the sample")
    spent = {one.identity: one.ticks for one in before}
    return [Share(one, 100 * (one.ticks - spent.get(one.identity, 0)) / ticks) for one in after]


def judge(aspect: str, shares: Iterable[Share], given: Given) -> Finding:
    """Judge the largest share, and name the largest ones with the container or unit that they belong to."""
    largest = sorted(shares, key=lambda share: (-share.percent, share.process.pid))[: given["top"]]
    message = ", ".join(_named(aspect, share) for share in largest)
    limit = limits(OPTIONS, given, f"{aspect}_")
    return Finding.measured(aspect, message, value=round(largest[0].percent, 1), unit="%", limits=limit)


def _named(aspect: str, share: Share) -> str:
    process = share.process
    owner = cgroups.owner(process.pid)
    memory = f" ({size(process.resident)})" if aspect == "memory" else ""
    whose = f" of {excerpt(owner)}" if owner else ""
    return f"{excerpt(process.name)}[{process.pid}]{whose} {share.percent:.1f} %{memory}"


KIND = Kind(
    name="process",
    summary="No process has more of the processors or the memory than it should; the largest are named.",
    topic="performance",
    options=OPTIONS,
    expected=lambda _given: ("cpu", "memory"),
    run=run,
    target=lambda _given: "processes",
    check=check,
    local=True,
    explained_by=frozenset({PROCESS}),
)
