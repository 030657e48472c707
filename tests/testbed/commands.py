# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run programs: argument lists only, root through sudo where needed, failures as one readable error."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence

from tests.testbed.errors import BedError

# dockerd and friends live in sbin, which is not in the PATH of an ordinary Debian user.
_SYSTEM_PATHS = ("/usr/local/sbin", "/usr/sbin", "/sbin")


def which(program: str) -> str | None:
    """Where a program is, looking in the sbin directories too."""
    return shutil.which(program, path=os.pathsep.join((os.environ.get("PATH", ""), *_SYSTEM_PATHS)))


def elevate(
    command: Sequence[str], *, uid: int | None = None, sudo: str | None = None, terminal: bool | None = None
) -> list[str]:
    """The command as root. Without a terminal sudo must not ask, or the run would wait for ever."""
    if (os.geteuid() if uid is None else uid) == 0:
        return list(command)
    ask = sys.stdin is not None and sys.stdin.isatty() if terminal is None else terminal
    return [sudo or which("sudo") or "sudo", *([] if ask else ["-n"]), *command]


def run(
    command: Sequence[str],
    *,
    data: str | None = None,
    check: bool = True,
    timeout: float | None = None,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program and keep its output; with ``check`` a failure becomes a BedError with its last line."""
    try:
        # An empty input rather than ours: a program that asks a question gets the end of file, not the terminal.
        result = subprocess.run(
            list(command),
            input=data or "",
            text=True,
            capture_output=True,
            check=False,
            timeout=timeout,
            env={**os.environ, **(environment or {})},
        )
    except FileNotFoundError as exc:
        raise BedError(f"{command[0]} is not installed") from exc
    except subprocess.TimeoutExpired as exc:
        raise BedError(f"{describe(command)} gave no answer in {timeout:.0f} s") from exc
    if check and result.returncode != 0:
        raise BedError(f"{describe(command)} ended with {result.returncode}: {last_line(result)}")
    return result


def describe(command: Sequence[str]) -> str:
    """A command short enough for an error message: the program and its first words."""
    words = [word for word in command if word not in ("sudo", "-n")]
    return " ".join(words[:4]) + (" ..." if len(words) > 4 else "")


def last_line(result: subprocess.CompletedProcess[str]) -> str:
    """The last line a failed program said, which is where most put the reason."""
    lines = (result.stderr.strip() or result.stdout.strip()).splitlines()
    return lines[-1].strip() if lines else "it said nothing"
