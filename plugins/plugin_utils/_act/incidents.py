# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the control node remembers of an incident, so that the next run of it goes on where the last one ended."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Generic, TypeVar

from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from .._core.files import json_text, write_atomically

#: An incident names a file, and stands in the ledger.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

#: A dataclass whose fields are plain data; ``incident`` is its name.
Incident = TypeVar("Incident")


class IncidentStore(Generic[Incident]):
    """The incidents of one procedure: a file each, in a folder of the platform's state on the control node.

    ``option`` is the name of the option that an incident is given by, for messages.
    """

    def __init__(self, folder: Path, kind: Callable[..., Incident], *, option: str = "incident") -> None:
        self._folder = folder
        self._kind = kind
        self._option = option

    def read(self, name: str) -> Incident | None:
        """What is remembered of an incident; nothing of one that is new. Raises `RunbookError`."""
        path = self._path(name)
        if not path.exists():
            return None
        try:
            return self._kind(**json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as exc:
            raise RunbookError(f"{path}: cannot be read; look into it, then move it away") from exc

    def write(self, name: str, incident: Any) -> None:
        """Remember an incident; it is on the disk when this returns."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        write_atomically(self._path(name), json_text(asdict(incident)))

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise RunbookError(
                f"{self._option}: expected what the incident is called, up to 64 letters, digits, dots and dashes, got"
                f" {name!r}"
            )
        return self._folder / f"{name}.json"
