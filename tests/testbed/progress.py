# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Lines that show what is going on and for how long, readable in a terminal and in a log file."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_HEARTBEAT = 15.0


def say(text: str) -> None:
    """Print one line at once, so that it stays in order with the output of child processes."""
    print(text, flush=True)


class Step:
    """A piece of work with a clock; ``note`` adds a line with the seconds elapsed."""

    def __init__(self, title: str) -> None:
        self.title = title
        self._begin = time.monotonic()
        self._doing = ""

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self._begin

    def note(self, text: str) -> None:
        self._doing = text
        say(f"  {self.elapsed:4.0f} s  {text}")

    def still(self) -> None:
        say(f"  {self.elapsed:4.0f} s  ... {self._doing or self.title}")


@contextmanager
def step(title: str) -> Iterator[Step]:
    """Announce a step, show a sign of life while it is silent, and say how long it took."""
    say(f"{title} ...")
    current, done = Step(title), threading.Event()

    def beat() -> None:
        while not done.wait(_HEARTBEAT):
            current.still()

    pulse = threading.Thread(target=beat, daemon=True)
    pulse.start()
    try:
        yield current
    finally:
        done.set()
        pulse.join()
    say(f"{title}: done in {current.elapsed:.1f} s")
