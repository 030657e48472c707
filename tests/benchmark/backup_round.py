# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One run of each side of the rows of backups; apart from these, because it needs the collection in the path."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._act.backup import create, verify
from ansible_collections.xorb.runbook.plugins.module_utils._act.journal import locked
from ansible_collections.xorb.runbook.plugins.module_utils._act.progress import Progress

from tests.benchmark.backups import DUMP, SIZE, VERIFIED, WHOLE
from tests.support.peers import Server, postgres_programs, postgres_server
from tests.support.postgres_backups import Source
from tests.testbed.errors import BedError

DATABASE = "shop"
SETTINGS = ("shared_buffers = '512MB'", "max_wal_size = '4GB'", "autovacuum = off")


def filled(server: Server, statements: Iterable[str]) -> Source:
    """A server with the database that is backed up."""
    source = Source(server)
    source.sql("postgres", f"CREATE DATABASE {DATABASE} TEMPLATE template0")
    source.sql(DATABASE, *statements)
    return source


def run(source: Source, folder: Path) -> dict[str, tuple[float, float]]:
    """One run of each side."""
    archive = folder / "dump.sql.gz"
    dumped = _timed(lambda: _shell(source.server, f"{{bin}}/pg_dump {{login}} {DATABASE} | gzip > {archive}"))
    given = source.given(DATABASE, directory=str(folder / "sets"), jobs=os.cpu_count() or 1)
    progress = _Phases()
    with locked(folder / "state", what="benchmark", operator="benchmark") as journal:
        whole = _timed(lambda: create.create(given, journal, progress))
        (made,) = create.store_of(given).sets()
        receipt = verify.verify(given, made, (), journal, progress)
    if receipt.faults or made.manifest is None:
        raise BedError(f"the backup of the benchmark is not what it should be: {'; '.join(receipt.faults)}")
    with postgres_server(*SETTINGS) as target:
        Source(target).sql("postgres", f"CREATE DATABASE {DATABASE} TEMPLATE template0")
        restored = _timed(
            lambda: _shell(target, f"gunzip -c {archive} | {{bin}}/psql -q {{login}} {DATABASE} >/dev/null")
        )
    size = archive.stat().st_size / 2**20
    return {
        DUMP: (progress.seconds_of("dumping"), dumped),
        WHOLE: (whole, dumped),
        SIZE: (made.manifest.size / 2**20, size),
        VERIFIED: (receipt.seconds, restored),
    }


class _Phases(Progress):
    """A progress that keeps how long each phase took."""

    def __init__(self) -> None:
        super().__init__()
        self._begun: list[tuple[str, float]] = []

    def phase(self, name: str, *, total: float = 0, unit: str = "") -> None:
        super().phase(name, total=total, unit=unit)
        self._begun.append((name, time.monotonic()))

    def seconds_of(self, beginning: str) -> float:
        """The seconds of all phases whose names begin like this."""
        ends = [at for _name, at in self._begun[1:]]
        return sum(end - at for (name, at), end in zip(self._begun, ends, strict=False) if name.startswith(beginning))


def _timed(act: Callable[[], Any]) -> float:
    begin = time.monotonic()
    act()
    return time.monotonic() - begin


def _shell(server: Server, command: str) -> None:
    login = f"-h 127.0.0.1 -p {server.port} -U postgres"
    words = command.format(bin=shlex.quote(str(postgres_programs())), login=login)
    done = subprocess.run(["bash", "-o", "pipefail", "-c", words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise BedError(f"{words} did not do its work: {done.stderr[-500:]}")
