# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kind ``docker_disk``: what Docker keeps on the disk, and how much of it could go."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..._clients import docker
from ..._core.checks import OK, UNKNOWN, Finding
from ..._core.options import NOT_NEGATIVE, Given, Option, Options, limits
from ..kind import Kind

OPTIONS: Options = {
    "reclaimable_warning": Option(
        "float", "Warn above so many GB that nothing uses.", default=20.0, source="ours", within=NOT_NEGATIVE
    ),
    "reclaimable_critical": Option("float", "Fail above so many of them.", within=NOT_NEGATIVE),
}

#: Aspect to the name that docker gives it.
SORTS = {"images": "Images", "containers": "Containers", "volumes": "Local Volumes", "build_cache": "Build Cache"}

_UNITS = {"B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "PB": 10**15}
_GB = 10**9

Row = Mapping[str, Any]


def run(given: Given) -> Iterator[Finding]:
    """Query once. The engine adds up files for this, which takes seconds where there are many containers."""
    rows = docker.rows(["system", "df"], timeout=given["timeout"])
    yield from judge({str(row.get("Type")): row for row in rows}, given)


def count(text: object) -> float | None:
    """Bytes of a size as docker prints it, in decimal units; ``None`` where it is none."""
    found = re.match(r"([0-9.]+(?:e\+?[0-9]+)?)\s*([kKMGTP]?B)", str(text).strip())
    return float(found[1]) * _UNITS[found[2]] if found else None


def judge(rows: Mapping[str, Row], given: Given) -> Iterator[Finding]:
    """Each sort of things with its size, and all that could go together."""
    total = 0.0
    unread = []
    for aspect, sort in SORTS.items():
        row = rows.get(sort, {})
        size, reclaimable = count(row.get("Size")), count(row.get("Reclaimable"))
        if size is None or reclaimable is None:
            unread.append(sort)
            yield Finding(aspect, UNKNOWN, f"docker does not report the size of {sort}")
            continue
        total += reclaimable
        yield Finding(
            aspect,
            OK,
            f"{row.get('TotalCount')} ({row.get('Active')} in use): {row['Size']}, {row['Reclaimable']} reclaimable",
            value=round(size / _GB, 3),
            unit="GB",
        )
    if unread:
        yield Finding("reclaimable", UNKNOWN, f"docker does not report the size of {' and '.join(unread)}")
        return
    value = round(total / _GB, 3)
    yield Finding.measured(
        "reclaimable",
        f"{value:g} GB are used by nothing",
        value=value,
        unit="GB",
        limits=limits(OPTIONS, given, "reclaimable_"),
        remedy="docker system prune",
    )


KIND = Kind(
    name="docker_disk",
    summary="What Docker keeps on the disk, and how much of it could go.",
    topic="capacity",
    options=OPTIONS,
    expected=lambda _given: (*SORTS, "reclaimable"),
    run=run,
    target=lambda _given: "docker",
    local=True,
)
