# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kind ``backup_drill``: the newest copy of a backup was restored on another host lately, soon enough and whole."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from ..._backup import drill_judge, drill_record, drills
from ..._core.checks import Finding
from ..._core.options import Given
from ..kind import Kind


def run(given: Given) -> Iterator[Finding]:
    """Read the receipts that the last drills left on this host, and judge them."""
    yield from drill_judge.judge(drill_record.read(_place(given)), given, time.time())


def _place(given: Given) -> Path:
    """The record; the point has the name of the copy, and that of its drill behind it."""
    copy = str(given.get("point")).rpartition(".")[0]
    directory = given.get("directory") or drills.DRILL["directory"].default
    return drill_record.path(Path(directory), f"{given.get('service')}.{copy}", str(given.get("owner")))


KIND = Kind(
    name=drills.KIND,
    summary="The newest copy of a backup was restored on another host lately, soon enough and as a whole.",
    topic="backups",
    options=drills.DRILL,
    expected=lambda _given: drill_judge.ASPECTS,
    run=run,
    target=lambda given: str(_place(given)),
    local=True,
    lies_here=True,
    acting=drills.ACTING,
)
