# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What many hosts on one kernel need of it: a limit that is meant for one system counts for all of them together."""

from __future__ import annotations

from pathlib import Path

from tests.testbed.commands import elevate, run
from tests.testbed.layout import STATE
from tests.testbed.progress import say

#: How many objects that watch files all processes of a user may have; systemd alone has several in each host.
LIMIT = Path("/proc/sys/fs/inotify/max_user_instances")
ENOUGH = 1024

_BEFORE = STATE / "max_user_instances"


def make_room(*, limit: Path = LIMIT, before: Path = _BEFORE) -> None:
    """Raise the limit where it is too low for a fleet, and remember what it was."""
    found = int(limit.read_text(encoding="utf-8"))
    if found >= ENOUGH:
        return
    if not before.exists():
        before.parent.mkdir(parents=True, exist_ok=True)
        before.write_text(f"{found}\n", encoding="utf-8")
    _write(limit, ENOUGH)


def put_back(*, limit: Path = LIMIT, before: Path = _BEFORE) -> None:
    """Make the limit what it was, if it was raised here."""
    if before.exists():
        _write(limit, int(before.read_text(encoding="utf-8")))
        before.unlink()


def _write(limit: Path, value: int) -> None:
    run(elevate(["tee", str(limit)]), data=f"{value}\n")
    say(f"Set {limit.name} of this machine to {value}.")
