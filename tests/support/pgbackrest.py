# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A real PostgreSQL whose WAL a real pgBackRest archives, with a repository in a folder of the test."""

from __future__ import annotations

import contextlib
import os
import pwd
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._act import journal as journals
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup import create, recoveries, verify
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.methods import method_of
from ansible_collections.xorb.runbook.plugins.module_utils._act.progress import Progress
from ansible_collections.xorb.runbook.plugins.module_utils._backup.backup_set import BackupSet
from ansible_collections.xorb.runbook.plugins.module_utils._backup.receipt import Receipt
from ansible_collections.xorb.runbook.plugins.module_utils._backup.repository import Repository
from ansible_collections.xorb.runbook.plugins.module_utils._backup.spec import KINDS
from ansible_collections.xorb.runbook.plugins.module_utils._backup.stores import store_of
from ansible_collections.xorb.runbook.plugins.module_utils._clients.pgbackrest import Stanza
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import with_defaults

from tests.support import peers
from tests.support.postgres_backups import Source
from tests.testbed.layout import BUILD

STANZA = "main"

_CONFIGURATION = """
[global]
repo1-path={place}/repo
log-path={place}/log
lock-path={place}/lock
spool-path={place}/spool
log-level-file=off
start-fast=y
archive-timeout=60
compress-level=1

[main]
pg1-path={data}
pg1-port={port}
pg1-socket-path={place}/s
pg1-user=postgres
"""

#: Seconds in which a segment gets into the archive on a machine that does ten things besides.
_PATIENCE = 120


def user() -> str:
    """Whom the server, and so its pgBackRest, runs as: PostgreSQL does not run as root."""
    return "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name


def program() -> list[str]:
    """The words that run pgBackRest: the machine's own, which starts nothing by being used, else Debian's unpacked."""
    own = shutil.which("pgbackrest")
    return [own] if own else peers.program("pgbackrest")


def search_path() -> str:
    """``PATH`` with the programs of PostgreSQL and pgBackRest, where the server's user can run them, too."""
    own = [] if shutil.which("pgbackrest") else [str(peers.commands(BUILD / "peers" / "commands", "pgbackrest"))]
    return os.pathsep.join([os.environ["PATH"], str(peers.postgres_programs()), *own])


def as_user() -> list[str]:
    """The words before a command of the server's user."""
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.geteuid() == 0 else []


@dataclass
class Archived:
    """A server, its stanza, and the backup of it; ``more`` are options of the backup, ``ended`` is how what was
    left half done has ended."""

    place: Path
    source: Source
    more: dict[str, Any] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)

    @property
    def stanza(self) -> Stanza:
        """The stanza as the client of ours takes it."""
        return Stanza(STANZA, str(self.place / "pgbackrest.conf"), user())

    @property
    def data(self) -> Path:
        """The folder of the server's data."""
        return self.source.server.folder

    @property
    def given(self) -> dict[str, Any]:
        """The options of the backup."""
        where = {"stanza": STANZA, "config": self.stanza.config, "os_user": self.stanza.os_user}
        more = dict(self.more)
        repository = {**where, **more.pop("repository", {})}
        options = {
            "directory": str(self.place / "ours"),
            "engine": "pgbackrest",
            "repository": with_defaults(KINDS["postgres"]["repository"].options, repository),
            **more,
        }
        names = {"platform": "shop", "service": "db", "backup": "whole", "host": "db1", "kind": "postgres"}
        login = self.source.given(login={})["login"]
        others = {"container": None, "scratch": str(self.place / "scratch")}
        return {**with_defaults(KINDS["postgres"], options), **names, **others, "login": login}

    @property
    def store(self) -> Repository:
        """The sets."""
        found = store_of(self.given, "whole")
        assert isinstance(found, Repository)
        return found

    def command(self, verb: str, *options: str) -> str:
        """Run pgBackRest as an operator would."""
        words = [*as_user(), *program(), f"--config={self.stanza.config}", f"--stanza={STANZA}", verb, *options]
        done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=self.place)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def sql(self, *statements: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run statements one by one; the rows of the last."""
        return self.source.sql(database, *statements)

    def forecast(self) -> Any:
        """What would be taken."""
        return method_of(self.given).forecast()

    def create(self, progress: Progress | None = None) -> BackupSet:
        """Take a set, having ended what was left half done."""
        with self.journal() as journal:
            made = create.create(self.given, journal, progress or Progress())
        return self.store.find(made.id)

    def verify(self, one: BackupSet, progress: Progress | None = None) -> Receipt:
        """Prove a set, having ended what was left half done."""
        with self.journal() as journal:
            return verify.verify(self.given, one, (), journal, progress or Progress())

    @contextlib.contextmanager
    def journal(self) -> Iterator[journals.Journal]:
        """The lock of the host, and its journal, with nothing left half done."""
        with journals.locked(self.place / "state", what="test", operator="test") as journal:
            self.ended = [one.outcome for one in journals.recover(journal, recoveries.RECOVERIES)[0]]
            yield journal

    def archive(self) -> str:
        """Have all WAL until now in the archive; returns the segment that came there last."""
        self.sql("CREATE TABLE IF NOT EXISTS archived()", "INSERT INTO archived DEFAULT VALUES")
        ((name,),) = self.sql("SELECT pg_walfile_name(pg_switch_wal())")
        end = time.monotonic() + _PATIENCE
        while not list((self.place / "repo/archive").rglob(f"{name}-*")):
            assert time.monotonic() < end, f"{name} does not get into the archive"
            time.sleep(0.05)
        return str(name)

    def segments(self) -> Mapping[str, Path]:
        """The segments in the archive, by their names."""
        return {path.name[:24]: path for path in sorted((self.place / "repo/archive").rglob("0*-*")) if path.is_file()}


class Deadly(Progress):
    """Kills its process when a phase begins."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def phase(self, name: str, *, total: float = 0, unit: str = "") -> None:
        super().phase(name, total=total, unit=unit)
        if name.startswith(self.name):
            os.kill(os.getpid(), signal.SIGKILL)


@contextlib.contextmanager
def archived_server(*settings: str, checksums: bool = True) -> Iterator[Archived]:
    """A new server with a stanza of its own."""
    with tempfile.TemporaryDirectory() as outer, contextlib.ExitStack() as stack:
        place = Path(outer)
        place.chmod(0o755)
        (place / "scratch").mkdir(mode=0o711)
        for name in ("repo", "log", "lock", "spool", "s"):
            (place / name).mkdir(mode=0o700)
            if os.geteuid() == 0:
                shutil.chown(place / name, user())
        command = shlex.join(
            [*program(), f"--config={place / 'pgbackrest.conf'}", f"--stanza={STANZA}", "archive-push"]
        )

        def prepare(folder: Path) -> None:
            words = [str(peers.postgres_programs() / "initdb"), "-D", str(folder), "-A", "trust", "-U", "postgres"]
            more = ["-N", "-E", "UTF8", "--locale=C", *(["-k"] if checksums else [])]
            subprocess.run([*as_user(), *words, *more], capture_output=True, check=True, cwd=place)

        lines = [
            f"unix_socket_directories = '{place / 's'}'",
            "archive_mode = on",
            f"archive_command = '{command} %p'",
            "wal_level = logical",
            "max_connections = 50",
            *settings,
        ]
        server = stack.enter_context(peers.postgres_server(*lines, prepare=prepare))
        text = _CONFIGURATION.format(place=place, data=server.folder, port=server.port)
        (place / "pgbackrest.conf").write_text(text, encoding="utf-8")
        found = Archived(place, Source(server))
        found.command("stanza-create")
        yield found
