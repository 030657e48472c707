# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What restores in place have kept of what was there, where no server knows it: a record of each, by its time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..._backup.private import PRIVATE_FOLDER, write
from ..._backup.store import Store
from ..._core.errors import RunbookError
from ..journal import sync_folder
from .restorer import BEFORE, UNDONE

_FOLDER = ".kept"


class Records:
    """The records beside the sets of one backup; each is plain data that the kind understands.

    One with ``undone`` is of what was restored and taken out of service again.
    """

    def __init__(self, store: Store) -> None:
        self._folder = store.folder / _FOLDER

    def read(self, stamp: str) -> dict[str, Any]:
        """The record of a restore; raises `RunbookError` where there is none that can be read."""
        try:
            values = json.loads(self._path(stamp).read_text(encoding="ascii"))
        except (OSError, ValueError) as exc:
            raise RunbookError(
                f"{self._path(stamp)}: what was kept of the restore {stamp} is not known: {exc}"
            ) from exc
        if not isinstance(values, dict):
            raise RunbookError(f"{self._path(stamp)}: is no record of a restore")
        return values

    def has(self, stamp: str) -> bool:
        """Whether a restore has kept anything."""
        return self._path(stamp).exists()

    def write(self, stamp: str, values: Mapping[str, Any]) -> None:
        """Keep a record; it is on the disk when this returns."""
        self._folder.mkdir(exist_ok=True, mode=PRIVATE_FOLDER)
        beside = self._path(stamp).with_suffix(".next")
        write(beside, json.dumps(dict(values)))
        beside.rename(self._path(stamp))
        sync_folder(self._folder)

    def add(self, stamp: str, **values: Any) -> None:
        """Keep more of a restore, beside what is kept of it."""
        self.write(stamp, {**(self.read(stamp) if self.has(stamp) else {}), **values})

    def every(self) -> Mapping[str, Mapping[str, Any]]:
        """Every record, by the time of its restore; raises `RunbookError` where one cannot be read."""
        return {stamp: self.read(stamp) for stamp in self.stamps()}

    def stamps(self) -> list[str]:
        """The times of all restores that there is a record of."""
        return sorted(path.stem for path in self._folder.glob("*.json"))

    def forget(self, stamp: str) -> None:
        """Remove a record."""
        if self.has(stamp):
            self._path(stamp).unlink()
            sync_folder(self._folder)

    def kept(self, name: str) -> Mapping[str, str]:
        """What is kept under the name of a backup, with the set that took its place."""
        found = {}
        for stamp, values in self.every().items():
            found[f"{name}{UNDONE if values.get('undone') else BEFORE}{stamp}"] = str(values.get("what", ""))
        return found

    def _path(self, stamp: str) -> Path:
        return self._folder / f"{stamp}.json"
