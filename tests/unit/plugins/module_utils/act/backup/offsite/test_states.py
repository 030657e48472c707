# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""States that a repository can be in, each on a real one: named, and nothing is made or removed because of it."""

from __future__ import annotations

import os
import shutil
import stat
import threading
from pathlib import Path

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._clients import restic_fault
from ansible_collections.xorb.runbook.plugins.module_utils._clients.restic_fault import state_of

from tests.support import copies, peers
from tests.support.copies import Copies

NONE_KEPT = {"keep": {"daily": 0, "weekly": 0, "monthly": 0, "minimum_redundancy": 1}}


@pytest.fixture
def used(site: Copies) -> Copies:
    """A repository with a copy, and a set that is to be copied next."""
    site.initialized()
    site.take()
    return site


def _unchanged(site: Copies, state: str, sentence: str, status: str = "unknown", **options: object) -> None:
    """Preview and run fail with the sentence, the check says so, and no byte of the data is another one."""
    before = site.data()
    assert before
    for done in (site.plan(**options), site.copy(**options), site.copy(initialize=True, **options)):
        assert done["failed"] and sentence in done["msg"], done
    assert site.record.state == state
    assert site.findings()["copied"].status == status
    assert sentence in site.findings()["copied"].message
    assert site.data() == before


def test_never_used_is_not_made_by_itself(site: Copies) -> None:
    site.take()
    done = site.copy()
    assert done["failed"] and "there is no repository, and none is made unless that is asked for" in done["msg"]
    assert "backup_copy_initialize=true" in done["msg"]
    assert not site.repository.exists()


def test_gone_is_not_made_again(used: Copies) -> None:
    with used.without("config", "keys"):
        _unchanged(used, "missing", "there is no repository, and none is made", "critical")
        assert not (used.repository / "config").exists()
    assert not used.copy().get("failed")
    assert used.statuses() == {"copied": "ok", "copy_proved": "ok"}


def test_keys_that_have_gone_are_not_made_again(used: Copies) -> None:
    with used.without("keys"):
        _unchanged(used, "wrong_password", "this password does not open it, or its files of keys have gone")


def test_wrong_password(used: Copies) -> None:
    _unchanged(used, "wrong_password", "this password does not open it", password="of-another-one")  # noqa: S106


def test_another_repository_in_its_place(used: Copies) -> None:
    used.repository.rename(used.folder / "first")
    used.restic("init")
    done = used.copy()
    assert done["failed"] and "is another repository than the one that this host has used" in done["msg"]
    assert used.copied() == []
    assert used.findings()["copied"].status == "critical"


def test_repository_that_is_there_is_taken_on_when_asked_for(site: Copies) -> None:
    name = site.take()
    site.restic("init")
    done = site.copy()
    assert done["failed"] and "this host has never used this repository" in done["msg"]
    assert site.copied() == []
    done = site.copy(initialize=True)
    assert not done.get("failed") and [one["id"] for one in done["copied"]] == [name]


def test_what_is_left_of_one_is_never_written_over(site: Copies) -> None:
    """A new host that knows nothing, and a repository whose config was removed."""
    site.initialized()
    (site.repository / "config").unlink()
    shutil.rmtree(site.store.folder / ".copies")
    before = site.data()
    for done in (site.plan(initialize=True), site.copy(initialize=True)):
        assert done["failed"] and "it may be what is left of one, so none is made there" in done["msg"]
    assert site.data() == before and not (site.repository / "config").exists()


@pytest.mark.parametrize(
    ("repository", "more"),
    [
        ("s3:http://127.0.0.1:{port}/bucket/a", {"access_key_id": copies.KEY_ID, "secret_access_key": copies.KEY}),
        ("sftp://a@127.0.0.1:{port}//a", {"identity": "not-of-anything", "known_hosts": "none"}),
    ],
)
def test_server_that_is_not_there(used: Copies, repository: str, more: dict[str, str]) -> None:
    address = repository.format(port=peers.free_port())
    before = used.data()
    done = used.copy(repository=address, answer_timeout=10, **more)
    assert done["failed"] and f"{address}: cannot be reached" in done["msg"]
    assert used.record.state == "unreachable" and used.findings()["copied"].status == "unknown"
    assert used.data() == before


