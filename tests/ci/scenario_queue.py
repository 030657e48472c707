# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The scenarios that no bed has taken yet, kept in a file that the processes of one run share."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

_EMPTY = "[]"


class ScenarioQueue:
    """Names in the order in which they are to run. Each is taken once, whichever process asks."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def fill(self, names: Iterable[str]) -> None:
        """Replace whatever an earlier run has left."""
        self._change(lambda _left: list(names))

    def close(self) -> None:
        """Leave nothing to be taken."""
        self.fill([])

    def take(self) -> str | None:
        """The next name, or None where every one is taken."""
        left = self._change(lambda left: left[1:])
        return left[0] if left else None

    def __len__(self) -> int:
        return len(self._change(lambda left: left))

    def _change(self, change: Callable[[list[str]], list[str]]) -> list[str]:
        """Replace the names; returns those that there were."""
        with self._locked():
            before: list[str] = json.loads(self._path.read_text(encoding="utf-8") or _EMPTY)
            self._path.write_text(json.dumps(change(before)), encoding="utf-8")
        return before

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
