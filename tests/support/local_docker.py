# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A ``docker`` whose containers are processes of this host: real servers and tools, where a test has no engine.

It knows one container of a Compose project, ``CONTAINER``, and whatever it was asked to run. A program ``systemctl``
beside it is what starts and stops that container, and a file ``mounts.json`` has what is mounted into it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

PROJECT, SERVICE, CONTAINER, IMAGE = "shop", "cache", "c0ffee", "sha256:5e7"


def install(folder: Path) -> None:
    """Put the program into a folder of ``PATH``; the numbers of its processes are kept beside it."""
    program = folder / "docker"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -S {Path(__file__).resolve()} {folder} "$@"\n')
    program.chmod(0o755)


def project(folder: Path) -> dict[str, str | None]:
    """The folder of a Compose project, and its container as an engine is given it."""
    folder.mkdir()
    (folder / "compose.yaml").write_text(f"name: {PROJECT}\nservices: {{{SERVICE}: {{image: redis}}}}\n")
    return {"project_src": str(folder), "service": SERVICE, "files": None}


def _after(words: Sequence[str], option: str) -> str:
    return words[words.index(option) + 1]


def _command(words: list[str]) -> list[str]:
    """What ``docker run`` runs, with paths of this host."""
    outside, _colon, inside = _after(words, "--volume").partition(":")
    image = words.index(IMAGE)
    return [_after(words, "--entrypoint"), *(word.replace(inside, outside) for word in words[image + 1 :])]


def _run(state: Path, words: list[str]) -> None:
    command = _command(words)
    if "--detach" not in words:
        os.execvp(command[0], command)  # noqa: S606
    folder = _after(words, "--volume").partition(":")[0]
    silent = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, cwd=folder, start_new_session=True, **silent)  # type: ignore[call-overload]
    (state / f"{_after(words, '--name')}.pid").write_text(str(process.pid))


def _inspect(state: Path, name: str) -> None:
    path = state / f"{name}.pid"
    alive = name == CONTAINER and _control(state, "show", "ActiveState=active").strip() == "ActiveState=active"
    if path.exists():
        with contextlib.suppress(OSError):
            status = Path("/proc", path.read_text(), "stat").read_text()
            alive = status.rpartition(")")[2].split()[0] != "Z"
    mounts = state / "mounts.json"
    about = {"Id": name, "Image": IMAGE, "State": {"Running": alive}}
    print(json.dumps([{**about, "Mounts": json.loads(mounts.read_text()) if mounts.exists() else []}]))


def _control(state: Path, verb: str, otherwise: str = "") -> str:
    """Start, stop or look at the container of the project, which runs all the time where nothing controls it."""
    program = state / "systemctl"
    if not program.exists():
        return otherwise
    return subprocess.run([str(program), verb], capture_output=True, text=True, check=True).stdout


def _remove(state: Path, name: str) -> None:
    path = state / f"{name}.pid"
    if path.exists():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(path.read_text()), signal.SIGKILL)
        path.unlink()


def _main(state: Path, words: list[str]) -> NoReturn:
    verb = words[0]
    if verb == "ps":
        labels = f"com.docker.compose.project={PROJECT},com.docker.compose.service={SERVICE}"
        print(json.dumps({"ID": CONTAINER, "Names": "shop-cache-1", "State": "running", "Labels": labels}))
    elif verb == "exec":
        program = words[words.index(CONTAINER) + 1 :]
        os.execvp(program[0], program)  # noqa: S606
    elif verb == "run":
        _run(state, words)
    elif verb in ("start", "stop"):
        _control(state, verb)
    elif verb == "inspect":
        _inspect(state, words[-1])
    elif words[:2] == ["container", "rm"]:
        _remove(state, words[-1])
    else:
        sys.exit(f"docker: {verb!r} is not a docker command.")
    sys.exit(0)


if __name__ == "__main__":
    _main(Path(sys.argv[1]), sys.argv[2:])
