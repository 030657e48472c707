# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A ``docker`` that answers from a recording of a real engine, as far as the probes ask it.

Run as a program, it takes the recording from FAKE_DOCKER and notes its arguments in FAKE_DOCKER_LOG.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any, NoReturn

Recording = dict[str, Any]


def install(folder: Path, recording: Recording) -> None:
    """Put the program into a folder. It knows by itself where the rest is: it gets a clean environment."""
    program, data, log = folder / "docker", folder / "recording.json", folder / "log"
    variables = f"FAKE_DOCKER={data} FAKE_DOCKER_LOG={log}"
    program.write_text(f'#!/bin/sh\nexec env {variables} {sys.executable} -S {Path(__file__).resolve()} "$@"\n')
    program.chmod(0o755)
    data.write_text(json.dumps(recording))
    log.touch()


def only(recording: Recording, *services: str) -> Recording:
    """The recording of an engine that has the containers of these services only."""
    names = [f"/xorb-{service}-1" for service in services]
    kept = [one for one in recording["containers"] if one["Name"] in names]
    lines = [line for line in recording["ps"] if f"/{json.loads(line)['Names']}" in names]
    return {**recording, "containers": kept, "ps": lines}


def _end(answer: dict[str, Any]) -> NoReturn:
    sys.stdout.write(answer["stdout"])
    sys.stderr.write(answer["stderr"])
    sys.exit(answer["status"])


def _ps(recording: Recording, words: list[str]) -> None:
    wanted = [words[index + 1] for index, word in enumerate(words) if word == "--filter"]
    for line in recording["ps"]:
        row = json.loads(line)
        if "--all" not in words and row["State"] not in ("running", "paused", "restarting"):
            continue
        if all(_matches(row, condition) for condition in wanted):
            print(line)


def _matches(row: dict[str, str], condition: str) -> bool:
    sort, _equals, value = condition.partition("=")
    if sort == "name":
        return re.search(value, f"/{row['Names']}") is not None
    return sort == "label" and value in row["Labels"].split(",")


def _inspect(recording: Recording, sort: str, names: list[str]) -> None:
    known = recording["containers" if sort == "container" else "images"]
    found = [one for one in known for name in names if name in (one["Id"], *one.get("RepoTags", ()))]
    print(json.dumps(found))
    if len(found) < len(names):
        print("Error: No such object", file=sys.stderr)
        sys.exit(1)


def main(words: list[str]) -> None:
    """Answer one command."""
    with Path(os.environ["FAKE_DOCKER_LOG"]).open("a", encoding="utf-8") as log:
        log.write(" ".join(words) + "\n")
    recording: Recording = json.loads(Path(os.environ["FAKE_DOCKER"]).read_text(encoding="utf-8"))
    command = words[0] if words[0] != "system" else words[1]
    if command == "compose":
        _end({"stdout": "", "stderr": "docker: 'compose' is not a docker command.\n", "status": 1})
    if command in recording.get("down", ()):
        _end(recording["no_engine"][command])
    if command == "ps":
        _ps(recording, words)
    elif command == "inspect":
        _inspect(recording, words[1].partition("=")[2], words[3:])
    elif command == "version":
        print(json.dumps(recording["engine"]))
    else:
        print("\n".join(recording[command]))


if __name__ == "__main__":
    main(sys.argv[1:])
