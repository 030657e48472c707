# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A set is proved on another host: how it gets there, what is kept, and what is left when any of that is cut off."""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._act import journal as journals
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup import in_scratch, prove_job, verify
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.methods import method_of
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.prove import prove
from ansible_collections.xorb.runbook.plugins.module_utils._act.inbox import Inbox
from ansible_collections.xorb.runbook.plugins.module_utils._act.progress import Progress
from ansible_collections.xorb.runbook.plugins.module_utils._backup import manifest as manifests
from ansible_collections.xorb.runbook.plugins.module_utils._backup import stream
from ansible_collections.xorb.runbook.plugins.module_utils._backup.manifest import Manifest
from ansible_collections.xorb.runbook.plugins.module_utils._backup.private import write
from ansible_collections.xorb.runbook.plugins.module_utils._backup.store import Store, read_set
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.modules import (
    backup_set,
    backup_set_info,
    backup_set_prove,
    backup_set_verify,
)

from tests.support import backup_jobs, backups, crash
from tests.support.backup_jobs import worked
from tests.support.backups import Tools
from tests.support.bringing import Prover
from tests.support.modules import run_module
from tests.support.postgres_backups import Source

#: Seconds that something may take that takes a moment.
PATIENCE = 240.0


@pytest.fixture
def given(tmp_path: Path) -> dict[str, Any]:
    return backup_jobs.files(tmp_path)


@pytest.fixture
def other(given: dict[str, Any], tmp_path: Path) -> Prover:
    (tmp_path / "etc/data").write_bytes(os.urandom(30_000))
    return Prover(tmp_path / "other", given)


@pytest.fixture
def name(given: dict[str, Any], other: Prover) -> str:  # noqa: ARG001 - what is in the set
    return str(worked(backup_set, **given)["set"]["id"])


def store(given: dict[str, Any]) -> Store:
    return Store(Path(given["files"]["directory"]), given["service"], given["backup"])


def until(condition: Callable[[], Any]) -> Any:
    end = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return found


def holder(other: Prover) -> int:
    """The process that changes the other host."""
    text = (other.state / "lock").read_text() if (other.state / "lock").exists() else ""
    return int(json.loads(text)["process"]) if text else 0


