# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A folder in which something is restored to be looked at, and everything that runs there."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from ..._core import surroundings
from ..._core.errors import RunbookError

_PREFIX = "xorb-runbook-scratch-"

#: Others pass through, to folders that belong to the user of a server; they cannot list it.
_PASSED_THROUGH = 0o711

#: Seconds that processes may take to go once they are killed.
_PATIENCE = 60


def choose(parent: str | None) -> Path:
    """The path of a new folder, which can be written down before there is one.

    ``parent`` is where there is room for it, else where temporary files go.
    """
    return Path(parent or tempfile.gettempdir()).absolute() / f"{_PREFIX}{uuid.uuid4().hex[:12]}"


def make_chosen(folder: Path) -> None:
    """Make a folder that was chosen; raises OSError where there is anything of that name."""
    folder.mkdir(mode=0o700)
    folder.chmod(_PASSED_THROUGH)


def make(parent: str | None) -> Path:
    """A new folder at once, for a caller that writes nothing down before; see `choose`."""
    folder = choose(parent)
    make_chosen(folder)
    return folder


def beside(path: Path, stamp: str) -> Path:
    """A folder that is restored beside a path, which one rename is to bring there; it is cleaned like the others."""
    return path.parent / f"{_PREFIX}{stamp}"


def is_one(folder: Path) -> bool:
    """Whether a path is that of a scratch folder: nothing else is ever cleaned."""
    return folder.is_absolute() and folder.name.startswith(_PREFIX) and ".." not in folder.parts


def clean(folder: Path) -> None:
    """End everything that works inside of a scratch folder, and remove it. Raises `RunbookError` where that fails."""
    if not is_one(folder):
        raise RunbookError(f"{folder}: is no scratch folder, and is left alone")
    _end_container(container_name(folder))
    end_processes(folder)
    _open_folders(folder)
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        raise RunbookError(f"{folder}: what was restored there cannot be removed")


def end_processes(folder: Path) -> None:
    """End every process that works in a folder; raises `RunbookError` where one cannot be ended."""
    end = time.monotonic() + _PATIENCE
    while left := list(processes(folder)):
        for process in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        if time.monotonic() > end:
            raise RunbookError(f"{folder}: processes {', '.join(map(str, left))} work there and cannot be ended")
        time.sleep(0.05)


def container_name(folder: Path) -> str:
    """What a container is called in which something is restored, for the folder of that."""
    return folder.name


def _open_folders(folder: Path) -> None:
    """Let this user into every folder: what was restored has the modes that it had, and only root needs none."""
    for parent, folders, _files in os.walk(folder):
        for name in folders:
            one = Path(parent) / name
            with contextlib.suppress(OSError):
                if not one.is_symlink():
                    one.chmod(one.stat().st_mode | 0o700)


def processes(folder: Path) -> Iterator[int]:
    """Every process whose working folder is inside: servers go to their data, and tools are started there."""
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                where = Path(str(Path(entry, "cwd").readlink()).removesuffix(" (deleted)"))
                if where == folder or folder in where.parents:
                    yield int(entry.name)


def _end_container(name: str) -> None:
    if shutil.which("docker") is None:
        return
    words = ["docker", "container", "rm", "--force", "--volumes", name]
    subprocess.run(words, env=surroundings.clean(), stdin=subprocess.DEVNULL, capture_output=True, check=False)
