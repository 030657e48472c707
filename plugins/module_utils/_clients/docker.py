# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Query the Docker engine of this host through its command line, structured output only."""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._core.about import DOWN, UNIT, Fault
from .._core.errors import RunbookError
from .._core.options import Given, Option, Options
from .._core.text import excerpt, lines
from . import commands

PROJECT, SERVICE, ONE_OFF = "com.docker.compose.project", "com.docker.compose.service", "com.docker.compose.oneoff"

#: The engine is the same thing as its unit, where a check inspects that.
ENGINE_DOWN = Fault(DOWN, ((UNIT, "docker.service"),))

#: The files that Compose reads in a folder, in its order.
COMPOSE_FILES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")

#: Which containers a kind is about.
SELECTION_OPTIONS: Options = {
    "project": Option("str", "Name of the Compose project, where it does not follow from I(project_src)."),
    "project_src": Option("path", "Folder of the Compose project. The name of the project is derived as Compose does."),
    "files": Option("list", "Compose files, where they have other names.", elements="str", filled=True),
    "compose_service": Option("str", "Name of the service in the Compose file; without it, the whole project."),
    "container": Option("str", "Name of one container, instead of a project."),
}


def selection_problems(given: Given, *, required: bool) -> Iterator[tuple[str, str]]:
    """Faults in the options that select containers."""
    of_project = [key for key in ("project", "project_src") if given.get(key)]
    if given.get("container"):
        if of_project or given.get("compose_service"):
            yield "container", "is given together with a Compose project; one of them says which container is meant"
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", str(given["container"])):
            yield "container", f"expected the name of one container, got {given['container']!r}"
    elif not of_project and (required or given.get("compose_service")):
        yield "project_src", "missing; expected the folder of a Compose project, its name as project, or a container"


@dataclass(frozen=True)
class Selection:
    """Some containers of this host: one by its name, or those of a Compose project or of one of its services."""

    project: str = ""
    service: str = ""
    container: str = ""

    @classmethod
    def of(cls, given: Given) -> Selection:
        """The selection that options make; reads the Compose files where only they have the project's name."""
        if given.get("container"):
            return cls(container=given["container"])
        if not given.get("project") and not given.get("project_src"):
            return cls()
        project = given.get("project") or project_name(
            Path(given["project_src"]), given.get("files") or (), timeout=given["timeout"]
        )
        return cls(project=project, service=given.get("compose_service") or "")

    def __str__(self) -> str:
        if self.container:
            return f"container {self.container}"
        if self.service:
            return f"service {self.service} of the Compose project {self.project}"
        return f"the Compose project {self.project}" if self.project else "this host"

    @property
    def filters(self) -> list[str]:
        """The selection in the words of ``docker ps``."""
        if self.container:
            return ["--filter", f"name=^/?{re.escape(self.container)}$"]
        labels = {PROJECT: self.project, SERVICE: self.service}
        return [word for label, value in labels.items() if value for word in ("--filter", f"label={label}={value}")]


def rows(words: list[str], *, timeout: float) -> list[dict[str, Any]]:
    """What a command prints as one JSON object a line.

    ``--format json`` would be shorter, but Docker before 23 takes it for a template and prints the word.
    """
    outcome = _query([*words, "--format", "{{json .}}"], timeout=timeout)
    return [_parsed(line) for line in lines(outcome.stdout) if line.strip()]


def containers(selection: Selection, *, timeout: float, running: bool = False) -> list[dict[str, Any]]:
    """The rows of ``docker ps`` of some containers, of stopped ones too; those of ``compose run`` do not count."""
    words = ["ps", "--no-trunc", *([] if running else ["--all"]), *selection.filters]
    found = rows(words, timeout=timeout)
    one_off = re.compile(rf"(^|,){re.escape(ONE_OFF)}=True(,|$)")
    return [row for row in found if not one_off.search(str(row.get("Labels", "")))]


def inspect(sort: str, names: list[str], *, timeout: float) -> list[dict[str, Any]]:
    """The details of some containers or images; what has gone meanwhile is left out."""
    outcome = commands.run(["docker", "inspect", f"--type={sort}", "--", *names], timeout=timeout)
    try:
        details: list[dict[str, Any]] = json.loads(outcome.stdout)
    except ValueError as exc:
        raise _no_answer(outcome) from exc
    if outcome.status != 0:
        # What has gone and an engine that has gone are the same here: an empty list.
        _query(["version", "--format", "{{json .Server.Version}}"], timeout=timeout)
    return details


def _query(words: list[str], *, timeout: float) -> commands.Outcome:
    outcome = commands.run(["docker", *words], timeout=timeout)
    if outcome.status != 0:
        raise _no_answer(outcome)
    return outcome


