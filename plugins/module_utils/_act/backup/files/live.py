# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Folders that a database works in right now: what is copied of one file by file is no backup of it."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from ...._core.text import visible
from .tree import Seen

#: Files by which a server marks its folder for as long as it runs, beside the one that says what the folder is.
_MARKS: Mapping[str, str] = {"postmaster.pid": "PG_VERSION", "mongod.lock": "WiredTiger", "mysqld.pid": "ibdata1"}

#: Programs that work inside of their data, and what their backups are.
_SERVERS: Mapping[str, str] = {
    "postgres": "PostgreSQL",
    "redis-server": "Redis",
    "valkey-server": "Valkey",
    "mysqld": "MySQL",
    "mariadbd": "MariaDB",
}

_ADVICE = "back it up as a database, and exclude it here"


def live_databases(seen: Seen) -> Iterator[str]:
    """Each folder of what was seen that a database works in, as a sentence."""
    working = dict(_working())
    for name, status in seen.found.items():
        if not stat.S_ISDIR(status.st_mode):
            continue
        server = working.get((status.st_dev, status.st_ino))
        if server:
            yield f"/{visible(name)}: is the folder of a {server} server that runs; {_ADVICE}"
            continue
        for mark, sort in _MARKS.items():
            found = seen.found.get(f"{name}/{mark}")
            if found is not None and found.st_size and f"{name}/{sort}" in seen.found:
                yield f"/{visible(name)}: is the folder of a database that runs, by its {mark}; {_ADVICE}"


def _working() -> Iterator[tuple[tuple[int, int], str]]:
    """The working folders of database servers, in containers too, which other paths lead to."""
    for entry in os.scandir("/proc"):
        if not entry.name.isdecimal():
            continue
        with contextlib.suppress(OSError):  # it has ended, or belongs to another user
            program = Path(entry, "comm").read_text(encoding="utf-8", errors="replace").strip()
            if program in _SERVERS:
                status = Path(entry, "cwd").stat()
                yield (status.st_dev, status.st_ino), _SERVERS[program]
