# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kind ``disk``: a file system is mounted, can be written, and has space and inodes left."""

from __future__ import annotations

import os
from collections.abc import Iterator

from ..._clients import mounts
from ..._core.about import MOUNT, Fault
from ..._core.checks import CRITICAL, NOT_APPLICABLE, OK, UNKNOWN, Finding
from ..._core.errors import RunbookError
from ..._core.options import PERCENT, Given, Option, Options, limits
from ..._core.text import size
from ..kind import Kind

OPTIONS: Options = {
    "path": Option("path", "Any path of the file system.", required=True),
    "mounted": Option(
        "bool",
        "Whether a file system of its own must be mounted at I(path). Without it, that is so where /etc/fstab or a "
        "mount unit of systemd has I(path) or a folder above it.",
    ),
    "read_only": Option(
        "bool",
        "Whether it is meant to be mounted read-only. Without it, that is so where /etc/fstab or the mount unit says "
        "so, and for file systems that cannot be written.",
    ),
    "warning": Option("float", "Warn above this percentage of space.", default=80.0, source="ours", within=PERCENT),
    "critical": Option("float", "Fail above this percentage of space.", default=90.0, source="ours", within=PERCENT),
    "inodes_warning": Option(
        "float", "Warn above this percentage of inodes.", default=80.0, source="ours", within=PERCENT
    ),
    "inodes_critical": Option(
        "float", "Fail above this percentage of inodes.", default=90.0, source="ours", within=PERCENT
    ),
}


def run(given: Given) -> Iterator[Finding]:
    """Query the kernel once; a dead network file system may keep it waiting for ever, the deadline ends that."""
    path = given["path"]
    try:
        usage = os.statvfs(path)
        # After the question, which lets an automounter do its work.
        mount = mounts.holding(os.path.realpath(path))
    except OSError as exc:
        raise RunbookError(f"{path}: {exc.strerror}") from exc
    resolved = os.path.realpath(path)
    try:
        meant = _meant(resolved, given)
    except RunbookError as exc:
        missing, found = None, Finding("mount", UNKNOWN, f"not determined: {exc}")
    else:
        missing = not_mounted(mount, resolved, meant, given)
        found = missing or writable(mount, meant, given)
    if missing:
        # What was measured is another file system.
        for aspect in ("space", "inodes"):
            yield Finding(aspect, UNKNOWN, f"not determined: {found.message}")
    else:
        yield space(mount.point, usage, given)
        yield inodes(mount.point, usage, given)
    yield found


def _meant(path: str, given: Given) -> mounts.Meant | None:
    """What should be mounted there, as the host itself has it; read only where the description leaves that open."""
    if given.get("mounted") is not None and given.get("read_only") is not None:
        return None
    return mounts.meant(path, timeout=given["timeout"])


def not_mounted(mount: mounts.Mount, path: str, meant: mounts.Meant | None, given: Given) -> Finding | None:
    """A finding where what should be mounted is not: everything there is about what lies above it."""
    if given.get("mounted") is None:
        wanted, source = (meant.point, meant.source) if meant else ("", "")
    else:
        wanted, source = (path if given["mounted"] else "", "the description")
    if not wanted or mounts.within(mount.point, wanted):
        return None
    message = f"{wanted} is not mounted, and {source} has it: {path} is on {mount.point} ({mount.kind})"
    return Finding("mount", CRITICAL, message, remedy=f"mount {wanted}")


def writable(mount: mounts.Mount, meant: mounts.Meant | None, given: Given) -> Finding:
    """Judge whether what is mounted can be written, where it is not meant for reading only."""
    shown = f"{mount.kind} on {mount.point}"
    if not mount.read_only:
        return Finding("mount", OK, f"{shown}, read and write")
    may = given.get("read_only")
    if may is None:
        may = mount.never_written or (meant is not None and meant.read_only and meant.point == mount.point)
    if may:
        return Finding("mount", OK, f"{shown}, read-only as it should be")
    return Finding("mount", CRITICAL, f"{shown} is read-only: nothing can be written", remedy="dmesg, then fsck")


def space(mount: str, usage: os.statvfs_result, given: Given) -> Finding:
    """Judge the space as ``df`` does: what is kept for root counts neither as used nor as free."""
    used = usage.f_blocks - usage.f_bfree
    if not used + usage.f_bavail:
        return Finding("space", NOT_APPLICABLE, f"the file system on {mount} has no size")
    percent = round(100 * used / (used + usage.f_bavail), 1)
    total, occupied = (size(blocks * usage.f_frsize) for blocks in (usage.f_blocks, used))
    return Finding.measured(
        "space",
        f"{occupied} of {total} used on {mount} ({percent:g} %)",
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
    summary="A file system is mounted, can be written, and has space and inodes left.",
    topic="capacity",
    options=OPTIONS,
    expected=lambda _given: ("space", "inodes", "mount"),
    run=run,
    target=lambda given: str(given.get("path", "")),
    local=True,
)
