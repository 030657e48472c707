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
    """Ask for one sample, which takes the engine two seconds."""
    timeout = given["timeout"]
    selection = Selection.of(given)
    running = [row["ID"] for row in docker.containers(selection, timeout=timeout, running=True)]
    if not running:
        raise RunbookError(f"no container of {selection} runs", fault=Fault(ABSENT, ((PROBE, ""),)))
    rows = docker.rows(["stats", "--no-stream", "--no-trunc", *running], timeout=timeout)
    yield judge_cpu(rows, given, os.cpu_count() or 1)
    yield judge_memory(rows, given)


def percentage(text: object) -> float | None:
    """A percentage as docker prints it; ``None`` for the ``--`` that stands where there is no figure."""
    found = re.fullmatch(r"([0-9.]+)%", str(text).strip())
    return float(found[1]) if found else None


def judge_cpu(rows: Sequence[Row], given: Given, processors: int) -> Finding:
    """Judge the busiest container by its share of all processors: docker counts each of them as 100 %."""
    figures = [(value, row) for row in rows if (value := percentage(row.get("CPUPerc"))) is not None and _measured(row)]
    if not figures:
        return _no_figures("cpu", rows)
    share = round(max(value for value, _row in figures) / processors, 1)
    return Finding.measured(
        "cpu",
        f"{_busiest(figures)}; the busiest has {share:g} % of {processors} processors{_left_out(rows, figures)}",
        value=share,
        unit="%",
        limits=limits(OPTIONS, given, "cpu_"),
    )


def judge_memory(rows: Sequence[Row], given: Given) -> Finding:
    """Judge the container that is nearest to its limit."""
    figures = [(value, row) for row in rows if (value := percentage(row.get("MemPerc"))) is not None and _measured(row)]
    if not figures:
        return _no_figures("memory", rows)
    return Finding.measured(
        "memory",
        f"{_busiest(figures, 'MemUsage')}{_left_out(rows, figures)}",
        value=max(value for value, _row in figures),
        unit="%",
        limits=limits(OPTIONS, given, "memory_"),
    )


def _measured(row: Row) -> bool:
    """Whether the engine could read the control group: one that it cannot is all noughts, its limit too."""
    limit = str(row.get("MemUsage", "")).rpartition("/")[2].strip()
    return bool(re.match(r"[0-9.]*[1-9]", limit))


def _busiest(figures: list[tuple[float, Row]], more: str = "") -> str:
    """The containers with the highest figures first."""
    ordered = sorted(figures, key=lambda figure: (-figure[0], str(figure[1].get("Name"))))
    named = [f"{row.get('Name')} {value:g} %{f' ({row.get(more)})' if more else ''}" for value, row in ordered[:NAMED]]
    return ", ".join(named) + (f" and {len(ordered) - NAMED} more" if len(ordered) > NAMED else "")


def _left_out(rows: Sequence[Row], figures: list[tuple[float, Row]]) -> str:
    without = len(rows) - len(figures)
    return f"; no figures of {without} more" if without else ""


def _no_figures(aspect: str, rows: Sequence[Row]) -> Finding:
    names = ", ".join(sorted(str(row.get("Name")) for row in rows)[:NAMED]) or "any container"
    return Finding(aspect, UNKNOWN, f"the engine gives no figures of {names}: it cannot read their control groups")


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
