# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A backup with a repository of restic: in a folder, behind a real server of SFTP, or behind one of S3."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._backup import copy_record
from ansible_collections.xorb.runbook.plugins.module_utils._backup.copy_record import Record
from ansible_collections.xorb.runbook.plugins.module_utils._backup.store import Store
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import Finding
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.kinds.backup_copy import KIND
from ansible_collections.xorb.runbook.plugins.modules import (
    backup_set,
    backup_set_copy,
    backup_set_fetch,
    backup_set_verify,
)

from tests.support import backup_jobs, peers
from tests.support.backup_jobs import worked
from tests.support.modules import run_module

PASSWORD = "of-the-repository"  # noqa: S105 - opens nothing else
KEY_ID, KEY = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI#K7MDENG;bPxRfiCYEXAMPLEKEY"

#: Seconds that a repository may take to answer where it is there: the machine may be busy with others.
PATIENCE = 120.0


@dataclass
class Copies:
    """The backup ``proxy.config`` of the host ``one``, and its copy ``offsite``.

    ``kept`` is where its first copy is kept, as it is without options, for the next test in the same folder: restic
    takes its time for each key.
    """

    folder: Path
    access: dict[str, Any] = field(default_factory=dict)
    kept: Path | None = None

    def __post_init__(self) -> None:
        """Describe both; the repository is in a folder unless the access says otherwise."""
        self.backup = backup_jobs.files(self.folder)
        self.repository = self.folder / "repository"
        self.options: dict[str, Any] = {}

    @property
    def given(self) -> dict[str, Any]:
        """The parameters of the modules that work with the copy."""
        names = {name: self.backup[name] for name in ("platform", "service", "backup", "host", "state_dir")}
        there = {"repository": str(self.repository), "password": PASSWORD, "answer_timeout": PATIENCE}
        directory = self.backup["files"]["directory"]
        return {**names, "copy": "offsite", "directory": directory, **there, **self.access, **self.options}

    @property
    def store(self) -> Store:
        """The sets of the host."""
        return Store(self.folder / "backups", "proxy", "config")

    @property
    def record(self) -> Record:
        """What the host knows of the repository."""
        found = copy_record.read(self.store.folder, "offsite")
        assert found
        return found

    def take(self, *, verified: bool = True) -> str:
        """Take a set, later than any other; returns its name."""
        name = str(worked(backup_set, **self.backup)["set"]["id"])
        if verified:
            assert worked(backup_set_verify, **self.backup)["receipts"]
        return name

    def copy(self, **options: Any) -> dict[str, Any]:
        """Run the module to its end."""
        return worked(backup_set_copy, **{**self.given, **options})

    def plan(self, **options: Any) -> dict[str, Any]:
        """What it would do."""
        return run_module(backup_set_copy, only_plan=True, **{**self.given, **options})

    def fetch(self, **options: Any) -> dict[str, Any]:
        """Bring a set back."""
        return worked(backup_set_fetch, **{**self.given, **options})

    def initialized(self) -> str:
        """Take a set, and copy it into a new repository; returns its name."""
        if self.kept is None or self.access or self.options:
            return self._initialized()
        parts = [self.store.folder.parent, self.repository, self.folder / "state"]
        if not self.kept.exists():
            name = self._initialized()
            self.kept.mkdir()
            (self.kept / name).touch()
            subprocess.run(["cp", "-a", *parts, str(self.kept)], check=True)
            return name
        subprocess.run(["cp", "-a", *(self.kept / part.name for part in parts), str(self.folder)], check=True)
        return next(path.name for path in self.kept.iterdir() if path.is_file())

    def _initialized(self) -> str:
        name = self.take()
        done = self.copy(initialize=True)
        assert not done.get("failed"), done
        assert [one["id"] for one in done["copied"]] == [name]
        return name

    def findings(self) -> dict[str, Finding]:
        """What the probe finds."""
        given = {"service": "proxy", "point": "config.offsite", "directory": str(self.folder / "backups")}
        options = {name: option.default for name, option in KIND.options.items()}
        return {one.aspect: one for one in KIND.run({**options, **given})}

    def statuses(self) -> dict[str, str]:
        """The same, without what is said."""
        return {name: one.status for name, one in self.findings().items()}

    def restic(self, *words: str, password: str = PASSWORD, check: bool = True) -> str:
        """What restic prints of the repository in the folder, run by hand."""
        done = subprocess.run(
            [*peers.program("restic"), "--repo", str(self.repository), "--no-cache", *words],
            env=_environment(password),
            capture_output=True,
            text=True,
            check=False,
        )
        assert not (check and done.returncode), done.stderr
        return done.stdout

    def snapshots(self) -> list[dict[str, Any]]:
        """The snapshots, by restic's own word."""
        found: list[dict[str, Any]] = json.loads(self.restic("snapshots", "--json")) or []
        return found

    def copied(self) -> list[str]:
        """The names of the sets that have a snapshot, the oldest first."""
        tags = (tag for one in self.snapshots() for tag in one["tags"] if tag.startswith("set:"))
        return sorted(tag.removeprefix("set:") for tag in tags)

    def data(self) -> dict[str, str]:
        """The SHA-256 of each file of data in the repository."""
        files = (path for path in (self.repository / "data").rglob("*") if path.is_file())
        return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    @contextlib.contextmanager
    def without(self, *names: str) -> Iterator[None]:
        """The repository while some of what it consists of has gone."""
        place = self.folder / "gone"
        place.mkdir()
        for name in names:
            (self.repository / name).rename(place / name)
        try:
            yield
        finally:
            for name in names:
                shutil.rmtree(self.repository / name, ignore_errors=True)
                (place / name).rename(self.repository / name)
            place.rmdir()

    @contextlib.contextmanager
    def locked_by_another(self) -> Iterator[subprocess.Popen[bytes]]:
        """Another client at work: it waits for its input, and holds a lock meanwhile."""
        words = [*peers.program("restic"), "--repo", str(self.repository), "--no-cache", "backup", "--stdin"]
        process = subprocess.Popen(words, env=_environment(PASSWORD), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        try:
            while all("tmp" in path.name for path in (self.repository / "locks").iterdir()):
                assert process.poll() is None
                time.sleep(0.02)
            yield process
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
            assert process.stdin
            process.stdin.close()


def _environment(password: str) -> dict[str, str]:
    """That of restic run by hand, whatever else a test has put into its own."""
    return {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "RESTIC_PASSWORD": password}


@contextlib.contextmanager
def s3() -> Iterator[tuple[dict[str, Any], Path]]:
    """How a repository behind a server of S3 is reached, and where its files are."""
    with tempfile.TemporaryDirectory() as place, peers.s3_server(Path(place, "buckets"), KEY_ID, KEY) as server:
        folder = server.folder / "bucket"
        folder.mkdir()
        address = f"s3:http://127.0.0.1:{server.port}/bucket/repository"
        yield {"repository": address, "access_key_id": KEY_ID, "secret_access_key": KEY}, folder / "repository"


@contextlib.contextmanager
def sftp() -> Iterator[tuple[dict[str, Any], Path]]:
    """How a repository behind a server of SFTP is reached, and where its files are."""
    with contextlib.ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        of_server, of_client = place / "of-server", place / "of-client"
        for path in (of_server, of_client):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
        place.chmod(0o755)
        server, user = stack.enter_context(peers.sftp_server(place, of_server, of_client.with_suffix(".pub")))
        folder = server.folder / "repository"
        access = {
            "repository": f"sftp://{user}@127.0.0.1:{server.port}/{folder}",
            "identity": of_client.read_text(),
            "known_hosts": f"[127.0.0.1]:{server.port} {of_server.with_suffix('.pub').read_text()}",
        }
        yield access, folder
