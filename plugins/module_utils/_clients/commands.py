# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Child processes of probes: each in a group of its own, none outliving the deadline."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from dataclasses import dataclass

from .._core import surroundings
from .._core.about import LATE, MISSING, PROGRAM, Fault
from .._core.errors import RunbookError

_running: dict[int, subprocess.Popen[str]] = {}
_lock = threading.Lock()


@dataclass(frozen=True)
class Outcome:
    """What a command that ended by itself printed, and its status."""

    status: int
    stdout: str
    stderr: str


def run(argv: list[str], *, timeout: float) -> Outcome:
    """Run a command without a shell and without input, in the clean environment: in the C locale and in UTC.

    Raises `RunbookError` when it cannot be started or does not end within ``timeout`` seconds; it is killed then, with
    every child that it has.
    """
    # Started under the lock, so that `kill_all` misses none that is just being started.
    with _lock:
        process = _start(argv)
        _running[process.pid] = process
    try:
        stdout, stderr = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired as exc:
        _kill(process)
        why = f"{argv[0]} did not end within {timeout:g} s and was killed"
        raise RunbookError(why, fault=Fault(LATE, ((PROGRAM, argv[0]),))) from exc
    finally:
        with _lock:
            ended_by_itself = _running.pop(process.pid, None)
    if not ended_by_itself:
        raise RunbookError(f"{argv[0]} was killed at the deadline")
    return Outcome(process.returncode, stdout, stderr)


def _start(argv: list[str]) -> subprocess.Popen[str]:
    try:
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            env=surroundings.clean(),
            start_new_session=True,
        )
    except OSError as exc:
        why = f"{argv[0]} cannot be run: {exc.strerror or exc}"
        raise RunbookError(why, fault=Fault(MISSING, ((PROGRAM, argv[0]),))) from exc


def kill_all() -> None:
    """Kill every command that is still running; in a thread that waits for one, `run` raises that."""
    with _lock:
        left = list(_running.values())
        _running.clear()
    for process in left:
        _kill(process)


def _kill(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    # A process in uninterruptible sleep cannot be waited for any longer than this.
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=1)
