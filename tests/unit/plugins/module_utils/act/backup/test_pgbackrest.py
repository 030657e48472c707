# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sets that a real pgBackRest takes of a real PostgreSQL: taken, listed, proved, and never believed without proof."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._act import journal as journals
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup import expire, listing
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.methods import method_of
from ansible_collections.xorb.runbook.plugins.module_utils._backup import judge
from ansible_collections.xorb.runbook.plugins.module_utils._backup.retention import Retention, decide
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, OK, UNKNOWN
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from tests.support import crash
from tests.support.pgbackrest import Archived, Deadly, archived_server, search_path, user


@pytest.fixture(scope="session")
def archived() -> Iterator[Archived]:
    """A server with sound data; no test damages it or its repository."""
    with archived_server() as found:
        found.sql(
            "CREATE DATABASE app",
        )
        found.sql(
            "CREATE TABLE orders(id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, word text UNIQUE)",
            "INSERT INTO orders(word) SELECT 'w' || g FROM generate_series(1, 500) g",
            "CREATE UNLOGGED TABLE u AS SELECT generate_series(1, 1000) i",
            database="app",
        )
        yield found


@pytest.fixture(autouse=True)
def path_of_postgres(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", search_path())


def test_taken_listed_and_proved(archived: Archived) -> None:
    forecast = archived.forecast()
    assert forecast.refused == ()
    assert "a set of the type full is taken: there is none yet" in forecast.lines
    first = archived.create()
    archived.sql("SELECT nextval('orders_id_seq')", database="app")
    second = archived.create()
    assert first.manifest and second.manifest
    assert (first.manifest.parts, second.manifest.parts) == ("full", "incr")
    assert second.needs == (first.id,)
    assert [one.id for one in archived.store.sets()][:2] == [second.id, first.id]
    receipt = archived.verify(second)
    assert receipt.faults == () and receipt.unknown == ()
    assert receipt.facts["unlogged"] == ["app: public.u"]
    assert receipt.facts["indexes"] >= 2 and receipt.facts["sequences"] == 1
    found = {one.id: one for one in archived.store.sets()}
    assert found[second.id].verified and not found[first.id].verified
    given = {**archived.given, "point": "whole"}
    findings = {one.aspect: one for one in judge.judge(archived.store.sets(), given, "here", second.begin + 60)}
    assert {name: one.status for name, one in findings.items()} == dict.fromkeys(judge.ASPECTS, OK)
    (row, *_others) = listing.listed(archived.given)["sets"]
    assert row["verified"] and row["parts"] == "incr" and row["versions"]["server"] == "15"


class TestRefused:
    """Nothing is taken, and nothing of the server or the repository changes."""

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ("ALTER SYSTEM SET archive_command = ''", "archive_command is empty: no WAL is archived; needed: ALTER"),
            ("ALTER SYSTEM SET archive_command = 'cp %p /tmp/x'", "which hands nothing to pgBackRest"),
        ],
    )
    def test_an_archive_that_is_not_set_up(self, archived: Archived, change: str, message: str) -> None:
        before = [one.id for one in archived.store.sets()]
        archived.sql(change, "SELECT pg_reload_conf()", "SELECT pg_sleep(0.5)")
        try:
            assert message in archived.forecast().refused[0]
            with pytest.raises(RunbookError, match="ALTER SYSTEM SET archive_command"):
                archived.create()
        finally:
            archived.sql("ALTER SYSTEM RESET archive_command", "SELECT pg_reload_conf()", "SELECT pg_sleep(0.5)")
        assert [one.id for one in archived.store.sets()] == before

    def test_a_stanza_of_another_server(self, archived: Archived) -> None:
        with archived_server() as other:
            mixed = {**archived.given, "login": other.given["login"]}
            (refused,) = method_of(mixed).forecast().refused
        assert "is of the cluster" in refused and "another one, or an upgraded one" in refused

    def test_a_repository_that_is_gone(self, archived: Archived) -> None:
        repository = archived.place / "repo"
        repository.rename(archived.place / "moved")
        try:
            with pytest.raises(RunbookError, match="stanza main"):
                archived.store.sets()
            listed = listing.listed(archived.given)
            assert listed["fault"] and listed["sets"] == []
        finally:
            (archived.place / "moved").rename(repository)

    def test_a_set_that_is_not_there(self, archived: Archived) -> None:
        with pytest.raises(RunbookError, match="has no set '20200101-000000F'"):
            archived.store.find("20200101-000000F")


def test_damaged_pages_are_named_and_nothing_expires() -> None:
    with archived_server() as found:
        found.sql("CREATE TABLE big AS SELECT g i, repeat('x', 100) t FROM generate_series(1, 50000) g", "CHECKPOINT")
        found.verify(found.create())
        ((file,),) = found.sql("SELECT pg_relation_filepath('big')")
        with (found.data / file).open("r+b") as data:
            data.seek(8192 * 2 + 500)
            data.write(os.urandom(16))
        # What the server has in its memory is not what it has on its disk.
        with pytest.raises(RunbookError, match=r"pages are damaged: postgres: public.big \(base/5/\d+\)"):
            found.create()
        newest, sound = found.store.sets()
        assert newest.failed and sound.verified
        rule = Retention(daily=0, weekly=0, monthly=0, minimum_redundancy=1)
        expiry = decide(found.store.sets(), rule, time.time())
        assert newest.id in expiry.refused and not expiry.expires
        given = {**found.given, "point": "whole"}
        (verified,) = [
            one for one in judge.judge(found.store.sets(), given, "here", time.time()) if one.aspect == "verified"
        ]
        assert verified.status == CRITICAL and "big" in verified.message
        assert any("big" in fault for fault in found.verify(newest).faults)


