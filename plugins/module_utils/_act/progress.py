# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How far long work has come, for the run that waits for it: a file that is replaced, at most twice a second."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_INTERVAL = 0.5

#: What each report has.
Report = Mapping[str, Any]


class Progress:
    """The phase that work is in, and how much of it is done.

    ``path`` is where the reports go; without one they go nowhere.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._written = 0.0
        self._report: dict[str, Any] = {}

    def phase(self, name: str, *, total: float = 0, unit: str = "") -> None:
        """Begin a phase; ``total`` is how much there is to be done in ``unit`` (bytes, tables), where that is known."""
        self._report = {"phase": name, "begin": time.time(), "done": 0, "total": total, "unit": unit, "note": ""}
        self._write()

    def at(self, done: float, note: str = "") -> None:
        """Say how much of the phase is done."""
        self._report.update(done=done, note=note)
        if time.monotonic() - self._written >= _INTERVAL:
            self._write()

    def _write(self) -> None:
        self._written = time.monotonic()
        if self._path is not None:
            beside = self._path.with_name(f".{self._path.name}")
            beside.write_text(json.dumps({**self._report, "at": time.time()}), encoding="utf-8")
            beside.rename(self._path)


def read(path: Path) -> Report:
    """The last report; empty before the first one."""
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return report if isinstance(report, dict) else {}
