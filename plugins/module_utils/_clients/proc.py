# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the kernel has in /proc, as numbers: texts in, plain values out."""

from __future__ import annotations

from pathlib import Path

from .._core.errors import RunbookError

PROC = Path("/proc")

#: Fields of the first line of ``/proc/stat``; the guests' time after them is part of the user's.
_TIMES = 8


def read(name: str) -> str:
    """A file of /proc; a name that no encoding fits does not end the probe."""
    return (PROC / name).read_text(encoding="utf-8", errors="replace")


def processor_times(stat: str) -> list[int]:
    """User, nice, system, idle, iowait, irq, softirq and steal of all processors, in ticks."""
    for line in stat.splitlines():
        if line.startswith("cpu "):
            return [int(count) for count in line.split()[1 : 1 + _TIMES]]
    raise RunbookError("/proc/stat has no line for all processors")


def memory_sizes(meminfo: str, *names: str) -> tuple[int, ...]:
    """Lines of ``/proc/meminfo`` in bytes."""
    fields = dict(line.split(":", 1) for line in meminfo.splitlines() if ":" in line)
    try:
        return tuple(int(fields[name].split()[0]) * 1024 for name in names)
    except KeyError as exc:
        raise RunbookError(f"/proc/meminfo has no {exc.args[0]}") from exc
