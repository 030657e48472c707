# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sets from their first byte to their receipt: whatever goes wrong, no set looks good and is not."""

from __future__ import annotations

import hashlib
import os
import resource
import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._act import journal as journals
from ansible_collections.xorb.runbook.plugins.module_utils._act import module
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup import create as creating
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup import expire as expiring
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup import folder_method, sealing
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup import verify as verifying
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.methods import method_of
from ansible_collections.xorb.runbook.plugins.module_utils._act.progress import Progress
from ansible_collections.xorb.runbook.plugins.module_utils._backup.backup_set import BackupSet
from ansible_collections.xorb.runbook.plugins.module_utils._backup.manifest import NAME, Manifest
from ansible_collections.xorb.runbook.plugins.module_utils._backup.receipt import Receipt
from ansible_collections.xorb.runbook.plugins.module_utils._backup.store import Store, folder_of
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from tests.support import backups, crash
from tests.support.backups import Tools

RECOVERIES = {**creating.RECOVERIES, **verifying.RECOVERIES}


class Host:
    """A host with some files, the sets of their backup, and the state of its procedures."""

    def __init__(self, folder: Path) -> None:
        self.source, self.state = folder / "source", folder / "state"
        self.source.mkdir()
        (self.source / "app.conf").write_text("answer = 42\n")
        self.scratch = folder / "scratch"
        self.scratch.mkdir()
        self.recipients: list[str] = []
        self.identities: list[str] = []
        self.sets = folder / "sets"

    @property
    def given(self) -> dict[str, Any]:
        given = backups.given("files", self.sets, paths=[str(self.source)])
        return {**given, "recipients": self.recipients, "scratch": str(self.scratch)}

    @property
    def store(self) -> Store:
        return folder_of(self.given)

    @property
    def newest(self) -> BackupSet:
        return self.store.sets()[0]

    def encrypt(self, tools: Tools) -> None:
        tools.install("age")
        identity, recipient = backups.identity()
        self.recipients, self.identities = [recipient], [identity]

    def create(self) -> Manifest:
        with journals.locked(self.state, what="test", operator="test") as journal:
            journals.recover(journal, RECOVERIES)
            return creating.create(self.given, journal, Progress())

    def verify(self, identities: list[str] | None = None) -> Receipt:
        with journals.locked(self.state, what="test", operator="test") as journal:
            journals.recover(journal, RECOVERIES)
            wanted = self.identities if identities is None else identities
            return verifying.verify(self.given, self.newest, wanted, journal, Progress())

    def kill_one(self) -> None:
        """Take a set by a process that is killed in the middle of it, with what it had begun on the disk."""
        child = os.fork()
        if child == 0:
            try:
                folder_method.seal = lambda *_words: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[assignment,attr-defined]
                self.source.mkdir(exist_ok=True)
                self.create()
            finally:
                os._exit(1)
        _process, status = os.waitpid(child, 0)
        assert os.WTERMSIG(status) == signal.SIGKILL
        if not (self.source / "app.conf").exists():
            self.source.rmdir()

    def recover(self) -> None:
        with journals.locked(self.state, what="test", operator="test") as journal:
            journals.recover(journal, RECOVERIES)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


@pytest.fixture(params=["plain", "encrypted"])
def any_host(host: Host, request: pytest.FixtureRequest, tools: Tools) -> Host:
    if request.param == "encrypted":
        host.encrypt(tools)
    return host


class TestGood:
    def test_taken_and_proved(self, any_host: Host) -> None:
        made = any_host.create()
        assert any_host.newest.manifest == made
        receipt = any_host.verify()
        assert receipt.faults == ()
        assert any_host.newest.verified and not any_host.newest.failed
        assert list(any_host.scratch.iterdir()) == []

    def test_all_of_it_is_private(self, any_host: Host) -> None:
        any_host.create()
        for parent, folders, files in os.walk(any_host.store.folder):
            assert {(Path(parent) / name).stat().st_mode & 0o777 for name in folders} <= {0o700}
            assert {(Path(parent) / name).stat().st_mode & 0o777 for name in files} <= {0o600}

    def test_nothing_in_clear_where_it_is_encrypted(self, host: Host, tools: Tools) -> None:
        host.encrypt(tools)
        (host.source / "secret-name").write_text("secret-content")
        host.create()
        for parent, _folders, files in os.walk(host.store.folder):
            for name in files:
                data = (Path(parent) / name).read_bytes()
                assert b"secret" not in data and b"app.conf" not in data

    def test_two_in_one_second(self, host: Host) -> None:
        assert len({host.create().id for _time in range(3)}) == 3


