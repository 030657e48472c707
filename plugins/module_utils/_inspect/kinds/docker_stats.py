# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kind ``docker_stats``: running containers have processor time and memory left."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..._clients import docker
from ..._clients.docker import Selection
from ..._core.about import ABSENT, PROBE, PROCESS, Fault
from ..._core.checks import UNKNOWN, Finding
from ..._core.errors import RunbookError
from ..._core.options import PERCENT, Given, Option, Options, limits
from ..._core.text import some_of
from ..kind import Kind

OPTIONS: Options = {
    **docker.SELECTION_OPTIONS,
    "cpu_warning": Option(
        "float",
        "Warn above this percentage of the host's processors.",
        default=80.0,
        source="the runbook (CPU > 80 %)",
        within=PERCENT,
    ),
    "cpu_critical": Option("float", "Fail above this percentage of them.", default=95.0, source="ours", within=PERCENT),
    "memory_warning": Option(
        "float",
        "Warn above this percentage of the container's limit, or of the host's memory where it has none.",
        default=85.0,
        source="the runbook (memory > 85 %)",
        within=PERCENT,
    ),
    "memory_critical": Option(
        "float", "Fail above this percentage of it.", default=95.0, source="ours", within=PERCENT
    ),
}

#: So many containers are named in a message.
NAMED = 5

Row = Mapping[str, Any]


def check(given: Given) -> Iterator[tuple[str, str]]:
    """Without a selection, every container of the host is meant."""
    yield from docker.selection_problems(given, required=False)


def run(given: Given) -> Iterator[Finding]:
    """Request one sample, which takes the engine two seconds."""
    timeout = given["timeout"]
    selection = Selection.of(given)
    running = [row["ID"] for row in docker.containers(selection, timeout=timeout, running=True)]
    if not running:
        raise RunbookError(f"no container of {selection} runs", fault=Fault(ABSENT, ((PROBE, ""),)))
    rows = docker.rows(["stats", "--no-stream", "--no-trunc", *running], timeout=timeout)
    yield judge_cpu(rows, given, os.cpu_count() or 1)
    yield judge_memory(rows, given)


def percentage(text: object) -> float | None:
    """A percentage as docker prints it; ``None`` for the ``--`` that stands where it has measured nothing."""
    found = re.fullmatch(r"([0-9.]+)%", str(text).strip())
    return float(found[1]) if found else None


def judge_cpu(rows: Sequence[Row], given: Given, processors: int) -> Finding:
    """Judge the busiest container by its share of all processors: docker counts each of them as 100 %."""
    shares = [(value, row) for row in rows if (value := percentage(row.get("CPUPerc"))) is not None and _measured(row)]
    if not shares:
        return _unmeasured("cpu", rows)
    share = round(max(value for value, _row in shares) / processors, 1)
    return Finding.measured(
        "cpu",
        f"{_busiest(shares)}; the busiest has {share:g} % of {processors} processors{_left_out(rows, shares)}",
        value=share,
        unit="%",
        limits=limits(OPTIONS, given, "cpu_"),
    )


def judge_memory(rows: Sequence[Row], given: Given) -> Finding:
    """Judge the container that is nearest to its limit."""
    shares = [(value, row) for row in rows if (value := percentage(row.get("MemPerc"))) is not None and _measured(row)]
    if not shares:
        return _unmeasured("memory", rows)
    return Finding.measured(
        "memory",
        f"{_busiest(shares, 'MemUsage')}{_left_out(rows, shares)}",
        value=max(value for value, _row in shares),
        unit="%",
        limits=limits(OPTIONS, given, "memory_"),
    )


def _measured(row: Row) -> bool:
    """Whether the engine could read the control group: one that it cannot is all noughts, its limit too."""
    limit = str(row.get("MemUsage", "")).rpartition("/")[2].strip()
    return bool(re.match(r"[0-9.]*[1-9]", limit))


def _busiest(shares: list[tuple[float, Row]], more: str = "") -> str:
    """The containers with the highest shares first."""
    ordered = sorted(shares, key=lambda share: (-share[0], str(share[1].get("Name"))))
    named = (f"{row.get('Name')} {value:g} %{f' ({row.get(more)})' if more else ''}" for value, row in ordered)
    return some_of(named, NAMED)


def _left_out(rows: Sequence[Row], shares: list[tuple[float, Row]]) -> str:
    unmeasured = len(rows) - len(shares)
    return f"; no measurement of {unmeasured} more" if unmeasured else ""


def _unmeasured(aspect: str, rows: Sequence[Row]) -> Finding:
    names = ", ".join(sorted(str(row.get("Name")) for row in rows)[:NAMED]) or "any container"
    return Finding(aspect, UNKNOWN, f"the engine has no measurement of {names}: it cannot read their control groups")


def _target(given: Given) -> str:
    return str(given.get("container") or given.get("project") or given.get("project_src") or "containers")


KIND = Kind(
    name="docker_stats",
    summary="Running containers have processor time and memory left.",
    topic="performance",
    options=OPTIONS,
    expected=lambda _given: ("cpu", "memory"),
    run=run,
    target=_target,
    check=check,
    local=True,
    explained_by=frozenset({PROCESS}),
)