def test_without_page_checksums_it_is_not_known() -> None:
    with archived_server(checksums=False) as found:
        assert any("page checksums are off" in line for line in found.forecast().lines)
        receipt = found.verify(found.create())
        assert receipt.faults == ()
        assert receipt.unknown == ("whether pages are damaged, since page checksums are off",)
        given = {**found.given, "point": "whole"}
        (verified,) = [
            one for one in judge.judge(found.store.sets(), given, "here", time.time()) if one.aspect == "verified"
        ]
        assert verified.status == UNKNOWN


def test_wal_that_is_missing_is_named() -> None:
    with archived_server() as found:
        one = found.create()
        gone, last = found.archive(), found.archive()
        found.segments()[gone].unlink()
        assert gone in " ".join(found.forecast().lines)
        assert last > gone
        (fault,) = found.verify(one).faults
        assert fault == f"WAL is missing from the archive: {gone}; no time after that can be restored"
        found.segments()[one.manifest.content["archive"]["start"]].unlink()  # type: ignore[union-attr]
        (fault,) = found.verify(one).faults
        assert fault.startswith("cannot be restored") and "missing from the archive" in fault


def test_a_file_that_is_rotten_in_the_repository() -> None:
    with archived_server() as found:
        one = found.create()
        largest = max((found.place / "repo/backup").rglob("*.gz"), key=lambda path: path.stat().st_size)
        data = bytearray(largest.read_bytes())
        data[len(data) // 2] ^= 1
        largest.write_bytes(data)
        (fault,) = found.verify(one).faults
        assert fault.startswith("cannot be restored: ")


def test_tablespaces_go_into_scratch_and_unknown_ones_are_refused() -> None:
    with archived_server() as found:
        folders = [found.place / name for name in ("one", "two")]
        for folder in folders:
            folder.mkdir(mode=0o700)
            if os.geteuid() == 0:
                shutil.chown(folder, user())
        found.sql(f"CREATE TABLESPACE one LOCATION '{folders[0]}'", "CREATE TABLE t TABLESPACE one AS SELECT 1")
        one = found.create()
        before = tree(folders[0])
        assert found.verify(one).faults == ()
        assert tree(folders[0]) == before
        found.sql(f"CREATE TABLESPACE two LOCATION '{folders[1]}'", "CREATE TABLE u TABLESPACE two AS SELECT 1")
        found.archive()
        before, archive = tree(folders[1]), sorted(found.segments())
        with pytest.raises(RunbookError, match=f"has no tablespace two in {folders[1]}, which the server here has"):
            found.verify(one)
        assert (tree(folders[1]), sorted(found.segments())) == (before, archive)
        assert found.store.find(one.id).receipt and found.sql("SELECT count(*) FROM u") == [(1,)]
        assert found.verify(found.create()).faults == ()


def test_what_nothing_keeps_goes_with_its_wal() -> None:
    with archived_server() as found:
        found.more["repository"] = {"full_days": 1e-9}
        ids = [found.create().id for _time in range(3)]
        for one in found.store.sets():
            assert found.verify(one).faults == ()
        found.more["keep"] = {"daily": 0, "weekly": 0, "monthly": 0, "minimum_redundancy": 1}
        now = time.time()
        expires, refused = expire.decided(found.given, ids, now)
        assert set(expires) == set(ids[:2]) and ids[2] in refused[0]
        segments = len(found.segments())
        with journals.locked(found.place / "state", what="test", operator="test") as journal:
            gone = [name for name, _why in expire.expire(found.given, ids, journal)]
        assert sorted(gone) == ids[:2]
        assert [one.id for one in found.store.sets()] == ids[2:]
        assert 0 < len(found.segments()) < segments
        assert found.verify(found.store.find(ids[2])).faults == ()


@pytest.mark.parametrize(
    ("phase", "outcome", "more"),
    [("preparing", None, 0), ("taking", "rolled_back", 0), ("reading what was taken", "done", 1)],
)
def test_killed_while_it_is_taken(archived: Archived, phase: str, outcome: str | None, more: int) -> None:
    before = len(archived.store.sets())
    assert crash.killed(lambda: archived.create(Deadly(phase)), at=10**9)
    assert len(archived.store.sets()) == before + more
    made = archived.create()
    assert archived.ended == [one for one in [outcome] if one]
    assert len(archived.store.sets()) == before + more + 1
    assert archived.verify(made).faults == ()


def test_killed_while_pgbackrest_works(archived: Archived) -> None:
    """It ends with the job, and the next one is whole."""
    before = len(archived.store.sets())
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            archived.create()
        os._exit(0)
    end = time.monotonic() + 120
    while not list((archived.place / "lock").glob("*backup*")):
        assert time.monotonic() < end
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    archived.create()
    assert len(archived.store.sets()) - before in (1, 2)
    assert archived.ended in (["rolled_back"], ["done"])


@pytest.mark.parametrize("phase", ["restoring", "fetching WAL", "checking app", "checking pages"])
def test_killed_while_it_is_proved(archived: Archived, phase: str) -> None:
    one = archived.create()
    assert crash.killed(lambda: archived.verify(one, Deadly(phase)), at=10**9)
    assert archived.store.find(one.id).receipt is None
    assert archived.verify(one).faults == ()
    assert archived.ended == ["rolled_back"]
    assert list((archived.place / "scratch").iterdir()) == []


def test_a_set_that_others_need_is_never_removed(archived: Archived) -> None:
    full = next(one for one in archived.store.sets() if not one.needs)
    with pytest.raises(RunbookError, match="cannot be restored without it"):
        archived.store.remove(full.id)
    assert full.id in [one.id for one in archived.store.sets()]


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, with what is in it."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
