# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kind ``backup_copy``: the copies of a backup off its host are recent, and their repository can be read."""

from __future__ import annotations

import time
from collections.abc import Iterator

from ..._backup import copies, copy_judge, copy_record
from ..._backup.spec import directory
from ..._backup.store import Store
from ..._core.checks import Finding
from ..._core.options import Given
from ..kind import Kind


def run(given: Given) -> Iterator[Finding]:
    """Read the record that the last run left, and judge it."""
    backup, name = _names(given)
    record = copy_record.read(Store(directory(given), given["service"], backup).folder, name)
    yield from copy_judge.judge(record, given, time.time())


def _target(given: Given) -> str:
    backup, name = _names(given)
    return str(copy_record.path(directory(given) / f"{given.get('service')}.{backup}", name))


def _names(given: Given) -> tuple[str, str]:
    """The names of the backup and of its copy, which make up that of the point."""
    backup, _dot, name = str(given["point"]).partition(".")
    return backup, name


KIND = Kind(
    name=copies.KIND,
    summary="A copy of a backup off its host is recent, and its repository was checked.",
    topic="backups",
    options=copies.COPY,
    expected=lambda _given: copy_judge.ASPECTS,
    run=run,
    target=_target,
    check=copies.check,
    local=True,
    acting=copies.ACTING,
)