class TestProved:
    def test_the_receipt_names_the_other_host_and_every_list_has_it(
        self, given: dict[str, Any], other: Prover, name: str
    ) -> None:
        before = sorted(str(path) for path in store(given).folder.rglob("*"))
        result = other.prove(name)
        assert not result.get("failed"), result
        assert sorted(str(path) for path in store(given).folder.rglob("*")) == before
        assert not result["changed"] and list(other.scratch.iterdir()) == []
        assert other.keep(name, result["receipt"])["changed"]
        found = store(given).find(name)
        assert found.verified and found.receipt is not None and found.receipt.host == "other"
        sets = {key: given[key] for key in ("service", "backup")}
        listed = run_module(
            backup_set_info, backups=[{**sets, "directory": given["files"]["directory"]}], state_dir=given["state_dir"]
        )
        assert listed["backups"][0]["sets"][0]["receipt"]["host"] == "other"
        assert not other.keep(name, result["receipt"])["changed"]
        assert other.outcomes() == [("done", "verified")]

    def test_encrypted_as_it_is_and_the_identity_stays_in_memory(
        self, given: dict[str, Any], other: Prover, tools: Tools
    ) -> None:
        tools.install("age")
        identity, recipient = backups.identity()
        given["files"]["recipients"] = [recipient]
        name = worked(backup_set, **given)["set"]["id"]
        refused = other.prove(name)
        assert "no identity is given that decrypts it" in refused["msg"] and "receipt" not in refused
        other.identities = [identity]
        begun = other.begin(name)
        job = begun["job"]
        other.deliver(job, offset=0, data=other.read(name, offset=0, size=5000)["data"])
        arrived = until(lambda: list(other.scratch.glob("*/arrived/*.age")))
        assert arrived[0].read_bytes().startswith(b"age-encryption.org/v1")
        assert {path.stat().st_mode & 0o777 for path in other.scratch.glob("*/arrived")} == {0o700}
        assert {path.stat().st_mode & 0o777 for path in other.scratch.glob("*/arrived/*")} == {0o600}
        about = Path("/proc", str(holder(other)))
        places = [about / "cmdline", about / "environ", *other.folder.rglob("*"), *store(given).folder.rglob("*")]
        assert not any(identity.encode() in path.read_bytes() for path in places if path.is_file())
        other.bring(name, job)
        result = other.end(name, job)
        assert result["receipt"]["faults"] == [] and list(other.scratch.iterdir()) == []

    def test_a_set_that_lies_in_a_folder_is_proved_there_and_left(
        self, given: dict[str, Any], other: Prover, name: str
    ) -> None:
        copy = other.folder / "copy"
        shutil.copytree(store(given).folder / name, copy)
        before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
        assert worked(backup_set_prove, **other.arguments, folder=str(copy))["receipt"]["faults"] == []
        assert {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()} == before
        next(path for path in copy.iterdir() if path.name.startswith("files.tar")).write_bytes(b"rotten")
        assert worked(backup_set_prove, **other.arguments, folder=str(copy))["receipt"]["faults"]

    def test_a_real_database(self, source: Source, tmp_path: Path) -> None:
        with source.database("app", "CREATE TABLE t AS SELECT g AS id FROM generate_series(1, 5000) g"):
            options = source.given("app")
            names = ("platform", "service", "backup", "host")
            login = {key: value for key, value in options["login"].items() if value is not None}
            given = {
                **{key: options[key] for key in names},
                "postgres": {"databases": ["app"], "login": login, "directory": str(tmp_path / "sets")},
                "state_dir": str(tmp_path / "state"),
            }
            name = worked(backup_set, **given)["set"]["id"]
        # The source has no such database any more, and no part in the proof.
        with tempfile.TemporaryDirectory() as folder:  # the path of a socket is short
            other = Prover(Path(folder), given, kind="postgres", size=100_000)
            result = other.prove(name)
            assert not result.get("failed"), result
            assert (result["receipt"]["faults"], result["receipt"]["facts"]["rows"]) == ([], 5000)
            assert other.keep(name, result["receipt"])["kept"]["host"] == "other"


