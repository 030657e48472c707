# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kind ``disk``: a file system has space and inodes left."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ..._core.about import MOUNT, Fault
from ..._core.checks import NOT_APPLICABLE, Finding
from ..._core.errors import RunbookError
from ..._core.options import Given, Option, Options, limits
from ..._core.text import size
from ..kind import Kind

OPTIONS: Options = {
    "path": Option("path", "Any path of the file system.", required=True),
    "warning": Option("float", "Warn above this percentage of space.", default=80.0, source="ours"),
    "critical": Option("float", "Fail above this percentage of space.", default=90.0, source="ours"),
    "inodes_warning": Option("float", "Warn above this percentage of inodes.", default=80.0, source="ours"),
    "inodes_critical": Option("float", "Fail above this percentage of inodes.", default=90.0, source="ours"),
}


def run(given: Given) -> Iterator[Finding]:
    """Ask the kernel once; a dead network file system may keep it waiting for ever, the deadline ends that."""
    path = given["path"]
    try:
        usage = os.statvfs(path)
        mount = mount_point(path)
    except OSError as exc:
        raise RunbookError(f"{path}: {exc.strerror}") from exc
    yield space(mount, usage, given)
    yield inodes(mount, usage, given)


def mount_point(path: str) -> str:
    """Where the file system is mounted that a path is on."""
    place = Path(path).resolve()
    while not place.is_mount():
        place = place.parent
    return str(place)


def space(mount: str, usage: os.statvfs_result, given: Given) -> Finding:
    """Judge the space as ``df`` does: what is kept for root counts neither as used nor as free."""
    used = usage.f_blocks - usage.f_bfree
    if not used + usage.f_bavail:
        return Finding("space", NOT_APPLICABLE, f"the file system on {mount} has no size")
    percent = round(100 * used / (used + usage.f_bavail), 1)
    total, taken = (size(blocks * usage.f_frsize) for blocks in (usage.f_blocks, used))
    return Finding.measured(
        "space",
        f"{taken} of {total} used on {mount} ({percent:g} %)",
        value=percent,
        unit="%",
        limits=limits(OPTIONS, given),
        faults=(Fault.stated("space", (MOUNT, mount)),),
    )


def inodes(mount: str, usage: os.statvfs_result, given: Given) -> Finding:
    """Judge the inodes, where the file system counts them."""
    if not usage.f_files:
        return Finding("inodes", NOT_APPLICABLE, f"the file system on {mount} does not count inodes")
    used = usage.f_files - usage.f_ffree
    percent = round(100 * used / ((used + usage.f_favail) or 1), 1)
    return Finding.measured(
        "inodes",
        f"{used} of {usage.f_files} inodes used on {mount} ({percent:g} %)",
        value=percent,
        unit="%",
        limits=limits(OPTIONS, given, "inodes_"),
        faults=(Fault.stated("inodes", (MOUNT, mount)),),
    )


KIND = Kind(
    name="disk",
    summary="A file system has space and inodes left.",
    topic="capacity",
    options=OPTIONS,
    expected=lambda _given: ("space", "inodes"),
    run=run,
    target=lambda given: str(given.get("path", "")),
    local=True,
)
