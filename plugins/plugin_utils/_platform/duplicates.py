# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is written twice: Ansible keeps the last one alone, and the value of the first one is gone when it is read.

So the files are read once more, as they are written. Which ones those are is known of every value that Ansible read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Callable

import yaml

from .model import Problem

#: The fast reader is not part of every installation of PyYAML.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WORD = re.compile(r"[A-Za-z_]\w*")
_MERGE = "tag:yaml.org,2002:merge"
#: Folders of which Ansible reads every file, and the ends of their names.
_FOLDERS, _ENDS = ("group_vars", "host_vars"), ("", ".yml", ".yaml", ".json")

#: Reads a file as text, decrypted where it is a vault.
ReadText = Callable[[str], str]


def written_twice(variables: Mapping[str, Any], read_text: ReadText) -> Iterator[Problem]:
    """Yield what the files of some variables have twice."""
    paths = {name: _path(value) for name, value in variables.items()}
    for path in dict.fromkeys(path for value in variables.values() for path in _files(value)):
        for document in _documents(path, read_text, unless=_has_each_key_once):
            yield from _repeated(document, "", path, set())
    for folder in dict.fromkeys(Path(path).parent for path in paths.values() if path):
        if folder.parent.name in _FOLDERS:
            yield from _scattered(folder, paths, read_text)


def sources(described: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
    """What a description is made of: its own variables, and those that a template among them puts together."""
    found, following = dict(described), list(described.values())
    while following:
        template = following.pop()
        for name in _WORD.findall(template) if isinstance(template, str) and "{{" in template else ():
            if name in variables and name not in found:
                found[name] = variables[name]
                following.append(variables[name])
    return found


def _path(value: Any) -> str:
    """The file that a value was read from, or nothing."""
    try:
        # Not public, and without it there is nothing to find; ansible-core has had it since 2.19.
        from ansible._internal._datatag._tags import Origin  # noqa: PLC0415
    except ImportError:
        return ""
    origin = Origin.get_tag(value)
    return str(origin.path) if origin and origin.path else ""


def _files(value: Any) -> Iterator[str]:
    """Yield the files that a value and everything in it was read from."""
    if path := _path(value):
        yield path
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _files(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _files(item)


def _documents(path: str, read_text: ReadText, unless: Callable[[str], bool] = lambda _text: False) -> list[yaml.Node]:
    """The documents of a file; none where it is no YAML, as some inventories are, which have no maps either.

    Nor are there any where the text is known to be fine (``unless``).
    """
    try:
        text = read_text(path)
        return [] if unless(text) else [document for document in yaml.compose_all(text, _LOADER) if document]
    except (OSError, ValueError, yaml.YAMLError):
        return []


def _has_each_key_once(text: str) -> bool:
    """Whether a text is JSON, as large inventories are, and none of its maps has a key twice.

    That is found out in a small part of the time in which YAML is read with the positions of everything.
    """

    def require_once(pairs: Sequence[tuple[str, Any]]) -> None:
        if len({key for key, _value in pairs}) < len(pairs):
            raise ValueError

    try:
        json.loads(text, object_pairs_hook=require_once)
    except (ValueError, RecursionError):
        return False
    return True


def _repeated(node: yaml.Node, where: str, path: str, seen: set[int]) -> Iterator[Problem]:
    """Yield the keys that stand in one map twice."""
    if id(node) in seen:  # an alias: what it stands for was looked at
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _repeated(item, f"{where}[{index}]", path, seen)
    elif isinstance(node, yaml.MappingNode):
        lines: dict[tuple[str, str], int] = {}
        for key, item in node.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else "?"
            deeper = f"{where}.{name}" if where else name
            line = key.start_mark.line + 1
            if (key.tag, name) in lines and key.tag != _MERGE:
                yield _twice(deeper, f"{path}, lines {lines[key.tag, name]} and {line}")
            elif isinstance(key, yaml.ScalarNode):
                lines[key.tag, name] = line
            yield from _repeated(item, deeper, path, seen)


def _scattered(folder: Path, paths: Mapping[str, str], read_text: ReadText) -> Iterator[Problem]:
    """Yield the variables that stand in several files of one folder, of which Ansible takes the last."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.suffix in _ENDS)
    owners: dict[str, list[str]] = {}
    for path in files:
        for document in _documents(str(path), read_text):
            for key, _item in document.value if isinstance(document, yaml.MappingNode) else ():
                if key.value in paths and str(path) not in owners.setdefault(key.value, []):
                    owners[key.value].append(str(path))
    for name, found in owners.items():
        if len(found) > 1:
            yield _twice(name, " and ".join(found))


def _twice(where: str, positions: str) -> Problem:
    """The fault, of the service that it is about."""
    parts = [*where.split("."), ""]
    service = parts[parts.index("platform_services") + 1] if "platform_services" in parts else ""
    return Problem(where, f"is written twice: {positions}; the last one replaces the other", service)