class TestRefused:
    def test_a_plan_names_what_is_missing_here_and_changes_nothing(
        self, other: Prover, name: str, tools: Tools
    ) -> None:
        manifest = other.read(name)["manifest"]
        assert run_module(backup_set_prove, **other.arguments, manifest=manifest, only_plan=True)["set"] == name
        tools.only("cat")
        result = run_module(backup_set_prove, **other.arguments, manifest=manifest, only_plan=True)
        assert result["failed"] and "tar is not installed here; install the package tar" in result["msg"]
        assert not other.state.exists() and list(other.scratch.iterdir()) == []

    def test_another_version_of_the_server(self, tmp_path: Path, source: Source) -> None:
        options = source.given("app", directory=str(tmp_path / "sets"))
        content = {"server": {"version": "9.6.24"}}
        old = Manifest("20261130T094500Z", "p", "database", "daily", "db1", "postgres", "dump", 0, 1, content=content)
        names = {key: options[key] for key in ("platform", "service", "backup", "host")}
        given = {**names, "postgres": {"databases": ["app"]}, "state_dir": str(tmp_path / "state"), "wait": 60}
        for arguments in ({"only_plan": True}, {}):
            result = run_module(backup_set_prove, **given, manifest=old.to_text(), **arguments)
            assert result["failed"] and "install the package postgresql-9, or verify on another host" in result["msg"]
            assert "receipt" not in result

    def test_a_small_disk(self, other: Prover, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        real = os.statvfs

        def small(path: Any) -> Any:
            return os.statvfs_result([*list(real(path))[:4], 10, *list(real(path))[5:10]])

        monkeypatch.setattr(os, "statvfs", small)
        manifest = other.read(name)["manifest"]
        result = run_module(backup_set_prove, **other.arguments, manifest=manifest, only_plan=True)
        assert result["failed"] and f"{other.scratch}: " in result["msg"] and "to restore a set there" in result["msg"]

    def test_neither_or_both(self, other: Prover, name: str) -> None:
        manifest = other.read(name)["manifest"]
        for both in ({}, {"manifest": manifest, "folder": "/srv"}):
            result = run_module(backup_set_prove, **other.arguments, only_plan=True, **both)
            assert result["msg"].startswith("folder, manifest: expected one of them")

    def test_a_manifest_that_was_changed(self, other: Prover, name: str) -> None:
        manifest = other.read(name)["manifest"].replace('"tar"', '"rat"')
        result = run_module(backup_set_prove, **other.arguments, only_plan=True, manifest=manifest)
        assert "the manifest is not as it was written" in result["msg"]


class TestCutOff:
    def test_what_arrives_otherwise_is_no_fault_of_the_set(
        self, given: dict[str, Any], other: Prover, name: str
    ) -> None:
        begun = other.begin(name)
        stored = next(path for path in (store(given).folder / name).iterdir() if path.name.startswith("files.tar"))
        data = stored.read_bytes()
        stored.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        other.bring(name, begun["job"])
        result = other.end(name, begun["job"])
        assert f"{stored.name}: did not arrive as it was stored" in result["msg"] and "receipt" not in result
        assert list(other.scratch.iterdir()) == []
        assert [outcome for outcome, _message in other.outcomes()] == ["failed"]

    def test_the_set_does_not_come(self, other: Prover, name: str) -> None:
        begun = other.begin(name)
        other.deliver(begun["job"], fault="one: the disk is gone")
        result = other.end(name, begun["job"])
        assert result["msg"] == "one: the disk is gone" and list(other.scratch.iterdir()) == []
        assert other.outcomes() == [("failed", "one: the disk is gone")]
        ended = other.deliver(begun["job"], offset=0, data="")
        assert ended["failed"] and "there is no job" in ended["msg"]

    def test_the_run_that_brings_it_is_gone(self, given: dict[str, Any], name: str, tmp_path: Path) -> None:
        (tmp_path / "here").mkdir(mode=0o700)
        manifest = store(given).find(name).manifest
        assert manifest is not None
        with pytest.raises(RunbookError, match=r"nothing more of the set came for 0\.1 s, and 0 of \d+ bytes are here"):
            prove_job.receive(tmp_path / "here", manifest, Inbox(tmp_path / "inbox"), Progress(), patience=0.1)

    def test_a_job_that_is_killed_leaves_what_the_next_one_removes(
        self, given: dict[str, Any], other: Prover, name: str
    ) -> None:
        begun = other.begin(name)
        other.deliver(begun["job"], offset=0, data=other.read(name, offset=0, size=5000)["data"])
        until(lambda: list(other.scratch.glob("*/arrived/*.tar*")))
        os.kill(holder(other), signal.SIGKILL)
        result = other.end(name, begun["job"])
        assert "was killed" in result["msg"] and list(other.scratch.iterdir())
        assert store(given).find(name).receipt is None
        planned = run_module(backup_set_prove, **other.arguments, manifest=other.read(name)["manifest"], only_plan=True)
        assert planned["unfinished"] and f"backup_verify of proxy.config {name} of one" in planned["unfinished"][0]
        again = other.prove(name)
        assert again["receipt"]["faults"] == [] and len(again["recovered"]) == 1
        assert list(other.scratch.iterdir()) == []

    def test_another_run_is_refused_while_a_set_comes(self, other: Prover, name: str) -> None:
        begun = other.begin(name)
        until(lambda: holder(other))
        with (
            pytest.raises(journals.Busy, match="backup_verify by"),
            journals.locked(other.state, what="backup_create", operator="second"),
        ):
            pytest.fail("it ran")
        other.bring(name, begun["job"])
        assert other.end(name, begun["job"])["receipt"]["faults"] == []


class Pieces(Inbox):
    """An inbox in which all pieces of a set lie already."""

    def __init__(self, pieces: list[tuple[int, bytes]]) -> None:
        self.pieces = list(pieces)

    def take(self, seconds: float) -> tuple[int, bytes] | None:  # noqa: ARG002
        return self.pieces.pop(0) if self.pieces else None


class TestKilled:
    def test_nothing_is_left_once_the_next_run_has_begun_and_the_source_is_as_it_was(
        self, given: dict[str, Any], other: Prover, name: str
    ) -> None:
        found = store(given).find(name)
        manifest = found.manifest
        assert manifest is not None
        stored = stream.read(found.folder, manifest.files, 0, manifest.size)
        pieces = [(start, stored[start : start + 9000]) for start in range(0, len(stored), 9000)]
        options = backups.given("files", other.folder, paths=given["files"]["paths"], scratch=str(other.scratch))
        before = {path: path.read_bytes() for path in store(given).folder.rglob("*") if path.is_file()}

        def bring() -> None:
            with journals.locked(other.state, what="test", operator="test") as journal:
                journals.recover(journal, verify.RECOVERIES)
                with in_scratch.operation(journal, verify.PROCEDURE, name, str(other.scratch)) as work:
                    arrived = work.folder / "arrived"
                    arrived.mkdir(mode=0o700)
                    write(arrived / manifests.NAME, manifest.to_text())
                    prove_job.receive(arrived, manifest, Pieces(pieces), Progress())
                    arrival = read_set(arrived, name)
                    assert prove(method_of(options), arrival, "other", [], work.folder, Progress()).passed

        def recover() -> None:
            with journals.locked(other.state, what="test", operator="test") as journal:
                journals.recover(journal, verify.RECOVERIES)

        for point in crash.every_point(bring, prepare=recover):
            recover()
            assert list(other.scratch.iterdir()) == [], point
        assert {path: path.read_bytes() for path in store(given).folder.rglob("*") if path.is_file()} == before


class TestOnItsOwnHost:
    def test_sets_are_read_and_not_restored(self, given: dict[str, Any], name: str, tools: Tools) -> None:
        # Nothing that restores is there.
        tools.only("cat")
        plan = run_module(backup_set_verify, only_plan=True, elsewhere=True, **given)
        assert [one["id"] for one in plan["due"]] == [name] and not plan.get("failed")
        result = worked(backup_set_verify, elsewhere=True, **given)
        assert (result["sound"], result["receipts"], result["changed"]) == ([name], [], False)

    def test_stored_files_that_are_damaged_are_known_there(self, given: dict[str, Any], name: str) -> None:
        stored = next(path for path in (store(given).folder / name).iterdir() if path.name.startswith("files.tar"))
        stored.write_bytes(stored.read_bytes()[:-1])
        result = worked(backup_set_verify, elsewhere=True, **given)
        assert result["failed"] and result["sound"] == [] and store(given).find(name).failed

    def test_a_receipt_of_another_set_is_refused(self, given: dict[str, Any], other: Prover, name: str) -> None:
        receipt = other.prove(name)["receipt"]
        path = store(given).folder / name / manifests.NAME
        manifest = manifests.parse(path.read_text())
        path.write_text(Manifest(**{**vars(manifest), "end": manifest.end + 1}).to_text())
        refused = other.keep(name, receipt)
        assert refused["failed"] and "the receipt is not of this set" in refused["msg"]
        assert store(given).find(name).receipt is None
