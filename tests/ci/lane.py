# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Layers that run beside others: in a process of their own, whose output is shown in one piece when it has ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

from tests.ci.counting import Count, failure
from tests.testbed.layout import BUILD, ROOT
from tests.testbed.progress import say

#: What runs layers, as this process does.
PROGRAM = ("-m", "tests.ci")


def write(path: Path, counts: Mapping[str, Count]) -> None:
    """Keep what a lane counted, for who waits for it."""
    path.write_text(json.dumps({name: asdict(count) for name, count in counts.items()}) + "\n", encoding="utf-8")


def read(path: Path) -> dict[str, Count]:
    """What a lane counted; nothing where it came to no end."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {name: Count(count["passed"], tuple(count["failures"])) for name, count in kept.items()}


class Lane:
    """Some layers on their way."""

    def __init__(self, names: Sequence[str], options: Sequence[str], program: Sequence[str] = PROGRAM) -> None:
        self._names = names
        folder = BUILD / "results"
        folder.mkdir(parents=True, exist_ok=True)
        self._log, self._counts = folder / "lane.log", folder / "lane.json"
        self._counts.unlink(missing_ok=True)
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, *program, "--counts", str(self._counts), *options, *names],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def has_failed(self) -> bool:
        """Whether it has ended already, and not well."""
        return self._process.poll() not in (None, 0)

    def result(self) -> dict[str, Count]:
        """Wait for its end, show what it printed, and return what it counted."""
        code = self._process.wait()
        say(self._log.read_text(encoding="utf-8", errors="replace"))
        counts = read(self._counts)
        if code and not any(count.failed for count in counts.values()):
            counts[self._names[0]] = failure(f"{', '.join(self._names)} ended with {code}")
        return counts

    def end(self) -> None:
        """End it with everything that it started."""
        if self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait()


@contextmanager
def beside(names: Sequence[str], options: Sequence[str]) -> Iterator[Lane]:
    """Layers that run until they have ended, or until what runs beside them is broken off."""
    lane = Lane(names, options)
    try:
        yield lane
    finally:
        lane.end()