def test_server_that_does_not_answer(site: Copies) -> None:
    with peers.silent() as port:
        site.access = {"access_key_id": copies.KEY_ID, "secret_access_key": copies.KEY}
        site.take()
        done = site.copy(repository=f"s3:http://127.0.0.1:{port}/bucket/a", answer_timeout=2)
    assert done["failed"] and "cannot be reached: no answer within 2 s" in done["msg"]


def test_key_of_ssh_that_the_server_does_not_let_in(site: Copies) -> None:
    site.take()
    with copies.sftp() as (access, folder), copies.sftp() as (another, _folder):
        site.access = {**access, "identity": another["identity"]}
        done = site.copy(initialize=True)
        assert done["failed"] and "this host may not do that there" in done["msg"], done["msg"]
        site.access = {**access, "known_hosts": another["known_hosts"]}
        done = site.copy(initialize=True)
        assert done["failed"] and "this host may not do that there" in done["msg"], done["msg"]
        assert not folder.exists()


def test_key_of_s3_that_the_server_does_not_let_in(site: Copies) -> None:
    site.take()
    with copies.s3() as (access, folder):
        site.access = {**access, "access_key_id": "AKIAIOSFODNN7ANOTHER"}
        done = site.copy(initialize=True)
        assert done["failed"] and "this host may not do that there" in done["msg"], done["msg"]
        assert not folder.exists()


class TestLocks:
    def test_client_at_work_is_named_and_costs_no_copy(self, used: Copies) -> None:
        with used.locked_by_another() as client:
            done = used.copy(check=True)
            assert done["failed"] and len(done["copied"]) == 1
            assert f"is locked by another client of restic: process {client.pid} of" in done["msg"]
            assert "it is at work" in done["msg"]
        assert used.record.proofs[-1].faults == ()

    def test_dead_client_of_another_run_is_not_unlocked(self, used: Copies) -> None:
        with used.locked_by_another() as client:
            pass
        done = used.copy(check=True)
        assert done["failed"] and f"process {client.pid} of" in done["msg"]
        assert "has no such process, and no run of this one had" in done["msg"] and "restic unlock" in done["msg"]
        assert list((used.repository / "locks").iterdir())

    def test_dead_client_of_an_own_run_is_unlocked(self, used: Copies) -> None:
        kills = _kills_after(used, "backup")
        with kills:
            done = used.copy()
            assert done["failed"]
        assert list((used.repository / "locks").iterdir()) and used.record.clients
        done = used.copy(check=True)
        assert not done.get("failed"), done
        assert len(done["unlocked"]) == 1 and len(done["copied"]) == 1
        assert not list((used.repository / "locks").iterdir()) and not used.record.clients

    def test_client_that_still_lives_is_none_that_is_dead(self, used: Copies) -> None:
        """Its process is one that a run of this host has started, as the record says; it is there, nevertheless."""
        with used.locked_by_another() as client:
            _add_client(used, client.pid)
            done = used.copy(check=True)
            assert done["failed"] and "it is at work" in done["msg"] and done["unlocked"] == []
            assert list((used.repository / "locks").iterdir())

    def test_dead_client_is_unlocked_once_its_parent_has_taken_note_of_it(self, used: Copies) -> None:
        """Until then restic finds its process, takes it for alive, and leaves its lock."""
        with used.locked_by_another() as client:
            _add_client(used, client.pid)
            client.kill()
            parent = threading.Timer(5, client.wait)
            parent.start()
            done = used.copy(check=True)
            parent.join()
            assert not done.get("failed"), done
            assert len(done["unlocked"]) == 1 and not list((used.repository / "locks").iterdir())


def _add_client(site: Copies, process: int) -> None:
    path = site.store.folder / ".copies/offsite.json"
    path.write_text(path.read_text().replace('"clients": []', f'"clients": [{process}]'))


class _kills_after:  # noqa: N801 - used as a function is
    """Restic that is killed by signal 9 once it holds a lock, while it does one of its commands."""

    def __init__(self, site: Copies, command: str) -> None:
        self._path = site.folder / "commands/restic"
        self._own = self._path.read_text()
        real = " ".join(peers.program("restic"))
        self._script = f"""#!/bin/bash
case " $* " in *" {command} "*) ;; *) exec {real} "$@" ;; esac
(for _ in $(seq 6000); do
    [ "$(ls {site.repository}/locks | grep -v tmp)" ] && kill -STOP $$ && kill -9 $$ && exit
    sleep 0.01
done) &
exec {real} "$@"
"""

    def __enter__(self) -> None:
        self._path.write_text(self._script)

    def __exit__(self, *_exc: object) -> None:
        self._path.write_text(self._own)


