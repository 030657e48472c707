# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Long work on a host, in a process of its own: the run that began it asks how far it has come.

A module that works for an hour shows nothing until it ends, and dies with its connection. So the work goes to a process
that outlives both. What it needs reaches it by standard input, and nothing of it touches the disk, an argument or an
environment: there are passwords in it. Its code is a copy of the archive that Ansible sent, which goes with the module.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import re
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any
from zipimport import zipimporter

from .._core import surroundings
from .._core.errors import RunbookError
from . import progress
from .inbox import Inbox
from .journal import PRIVATE
from .progress import Progress

_ID = re.compile(r"[0-9a-f]{32}\Z")

#: Seconds between two looks at what a job has written.
_STEP = 0.1

#: Seconds that a new process may take to begin, on a machine that does much besides.
_PATIENCE = 120

# The first thing that the process does: it reads what it is about, and where its code is.
_BEGIN = "import json, sys; about = json.load(sys.stdin); sys.path[:0] = about['paths']; \
import importlib; importlib.import_module(about['job']).work(about)"


@dataclass(frozen=True)
class Job:
    """Where a job stands: its ``report`` while it runs, its ``result`` when it has ended."""

    id: str
    running: bool
    report: Mapping[str, Any] = field(default_factory=dict)
    result: Mapping[str, Any] = field(default_factory=dict)


def start(state: Path, function: str, parameters: Mapping[str, Any]) -> str:
    """Begin a job and return its name.

    ``function`` is ``module:name``, of a function that takes the parameters, among them ``job``, its name, and a
    `Progress`, and returns a result that is plain data. What it raises as `RunbookError` or OSError becomes the job's
    failure.
    """
    jobs = state / "jobs"
    state.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
    jobs.mkdir(exist_ok=True, mode=PRIVATE)
    _clear(jobs)
    name = uuid.uuid4().hex
    folder = jobs / name
    folder.mkdir(mode=PRIVATE)
    about = {
        "job": __name__,
        "function": function,
        "folder": str(folder),
        "paths": _code(folder),
        "parameters": dict(parameters),
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", _BEGIN],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=surroundings.clean(),
            start_new_session=True,
        )
        pipe: Any = process.stdin
        with contextlib.suppress(BrokenPipeError), pipe:
            pipe.write(json.dumps(about).encode())
    _wait_until_locked(folder, process)
    return name


def wait(state: Path, name: str, seconds: float) -> Job:
    """Wait until a job has ended, or so many seconds. Its result is handed out once: the job is forgotten then.

    Raises `RunbookError` where there is no such job, or where it was killed.
    """
    folder = _folder(state, name)
    end = time.monotonic() + seconds
    while _runs(folder):
        if time.monotonic() >= end:
            return Job(name, running=True, report=progress.read(folder / "progress.json"))
        time.sleep(_STEP)
    try:
        result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        last = (folder / "log").read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
        result = {"failed": True, "msg": f"the process that did it was killed{': ' if last else ''}{''.join(last)}"}
    shutil.rmtree(folder)
    return Job(name, running=False, result=result)


def send(state: Path, name: str, number: int, data: bytes) -> None:
    """Send a piece to a job that takes it from its `inbox`; returns when it has.

    Raises `RunbookError` where there is no such job, or where it has ended.
    """
    folder = _folder(state, name)
    inbox(state, name).put(number, data, lambda: _runs(folder))


def inbox(state: Path, name: str) -> Inbox:
    """Where a job finds what it is sent."""
    return Inbox(state / "jobs" / name / "inbox")


def work(about: Mapping[str, Any]) -> None:
    """Do a job, in its own process: never called in that of a module."""
    surroundings.leave()
    folder = Path(about["folder"])
    # Held as long as this process lives, and not by its children.
    with (folder / "lock").open("w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        module, _colon, name = about["function"].partition(":")
        try:
            parameters = {**about["parameters"], "job": folder.name}
            result = getattr(import_module(module), name)(parameters, Progress(folder / "progress.json"))
        except RunbookError as exc:
            result = {"failed": True, "msg": str(exc), **exc.details}
        except OSError as exc:
            result = {"failed": True, "msg": f"{exc.filename or 'a file'}: {exc.strerror}"}
        beside = folder / ".result.json"
        beside.write_text(json.dumps(result), encoding="utf-8")
        beside.rename(folder / "result.json")


def _folder(state: Path, name: str) -> Path:
    folder = state / "jobs" / name
    if not _ID.match(name) or not folder.is_dir():
        raise RunbookError(f"there is no job {name!r} on this host: it has ended, and its result was handed out")
    return folder


def _code(folder: Path) -> list[str]:
    """Where the process finds this code: a copy of the archive that goes with the module, or where it lies here."""
    loader = globals().get("__loader__")
    if not isinstance(loader, zipimporter):
        return [path for path in sys.path if path]
    copy = folder / "code.zip"
    shutil.copyfile(loader.archive, copy)
    return [str(copy)]


def _runs(folder: Path) -> bool:
    """Whether the process of a job is alive: it holds a lock for as long as that."""
    with contextlib.suppress(FileNotFoundError), (folder / "lock").open("r", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _wait_until_locked(folder: Path, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _PATIENCE
    while process.poll() is None and not _runs(folder) and not (folder / "result.json").exists():
        if time.monotonic() >= end:
            process.kill()
            raise RunbookError(f"the process for long work did not begin within {_PATIENCE} s")
        time.sleep(_STEP / 10)


def _clear(jobs: Path) -> None:
    """Remove what jobs have left whose result was never asked for: the journal has what they were about."""
    for folder in jobs.iterdir():
        if not _runs(folder):
            shutil.rmtree(folder, ignore_errors=True)
