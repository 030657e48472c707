# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The manifest that pgBackRest keeps of a set: tablespaces, databases, and pages whose checksum was wrong. Pure.

It has a line for each file, so it is read line by line. Values are JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...._core.errors import RunbookError

_DATA = "pg_data/"

_OF_OBJECTS = ("db", "target:file")


@dataclass(frozen=True)
class Contents:
    """What is in a set.

    ``tablespaces`` are their locations by their names, ``damaged`` the files with wrong pages, relative to the folder
    of the data, and ``checked`` says whether pages were checked at all. ``checksum`` is that of the manifest itself.
    """

    checksum: str
    checked: bool
    tablespaces: Mapping[str, str] = field(default_factory=dict)
    databases: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()


def parse(lines: Iterable[str]) -> Contents:
    """Read a manifest; raises `RunbookError` where it is none."""
    checksum, checked = "", False
    tablespaces: dict[str, str] = {}
    databases, damaged = [], []
    try:
        for section, name, text in _entries(lines):
            if (section, name) == ("backrest", "backrest-checksum"):
                checksum = json.loads(text)
            elif (section, name) == ("backup:option", "option-checksum-page"):
                checked = json.loads(text)
            elif section == "backup:target" and "tablespace-name" in text:
                value = json.loads(text)
                tablespaces[value["tablespace-name"]] = value["path"]
            elif section == "db":
                databases.append(name)
            elif section == "target:file" and '"checksum-page":false' in text:
                damaged.append(name.removeprefix(_DATA))
    except (ValueError, KeyError, TypeError) as exc:
        raise RunbookError(f"pgBackRest's manifest of the set cannot be understood: {exc}") from exc
    if not checksum:
        raise RunbookError("pgBackRest's manifest of the set has no checksum of itself")
    return Contents(checksum, checked, tablespaces, tuple(databases), tuple(damaged))


def _entries(lines: Iterable[str]) -> Iterator[tuple[str, str, Any]]:
    section = ""
    for line in lines:
        if line.startswith("[") and line.rstrip().endswith("]") and "={" not in line:
            section = line.strip()[1:-1]
        elif line.strip():
            objects = section in _OF_OBJECTS
            # Names may have any character; values that are objects have these two nowhere.
            name, _equals, text = line.rstrip("\n").rpartition("={") if objects else line.rstrip("\n").partition("=")
            yield section, name, f"{{{text}" if objects else text