def _no_answer(outcome: commands.Outcome) -> RunbookError:
    why = f"the Docker engine does not answer: {excerpt(outcome.stderr or outcome.stdout, 200)}"
    return RunbookError(why, fault=ENGINE_DOWN)


def _parsed(line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as exc:
        raise RunbookError(f"docker printed what is no JSON: {excerpt(line)}") from exc
    if not isinstance(row, Mapping):
        raise RunbookError(f"docker printed what is no JSON object: {excerpt(line)}")
    return dict(row)


def project_name(folder: Path, files: tuple[str, ...] | list[str] = (), *, timeout: float = 5.0) -> str:
    """The name that Compose gives to the project of a folder: a query to Compose, once for all probes of the project.

    Where there is no Compose, it is read as Compose would: from ``.env``, from the files, else from the folder. Raises
    `RunbookError` where it cannot be known, rather than inspect a project that does not exist.
    """
    key = (str(folder), tuple(files))
    with _naming:
        if key not in _names:
            _names[key] = _name_of_compose(folder, files, timeout) or _read_name(folder, files)
        return _names[key]


_naming = threading.Lock()
_names: dict[tuple[str, tuple[str, ...]], str] = {}

#: How docker says that it has no such command.
_NO_COMPOSE = re.compile(r"is not a docker command|unknown (?:command|flag|shorthand flag)")


def _name_of_compose(folder: Path, files: tuple[str, ...] | list[str], timeout: float) -> str:
    """The name that Compose itself gives; nothing where it is not there."""
    if shutil.which("docker") is None:
        return ""
    chosen = [word for name in files for word in ("--file", str(folder / name))]
    words = ["docker", "compose", "--project-directory", str(folder), *chosen, "config", "--format", "json"]
    outcome = commands.run(words, timeout=timeout)
    if outcome.status == 0:
        return str(_parsed(outcome.stdout).get("name") or "")
    if _NO_COMPOSE.search(outcome.stderr):
        return ""
    why = excerpt(lines(outcome.stderr.strip())[-1], 200)
    raise RunbookError(f"Compose cannot read the project in {folder}: {why}; give its name as project")


def _read_name(folder: Path, files: tuple[str, ...] | list[str]) -> str:
    texts = [_text(path) for path in _compose_files(folder, files)]
    named = _of_environment(folder, "COMPOSE_PROJECT_NAME") or next(
        filter(None, map(_top_level_name, reversed(texts))), ""
    )
    if "$" in named:
        raise RunbookError(
            f"the project in {folder} is named by a variable ({excerpt(named)}): give its name as project"
        )
    # Compose drops what it does not allow in a name. The folder is what it is called here, wherever a link leads.
    return named or re.sub(r"[^a-z0-9_-]", "", folder.absolute().name.lower()).lstrip("_-")


def _compose_files(folder: Path, files: tuple[str, ...] | list[str]) -> list[Path]:
    listed = _of_environment(folder, "COMPOSE_FILE")
    if not files and listed:
        files = listed.split(_of_environment(folder, "COMPOSE_PATH_SEPARATOR") or os.pathsep)
    if files:
        return [folder / name for name in files]
    found = [folder / name for name in COMPOSE_FILES if (folder / name).exists()]
    if not found:
        raise RunbookError(f"{folder} has no Compose file: give files, or the name of the project as project")
    overrides = [folder / name for name in _overrides() if (folder / name).exists()]
    return [*found[:1], *overrides[:1]]


def _overrides() -> Iterator[str]:
    """What Compose lays over its file by itself, in its order."""
    for name in COMPOSE_FILES:
        stem, _dot, ending = name.rpartition(".")
        yield f"{stem}.override.{ending}"


def _text(path: Path) -> str:
    try:
        # Editors of Windows put a mark in front, which Compose skips.
        return path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as exc:
        raise RunbookError(f"{path}: {exc.strerror}") from exc


def _top_level_name(text: str) -> str:
    """The value of the key ``name`` at the top of a Compose file. Hosts have no YAML parser for it."""
    found = re.search(
        r"""^(?:name|"name"|'name')[ \t]*:[ \t]*(?:"([^"\n]*)"|'([^'\n]*)'|([^\s#][^\n]*?))""" + _END,
        text,
        re.MULTILINE,
    )
    return "" if found is None else found[1] or found[2] or found[3] or ""


def _of_environment(folder: Path, name: str) -> str:
    """The value of a variable in ``.env``."""
    path = folder / ".env"
    if not path.exists():
        return ""
    pattern = rf"""^[ \t]*(?:export[ \t]+)?{name}[ \t]*=[ \t]*(?:"([^"\n]*)"|'([^'\n]*)'|([^\s#][^\n]*?)?)""" + _END
    found = re.findall(pattern, _text(path), re.MULTILINE)
    return "".join(found[-1]) if found else ""


_END = r"[ \t]*(?:[ \t]#[^\n]*)?\r?$"