class TestRefused:
    def test_without_age(self, host: Host, tools: Tools) -> None:
        host.encrypt(tools)
        host.create()
        tools.only("tar", "gzip")
        Path(os.environ["PATH"], "age").unlink()
        with pytest.raises(RunbookError, match="age is not installed here"):
            host.create()
        with pytest.raises(RunbookError, match="age cannot be run: No such file or directory"):
            host.verify()
        assert host.newest.receipt is None
        assert len(host.store.sets()) == 1

    def test_age_that_fails(self, host: Host, tools: Tools) -> None:
        host.encrypt(tools)
        script = Path(shutil.which("age") or "")
        script.write_text("#!/bin/sh\ncat >/dev/null\necho half\necho 'age: no luck' >&2\nexit 1\n", encoding="utf-8")
        with pytest.raises(RunbookError, match="age: no luck"):
            host.create()
        assert host.store.sets() == [] and host.store.left_over() == []

    def test_a_small_disk(self, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
        real = os.statvfs

        def small(path: Any) -> Any:
            return os.statvfs_result([*list(real(path))[:4], 10, *list(real(path))[5:10]])

        monkeypatch.setattr(os, "statvfs", small)
        with pytest.raises(RunbookError, match=r"KiB are free, and .* are needed"):
            host.create()
        assert not host.store.folder.exists()

    def test_a_disk_that_is_full_in_the_middle(self, any_host: Host) -> None:
        any_host.create()
        (any_host.source / "data").write_bytes(os.urandom(300_000))
        message = _limited(any_host.create, 100_000)
        assert message
        assert len(any_host.store.sets()) == 1 and any_host.store.left_over() == []
        assert any_host.verify().passed

    def test_a_second_run_at_the_same_time(self, host: Host) -> None:
        parameters = {"state_dir": str(host.state), "operator": "second"}
        with (
            journals.locked(host.state, what="backup_create", operator="first"),
            pytest.raises(journals.Busy, match="backup_create by first"),
        ):
            module.act("backup_create", parameters, lambda *_words: pytest.fail("it ran"), lambda _given: RECOVERIES)

    def test_a_clock_that_was_ahead(self, host: Host) -> None:
        host.create()
        host.newest.folder.rename(host.store.folder / "20990101T000000Z")
        with pytest.raises(RunbookError, match="20990101T000000Z is from the future"):
            host.create()


class TestKilled:
    def test_a_set_is_whole_or_is_none(self, any_host: Host) -> None:
        first = any_host.create()
        for point in crash.every_point(any_host.create, prepare=any_host.recover):
            sets = any_host.store.sets()
            assert first.id in [one.id for one in sets], point
            for one in sets:
                assert one.manifest and not list(sealing.damage(one.folder, one.manifest.files, Progress())), point
            any_host.recover()
            assert any_host.store.left_over() == [], point
            for one in any_host.store.sets()[:-1]:
                any_host.store.remove(one.id)
        assert any_host.verify().passed

    def test_a_verification_leaves_no_scratch(self, host: Host) -> None:
        host.create()
        for point in crash.every_point(host.verify, prepare=host.recover):
            receipt = host.newest.receipt
            assert receipt is None or receipt.passed, point
            host.recover()
            assert list(host.scratch.iterdir()) == [], point
            shutil.rmtree(host.store.folder / ".receipts", ignore_errors=True)


class TestFailingDays:
    def test_thirty_days_without_a_set_cost_no_good_one_and_leave_nothing(
        self, host: Host, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A rule that keeps no day at all: what is left is left because it is the last that is good."""
        good = host.create()
        assert host.verify().passed
        given = {**host.given, "keep": {"daily": 0, "weekly": 0, "monthly": 0, "minimum_redundancy": 1}}
        begun = time.time()
        host.source.rename(host.source.with_name("unplugged"))
        for day in range(1, 31):
            monkeypatch.setattr(time, "time", lambda day=day: begun + 86400 * day)
            if day % 3:
                with pytest.raises(RunbookError, match="No such file or directory"):
                    host.create()
            else:
                host.kill_one()
            with journals.locked(host.state, what="test", operator="test") as journal:
                assert list(expiring.expire(given, [one.id for one in host.store.sets()], journal)) == []
        host.recover()
        assert [one.id for one in host.store.sets() if one.verified] == [good.id]
        assert host.store.left_over() == []

    def test_what_killed_runs_left_goes_before_there_has_to_be_room(
        self, host: Host, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Partial sets that fill a disk: the next run removes them first, and then it has room."""
        for _time in range(10):
            host.kill_one()
        partial = host.store.left_over()
        assert partial
        real = os.statvfs

        def full(path: Any) -> Any:
            fields = list(real(path))
            return os.statvfs_result([*fields[:4], 0 if host.store.left_over() else fields[4], *fields[5:10]])

        monkeypatch.setattr(os, "statvfs", full)
        assert method_of(host.given).forecast().refused
        host.create()
        assert (len(host.store.sets()), host.store.left_over()) == (1, [])


class TestDamage:
    def test_one_bit_in_any_file(self, any_host: Host) -> None:
        (any_host.source / "data").write_bytes(os.urandom(5000))
        any_host.create()
        folder = any_host.newest.folder
        for path in sorted(folder.iterdir()):
            data = path.read_bytes()
            for position in (0, len(data) // 2, len(data) - 1):
                changed = bytearray(data)
                changed[position] ^= 1
                path.write_bytes(changed)
                receipt = any_host.verify()
                assert receipt.faults, (path, position)
                assert not any_host.newest.verified
                if path.name != NAME:
                    assert any_host.newest.failed
            path.write_bytes(data)
        assert any_host.verify().passed and any_host.newest.verified

    @pytest.mark.parametrize("keep", [0, 1, -1])
    def test_cut_off(self, any_host: Host, keep: int) -> None:
        any_host.create()
        for path in sorted(any_host.newest.folder.iterdir()):
            data = path.read_bytes()
            path.write_bytes(data[:keep])
            assert any_host.verify().faults
            path.write_bytes(data)

    def test_one_bit_after_it_was_verified(self, any_host: Host) -> None:
        any_host.create()
        assert any_host.verify().passed
        assert verifying.read_stored(any_host.given, any_host.newest, Progress()) is None
        assert any_host.newest.verified
        stored = next(one for one in any_host.newest.folder.iterdir() if one.name != NAME)
        data = bytearray(stored.read_bytes())
        data[len(data) // 2] ^= 1
        stored.write_bytes(data)
        receipt = verifying.read_stored(any_host.given, any_host.newest, Progress())
        assert receipt is not None and "is not as it was written" in receipt.faults[0]
        assert any_host.newest.failed and not any_host.newest.verified

    def test_missing_and_too_many(self, any_host: Host) -> None:
        any_host.create()
        folder = any_host.newest.folder
        (folder / "stray").touch()
        assert any_host.verify().faults == ("stray: is in the set, and its manifest does not know it",)
        (folder / "stray").unlink()
        name = next(path for path in folder.iterdir() if path.name.startswith("listing"))
        name.unlink()
        assert any_host.verify().faults == (f"{name.name}: No such file or directory",)
        (folder / NAME).unlink()
        assert any_host.verify().faults == ("No such file or directory",)

    @pytest.mark.parametrize(
        ("change", "how"),
        [
            ({"plain_sha256": "0" * 64}, "what it holds is not as the manifest says"),
            ({"plain_size": 1}, "what it holds is not as the manifest says"),
            ({"sha256": "0" * 64}, "its digest is another one"),
            ({"size": 1}, "and 1 were written"),
        ],
    )
    def test_a_manifest_that_lies(self, any_host: Host, change: dict[str, Any], how: str) -> None:
        made = any_host.create()
        lying = replace(made, files=(replace(made.files[0], **change), *made.files[1:]))
        (any_host.newest.folder / NAME).write_text(lying.to_text())
        receipt = any_host.verify()
        assert any(how in fault for fault in receipt.faults)
        assert any_host.newest.failed

    @pytest.mark.parametrize("content", [{}, {"archive": 5}, {"archive": "../../x", "bytes": 0}])
    def test_a_manifest_of_which_nothing_can_be_compared(self, host: Host, content: dict[str, Any]) -> None:
        made = host.create()
        (host.newest.folder / NAME).write_text(replace(made, content=content).to_text())
        assert host.verify().faults
        assert host.newest.failed

    def test_what_age_cannot_read_is_damaged_though_its_digest_is_right(self, host: Host, tools: Tools) -> None:
        host.encrypt(tools)
        made = host.create()
        path = host.newest.folder / made.files[0].path
        data = path.read_bytes()
        for damaged in (b"", b"no age", data[:-1], data[: len(data) // 2], data[:-1] + bytes([data[-1] ^ 1])):
            path.write_bytes(damaged)
            lying = replace(made.files[0], size=len(damaged), sha256=hashlib.sha256(damaged).hexdigest())
            (host.newest.folder / NAME).write_text(replace(made, files=(lying, *made.files[1:])).to_text())
            assert host.verify().faults, damaged
            assert host.newest.failed

    def test_encrypted_for_other_identities(self, host: Host, tools: Tools) -> None:
        host.encrypt(tools)
        host.create()
        other, _recipient = backups.identity()
        with pytest.raises(RunbookError, match="no identity matched"):
            host.verify([other])
        with pytest.raises(RunbookError, match="is encrypted, and no identity was given"):
            host.verify([])
        assert host.newest.receipt is None
        assert host.verify([other, *host.identities]).passed
        assert list(host.scratch.iterdir()) == []

    def test_a_receipt_is_of_one_manifest(self, host: Host) -> None:
        made = host.create()
        assert host.verify().passed
        (host.newest.folder / NAME).write_text(replace(made, end=made.end + 1).to_text())
        assert not host.newest.verified and host.newest.receipt is None


class TestSecrets:
    def test_an_identity_is_in_no_argument_no_environment_and_no_file(self, host: Host, tools: Tools) -> None:
        host.encrypt(tools)
        host.create()
        seen = host.state.parent / "seen"
        age = Path(shutil.which("age") or "")
        real = age.read_text().replace("#!/bin/sh\n", "")
        age.write_text(f'#!/bin/sh\ncat /proc/$$/cmdline /proc/$$/environ >>{seen}\necho "$@" >>{seen}\n{real}')
        assert host.verify().passed
        (identity,) = host.identities
        for path in [seen, *host.state.rglob("*"), *host.store.folder.rglob("*")]:
            assert not path.is_file() or identity.encode() not in path.read_bytes()
        assert b"--identity" in seen.read_bytes()


class TestChosen:
    def test_the_newest_and_one_other(self, tmp_path: Path) -> None:
        sets = [BackupSet(f"2026113{day}T000000Z", tmp_path) for day in range(9)]
        for seed in map(str, range(20)):
            newest, other = verifying.chosen(sets, older=True, seed=seed)
            assert newest is sets[0] and other in sets[1:]
            assert verifying.chosen(sets, older=True, seed=seed) == [newest, other]
        assert verifying.chosen(sets, older=False, seed="") == sets[:1]
        assert verifying.chosen(sets[:1], older=True, seed="") == sets[:1]
        assert verifying.chosen([], older=True, seed="") == []


def _limited(call: Any, size: int) -> str:
    """The error of a call in a process that cannot write larger files, its children neither."""
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
            try:
                call()
            except (RunbookError, OSError) as exc:
                os.write(writes, str(exc).encode())
        finally:
            os._exit(0)
    os.close(writes)
    os.waitpid(child, 0)
    with os.fdopen(reads, "rb") as pipe:
        return pipe.read().decode()