class TestEmptied:
    def test_snapshots_that_have_gone_are_named_and_copied_again(self, used: Copies) -> None:
        before = used.data()
        with used.without("snapshots"):
            (used.repository / "snapshots").mkdir()
            used.options = NONE_KEPT
            preview = used.plan()
            assert preview["failed"] and "have gone from the repository" in preview["msg"]
            assert preview["nothing_expires"].startswith("nothing expires: ")
            done = used.copy()
            assert done["failed"] and "have gone from the repository" in done["msg"]
            assert before.items() <= used.data().items()

    def test_what_is_no_more_on_the_host_stays_lost_until_it_is_given_up(self, used: Copies) -> None:
        used.copy()
        old = used.copied()[0]
        shutil.rmtree(used.store.folder / old)
        used.restic("forget", next(one["id"] for one in used.snapshots() if f"set:{old}" in one["tags"]))
        for _run in range(2):
            done = used.copy()
            assert done["failed"] and f"{old} have gone from the repository" in done["msg"]
            assert used.findings()["copied"].status == "critical" and old in used.findings()["copied"].message
        assert not used.copy(accept_loss=True).get("failed")
        assert used.statuses()["copied"] == "ok"

    def test_nothing_is_removed_meanwhile(self, used: Copies) -> None:
        used.copy()
        used.take()
        used.copy()
        used.options = NONE_KEPT
        shown = [one["snapshot"] for one in used.plan()["expires"]]
        newest = used.copied()[-1]
        shutil.rmtree(used.store.folder / newest)
        used.restic("forget", next(one["id"] for one in used.snapshots() if f"set:{newest}" in one["tags"]))
        done = used.copy(expires=shown)
        assert done["failed"] and done["expired"] == []
        assert len(used.snapshots()) == 2


def test_snapshot_from_the_future_keeps_all(used: Copies) -> None:
    used.copy()
    used.options = NONE_KEPT
    shown = [one["snapshot"] for one in used.plan()["expires"]]
    assert shown
    tags = [word for name in ("platform:lab", "service:proxy", "backup:config") for word in ("--tag", name)]
    used.restic("backup", "--host", "one", *tags, "--time", "2071-01-01 00:00:00", str(used.folder / "etc"))
    done = used.copy(expires=shown)
    assert done["failed"] and "is from the future" in done["msg"]
    assert len(used.snapshots()) == 3


class TestRot:
    @pytest.fixture
    def pack(self, used: Copies) -> Path:
        """The largest pack of data, one byte of which is changed."""
        (used.folder / "etc/noise").write_bytes(os.urandom(1 << 18))
        used.take()
        used.copy()
        path = max((path for path in (used.repository / "data").rglob("*") if path.is_file()), key=_size)
        path.chmod(stat.S_IRUSR | stat.S_IWUSR)
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        return path

    def test_damaged_pack_is_named(self, used: Copies, pack: Path) -> None:
        used.options = {"read_share": 100}
        done = used.copy(check=True)
        assert done["failed"] and f"pack {pack.name[:8]}" in done["msg"] and "damaged" in done["msg"]
        found = used.findings()["copy_proved"]
        assert found.status == "critical" and pack.name[:8] in found.message
        assert used.plan()["nothing_expires"] == "nothing expires: the last check found the repository damaged"
        # A damaged one is checked in each run, until it is whole again.
        assert used.plan()["checks"]

    def test_plain_check_does_not_see_it(self, used: Copies, pack: Path) -> None:
        assert pack.exists()
        used.restic("check")

    def test_pack_that_has_gone_is_named(self, used: Copies, pack: Path) -> None:
        pack.unlink()
        done = used.copy(check=True)
        assert done["failed"] and pack.name[:8] in done["msg"]


def _size(path: Path) -> int:
    return path.stat().st_size


