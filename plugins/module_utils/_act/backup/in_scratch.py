# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Work with a scratch folder: written down before it begins, and cleaned whatever becomes of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..._core.names import DONE, ROLLED_BACK
from ..journal import Entry, Journal
from . import scratch


@dataclass
class Work:
    """What goes on in a scratch folder; ``outcome`` is the sentence that the journal keeps of its end."""

    folder: Path
    entry: Entry
    outcome: str = ""


@contextlib.contextmanager
def operation(
    journal: Journal, procedure: str, subject: str, parent: str | None = None, **needs: Any
) -> Iterator[Work]:
    """Begin an operation with a scratch folder, and end both: nothing that was started in it outlives it."""
    folder = scratch.choose(parent)
    entry = journal.begin(procedure, subject, {**needs, "scratch": str(folder)})
    work = Work(folder, entry)
    try:
        scratch.make_chosen(folder)
        yield work
    except BaseException as exc:
        scratch.clean(folder)
        entry.end("failed", str(exc))
        raise
    scratch.clean(folder)
    entry.end(DONE, work.outcome)


def recover(entry: Entry, message: str) -> tuple[str, str]:
    """End what a killed run left in its scratch folder, and say by the message what that means."""
    folder = Path(entry.needs["scratch"])
    if not scratch.is_one(folder):
        raise entry.not_understood("its scratch folder has another name than this version gives one")
    scratch.clean(folder)
    return ROLLED_BACK, message
