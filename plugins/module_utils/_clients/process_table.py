# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The processes of the host, from /proc: no driver, no ``ps``, and nothing of their command lines is shown."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass

from .._core.about import MOUNT, UNSEEN, Fault
from .._core.errors import RunbookError
from .._core.text import lines
from . import proc

ZOMBIE, STOPPED = "Z", "T"

#: How often, and how many seconds apart, a process has to be seen stopped.
_SAMPLES, _PAUSE = 6, 0.1

#: Positions in ``/proc/PID/stat`` behind the name, which may hold anything.
_STATE, _PARENT, _USER_TIME, _SYSTEM_TIME, _STARTED, _RESIDENT = 0, 1, 11, 12, 19, 21


@dataclass(frozen=True)
class Process:
    """One process; ``ticks`` is the processor time that it has had, ``resident`` its memory in bytes."""

    pid: int
    name: str
    state: str
    parent: int
    ticks: int
    started: int
    resident: int

    @property
    def identity(self) -> tuple[int, int]:
        """What no later process shares; a number alone is given again."""
        return (self.pid, self.started)


#: The right to see any process (CAP_SYS_PTRACE), as a bit of the effective rights.
_SEES_ANY = 1 << 19

#: Values of hidepid that hide nothing, and those for which the kernel makes no exception for a group.
_HIDE_NOTHING, _EXEMPT_NO_GROUP = ("0", "off"), ("4", "ptraceable")

#: The group that is exempt where /proc was mounted without one of its own: the kernel's default is that of root.
_EXEMPT_GROUP = "0"


def read() -> list[Process]:
    """Every process of the host.

    Raises `RunbookError` where the kernel shows this user only some of them: what is not seen cannot be judged.
    """
    _require_all()
    return [parse(text) for text in _texts()]


def _require_all() -> None:
    hidden = hides(proc.read("self/mountinfo"), proc.read("self/status"))
    if hidden:
        message = f"/proc is mounted with {hidden}, so this user sees only its own processes; inspect as root"
        raise RunbookError(message, fault=Fault(UNSEEN, ((MOUNT, str(proc.PROC)),)))


def hides(mountinfo: str, status: str) -> str:
    """The option of /proc that hides the processes of others from a process of this status, or nothing.

    The kernel makes exceptions for a process that may see any other, and mostly for a group (``has_pid_permissions`` in
    fs/proc/base.c).
    """
    mounts = [line.split(" - ", 1) for line in lines(mountinfo) if " /proc " in line.partition(" - ")[0]]
    words = mounts[-1][1].split()[-1].split(",") if mounts else []
    options = dict(word.partition("=")[::2] for word in words)
    hidden = options.get("hidepid", "off")
    if hidden in _HIDE_NOTHING:
        return ""
    fields = dict(line.split(":", 1) for line in lines(status) if ":" in line)
    groups = [*fields.get("Groups", "").split(), *fields.get("Gid", "").split()[1:2]]
    exempt = hidden not in _EXEMPT_NO_GROUP and options.get("gid", _EXEMPT_GROUP) in groups
    return "" if exempt or int(fields.get("CapEff", "0"), 16) & _SEES_ANY else f"hidepid={hidden}"


def _texts() -> Iterator[str]:
    for folder in proc.PROC.iterdir():
        if folder.name.isdecimal():
            try:
                yield proc.read(f"{folder.name}/stat")
            except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
                continue


def parse(stat: str) -> Process:
    """One process, as ``/proc/PID/stat`` has it."""
    pid, _opening, rest = stat.partition(" (")
    name, _closing, behind = rest.rpartition(") ")
    fields = behind.split()
    return Process(
        pid=int(pid),
        name=name,
        state=fields[_STATE],
        parent=int(fields[_PARENT]),
        ticks=int(fields[_USER_TIME]) + int(fields[_SYSTEM_TIME]),
        started=int(fields[_STARTED]),
        resident=int(fields[_RESIDENT]) * os.sysconf("SC_PAGE_SIZE"),
    )


def remains_stopped(pid: int) -> bool:
    """Whether a process is stopped by a signal, and not just for a while: some tools stop and wake one in turn.

    Raises `RunbookError` where the kernel hides it from this user.
    """
    for _sample in range(_SAMPLES):
        try:
            state = parse(proc.read(f"{pid}/stat")).state
        except OSError:
            _require_all()
            return False  # it ended
        if state != STOPPED:
            return False
        time.sleep(_PAUSE)
    return True


def command_line(pid: int) -> str:
    """What a process was started with, to search in and never to show; empty where it ended or may not be read."""
    try:
        return proc.read(f"{pid}/cmdline").replace("\0", " ").strip()
    except OSError:
        return ""