def test_file_that_cannot_be_read_is_no_copy(used: Copies) -> None:
    """Restic ends with 3, having made a snapshot without it."""
    path = used.folder / "commands/restic"
    newest = used.store.sets()[0]
    gone = next(one for one in sorted(newest.folder.iterdir()) if one.name != "manifest.json")
    own = path.read_text()
    # Root reads everything: a folder in the place of the file is what it cannot open as one.
    path.write_text(
        own.replace(
            "#!/bin/sh\n",
            f"""#!/bin/sh
case " $* " in *" backup "*)
    mv {gone} {used.folder}/aside
    {" ".join(peers.program("restic"))} "$@"
    mv {used.folder}/aside {gone}
    exit 3 ;;
esac
""",
        )
    )
    done = used.copy()
    assert done["failed"] and "not every file could be read, so the copy is incomplete" in done["msg"]
    path.write_text(own)
    assert len(used.copied()) == 2
    done = used.copy()
    assert not done.get("failed") and [one["id"] for one in done["copied"]] == [newest.id]
    assert [bool(one.fault) for one in used.record.copies].count(True) == 1
    assert any(f"{gone.name} is missing" in one.fault for one in used.record.copies)
    used.options = {"keep": {"daily": 7}}
    shown = used.plan()["expires"]
    assert [one["why"] for one in shown] == ["another copy of the same set is whole"]
    used.copy(expires=[one["snapshot"] for one in shown])
    assert len(used.copied()) == 2


def test_repository_that_keeps_what_is_removed(used: Copies) -> None:
    """As one that only lets clients add: deletes are denied."""
    used.copy()
    used.options = NONE_KEPT
    shown = [one["snapshot"] for one in used.plan()["expires"]]
    before = used.data()
    with _immutable(used.repository / "snapshots"):
        done = used.copy(expires=shown)
    assert done["failed"] and "this host may not do that there" in done["msg"], done["msg"]
    assert done["expired"] == [] and len(used.snapshots()) == 2
    assert used.data() == before
    assert used.statuses()["copied"] == "ok"


class _immutable:  # noqa: N801 - used as a function is
    """A repository whose snapshots cannot be removed: a program in the place of restic refuses to."""

    def __init__(self, folder: Path) -> None:
        self._path = folder.parents[1] / "commands/restic"
        self._own = self._path.read_text()

    def __enter__(self) -> None:
        complaint = "unable to remove <snapshot/1a> from the repository"
        refusal = f'case " $* " in *" forget "*) echo "{complaint}" >&2; exit 0 ;; esac\n'
        self._path.write_text(self._own.replace("#!/bin/sh\n", f"#!/bin/sh\n{refusal}"))

    def __exit__(self, *_exc: object) -> None:
        self._path.write_text(self._own)


OPENING, THERE = "Fatal: unable to open config file: Stat: ", "Is there a repository at the following location?\n/srv/a"


@pytest.mark.parametrize(
    ("status", "printed", "state"),
    [
        (10, "Fatal: repository does not exist: unable to open config file: stat: no such file", "missing"),
        (11, "unable to create lock in backend: repository is already locked by PID 1", "locked"),
        (12, "Fatal: wrong password or no key found", "wrong_password"),
        (1, "Fatal: wrong password or no key found", "wrong_password"),
        (1, "Fatal: unable to create lock in backend: repository is already locked exclusively by PID 9", "locked"),
        (1, f"{OPENING}The Access Key Id you provided does not exist in our records.\n{THERE}", "refused"),
        (1, f"{OPENING}Get 'http://x': dial tcp 1.2.3.4:9: connect: connection refused\n{THERE}", "unreachable"),
        (1, f"{OPENING}stat /srv/a/config: no such file or directory\n{THERE}", "missing"),
        (1, "unable to create lock in backend: open /srv/a/locks/1a: permission denied", "refused"),
        (1, "Save(<data/1>) failed: write: no space left on device", "full"),
        (1, "Load(<index/1>): ciphertext verification failed", "rotten"),
        (99, "something that nobody has seen", "failed"),
        (3, "", "failed"),
    ],
)  # fmt: skip
def test_state_by_status_or_by_words(status: int, printed: str, state: str) -> None:
    assert state_of(status, printed) == state
    assert state in vars(restic_fault).values()


@pytest.fixture(autouse=True)
def _no_password_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the environment of the operator says of restic is nothing that a run may follow."""
    monkeypatch.setenv("RESTIC_REPOSITORY", "/nonexistent")
    monkeypatch.setenv("RESTIC_PASSWORD_FILE", os.devnull)
