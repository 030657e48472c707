# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kind ``file_age``: a file was written recently, and is not empty."""

from __future__ import annotations

import glob
import os
import time
from collections.abc import Iterator
from pathlib import Path

from ..._core.checks import CRITICAL, UNKNOWN, Finding, Limits
from ..._core.errors import RunbookError
from ..._core.options import NOT_NEGATIVE, Given, Option, Options, limits
from ..._core.text import size
from ..kind import Kind

HOUR = 3600

#: Hours by which a file may be ahead of the clock: file servers have clocks of their own.
AHEAD = 0.1

OPTIONS: Options = {
    "path": Option("path", "The file, or a shell pattern whose newest file is meant.", required=True),
    "warning": Option(
        "float", "Warn when it is older than this many hours.", default=26.0, source="ours", within=NOT_NEGATIVE
    ),
    "critical": Option(
        "float", "Fail when it is older than this many hours.", default=50.0, source="ours", within=NOT_NEGATIVE
    ),
    "min_bytes": Option("int", "Fail when it has fewer bytes than this.", default=1, within=NOT_NEGATIVE),
}


def run(given: Given) -> Iterator[Finding]:
    """Find the newest file that the path names."""
    found = newest(given["path"])
    if found is None:
        yield Finding("age", CRITICAL, f"{given['path']}: no such file")
        yield Finding("size", UNKNOWN, "not determined: there is no file")
        return
    path, status = found
    yield age(path, (time.time() - status.st_mtime) / HOUR, given)
    yield Finding.measured(
        "size",
        f"{path} has {size(status.st_size)}, at least {size(given['min_bytes'])} are expected",
        value=status.st_size,
        unit="bytes",
        limits=Limits(critical=given["min_bytes"], source="platform description", falling=True),
    )


def newest(path: str) -> tuple[str, os.stat_result] | None:
    """The file of this name, or else the newest one that it matches as a pattern."""
    names = [path] if not glob.has_magic(path) or Path(path).exists() else glob.glob(path)  # noqa: PTH207 - any path
    found = []
    for name in names:
        try:
            found.append((name, Path(name).stat()))
        except FileNotFoundError:  # a dangling link, or just removed
            continue
        except OSError as exc:
            raise RunbookError(f"{name}: {exc.strerror}") from exc
    return max(found, key=lambda one: one[1].st_mtime, default=None)


def age(path: str, hours: float, given: Given) -> Finding:
    """Judge an age; a time to come is no evidence of it."""
    hours = round(hours, 2)
    if hours < -AHEAD:
        return Finding("age", UNKNOWN, f"{path} is dated {-hours:g} h ahead of this host's clock", hours, "h")
    hours = max(hours, 0.0)
    return Finding.measured(
        "age", f"{path} was written {hours:g} h ago", value=hours, unit="h", limits=limits(OPTIONS, given)
    )


KIND = Kind(
    name="file_age",
    summary="A file was written recently, and is not empty.",
    topic="backups",
    options=OPTIONS,
    expected=lambda _given: ("age", "size"),
    run=run,
    target=lambda given: str(given.get("path", "")),
    local=True,
)
