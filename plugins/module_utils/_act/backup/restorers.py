# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What restores which kind of backup."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

from ..._core.errors import RunbookError
from .files.restore import FilesRestorer
from .pgbackrest.restore import PgBackRestRestorer
from .postgres.restore import PostgresRestorer
from .redis.restore import RedisRestorer
from .restorer import Restorer

_RESTORERS: Mapping[tuple[str, str], Callable[[Mapping[str, Any]], Restorer]] = {
    ("postgres", "dump"): PostgresRestorer,
    ("postgres", "pgbackrest"): PgBackRestRestorer,
    ("redis", "rdb"): RedisRestorer,
    ("files", "tar"): FilesRestorer,
}


def restorer_of(given: Mapping[str, Any]) -> Restorer:
    """The restorer of a backup, made of its options; raises `RunbookError` where there is none."""
    kind, engine = given["kind"], given["engine"]
    if (kind, engine) not in _RESTORERS:
        raise RunbookError(f"nothing restores backups of the kind {kind!r} that {engine!r} takes")
    return _RESTORERS[kind, engine](given)
