# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A ``docker`` whose containers are this host with other programs in the path: enough for what runs inside of them.

An engine is not wherever tests run. What it does with words, users, variables and streams is the same here.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

#: A file beside the log: as long as it is there, the container does not run.
STOPPED = "stopped"

#: Options of ``docker exec`` that have a value.
_VALUED = ("--user", "--env", "--workdir")


def install(folder: Path, path: str) -> Path:
    """Put the program into a folder; ``path`` is that of its containers. Returns its log of words."""
    log, program = folder / "docker.log", folder / "docker"
    variables = f"DOCKER_LOG={log} CONTAINER_PATH={path}"
    program.write_text(f'#!/bin/sh\nexec env {variables} {sys.executable} -S {Path(__file__).resolve()} "$@"\n')
    program.chmod(0o755)
    log.touch()
    return log


def _execute(words: list[str]) -> None:
    environment = {"PATH": os.environ["CONTAINER_PATH"], "HOME": "/"}
    user = ""
    while words[0].startswith("-"):
        if words[0] not in _VALUED:
            words = words[1:]
            continue
        option, value, words = words[0], words[1], words[2:]
        if option == "--env":
            name, equals, given = value.partition("=")
            environment[name] = given if equals else os.environ[name]
        elif option == "--workdir":
            os.chdir(value)
        else:
            user = value
    program = words[1:]
    if user and os.geteuid() == 0:
        own, _colon, group = user.partition(":")
        program = ["setpriv", f"--reuid={own}", f"--regid={group}", "--clear-groups", *program]
    os.environ["PATH"] = environment["PATH"]
    os.execvpe(program[0], program, environment)  # noqa: S606 - what a test wants to run


def main(words: list[str]) -> None:
    """Answer as the engine does."""
    with Path(os.environ["DOCKER_LOG"]).open("a", encoding="utf-8") as log:
        log.write(json.dumps(words) + "\n")
    if words[0] == "exec":
        _execute(words[1:])
    elif words[0] == "ps":
        print(json.dumps({"ID": "one", "Names": "one", "Labels": "", "State": "running"}))
    elif words[0] == "inspect":
        running = not (Path(os.environ["DOCKER_LOG"]).parent / STOPPED).exists()
        print(json.dumps([{"Id": "one", "Image": "sha256:of-the-service", "State": {"Running": running}}]))
    elif words[0] == "compose":
        print(json.dumps({"name": "project"}))


if __name__ == "__main__":
    main(sys.argv[1:])
