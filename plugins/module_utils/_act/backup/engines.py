# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which engine takes which kind of backup."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

from ..._core.errors import RunbookError
from .engine import Engine
from .files.engine import FilesEngine
from .postgres.engine import PostgresEngine
from .redis.engine import RedisEngine

_ENGINES: Mapping[tuple[str, str], Callable[[Mapping[str, Any]], Engine]] = {
    ("postgres", "dump"): PostgresEngine,
    ("redis", "rdb"): RedisEngine,
    ("files", "tar"): FilesEngine,
}


def engine_of(given: Mapping[str, Any]) -> Engine:
    """The engine of a backup, made of its options; raises `RunbookError` where there is none."""
    kind, engine = given["kind"], given["engine"]
    if (kind, engine) not in _ENGINES:
        raise RunbookError(f"no engine {engine!r} takes backups of the kind {kind!r}")
    return _ENGINES[kind, engine](given)
