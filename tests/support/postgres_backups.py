# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A real PostgreSQL that is backed up, and what a test does with it: take a set, prove it, look at what is there."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup import scratch
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.engine import Forecast, Proof, Taken
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.postgres.engine import PostgresEngine
from ansible_collections.xorb.runbook.plugins.module_utils._act.progress import Progress
from ansible_collections.xorb.runbook.plugins.module_utils._backup.manifest import Manifest, parse

from tests.support.peers import Server

#: The name of the set, where a test needs no other.
SET = "20261130T094500Z"


@dataclass(frozen=True)
class Source:
    """A server as the owner of its data sees it."""

    server: Server

    def sql(self, database: str, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements one by one, as the superuser; the rows of the last."""
        with contextlib.closing(self.connect(database)) as connection:
            connection.autocommit = True
            cursor = connection.cursor()
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def connect(self, database: str, user: str = "postgres") -> Any:
        """A connection of its own."""
        return psycopg2.connect(host="127.0.0.1", port=self.server.port, user=user, dbname=database)

    @contextlib.contextmanager
    def database(self, name: str, *statements: str, more: str = "") -> Iterator[str]:
        """A new database for the length of the block."""
        quoted = '"' + name.replace('"', '""') + '"'
        self.sql("template1", f"CREATE DATABASE {quoted} TEMPLATE template0 {more}")
        try:
            self.sql(name, *statements)
            yield name
        finally:
            self.sql("template1", f"DROP DATABASE {quoted} WITH (FORCE)")

    def given(self, *databases: str, **more: Any) -> dict[str, Any]:
        """The options of a backup, with those of its login among ``more`` under ``login``."""
        login = {
            "address": "127.0.0.1", "port": self.server.port, "user": "postgres", "password": None, "os_user": None,
            "sslmode": None, "ca": None, "client_cert": None, "client_key": None, "server_name": None, "timeout": 60,
            **more.pop("login", {}),
        }  # fmt: skip
        return {
            "platform": "test", "service": "database", "backup": "daily", "host": "db1", "kind": "postgres",
            "engine": "dump", "databases": list(databases), "jobs": 2, "assertions": [], "container": None,
            "recipients": [], "login": login, **more,
        }  # fmt: skip


def forecast(given: Mapping[str, Any]) -> Forecast:
    """What the engine expects."""
    return PostgresEngine(given).forecast()


def take(given: Mapping[str, Any], folder: Path, progress: Progress | None = None) -> Manifest:
    """Dump into an empty folder; the manifest is as it would be read from its file."""
    folder.mkdir(mode=0o700)
    return manifest_of(given, PostgresEngine(given).take(folder, progress or Progress()))


def manifest_of(given: Mapping[str, Any], taken: Taken) -> Manifest:
    """The manifest of what was taken, by the way over its text."""
    names = ("platform", "service", "backup", "host", "kind", "engine")
    written = Manifest(
        id=SET, begin=0.0, end=1.0, versions=taken.versions, content=taken.content, **{one: given[one] for one in names}
    )
    return parse(written.to_text())


def prove(given: Mapping[str, Any], plain: Path, manifest: Manifest) -> Proof:
    """Restore and compare, in a scratch folder that nothing is left of."""
    folder = scratch.make(None)
    try:
        restored = folder / "restored"
        restored.mkdir(mode=0o700)
        return PostgresEngine(given).prove(plain, manifest, restored, Progress())
    finally:
        scratch.clean(folder)


def with_content(manifest: Manifest, change: Callable[[dict[str, Any]], None]) -> Manifest:
    """The same manifest with another content: one that lies."""
    values = json.loads(manifest.to_text())
    content = values["content"]
    change(content)
    names = ("id", "platform", "service", "backup", "host", "kind", "engine", "begin", "end", "versions")
    return Manifest(**{name: values[name] for name in names}, content=content)


@dataclass
class Acting(Progress):
    """A progress that does something once, in a thread of its own, when a phase begins."""

    phase_name: str
    act: Callable[[], None]
    done: bool = False

    def __post_init__(self) -> None:
        super().__init__()

    def phase(self, name: str, *, total: float = 0, unit: str = "") -> None:
        super().phase(name, total=total, unit=unit)
        if name.startswith(self.phase_name) and not self.done:
            self.done = True
            threading.Thread(target=self.act, daemon=True).start()
