# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A whole server, restored beside the live one: to the moment that was asked for, or not at all."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._act import journal as journals
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup import restore
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.restorer import Request
from ansible_collections.xorb.runbook.plugins.module_utils._act.progress import Progress
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from tests.support import crash, peers
from tests.support.pgbackrest import Archived, Deadly, archived_server, search_path, user


@pytest.fixture(autouse=True)
def path_of_postgres(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", search_path())


@dataclass
class Story:
    """A server with one marker after the other: a set before, and a disaster between them."""

    archived: Archived
    set: str
    before: float
    transaction: str
    after: float

    def restore(self, **request: Any) -> restore.Outcome:
        """Restore, having ended what was left half done."""
        with self.journal() as journal:
            return restore.restore(self.archived.given, Request(**request), (), journal, Progress())

    @contextlib.contextmanager
    def journal(self) -> Iterator[journals.Journal]:
        """The lock of the host, and its journal, with nothing left half done."""
        with journals.locked(self.archived.place / "state", what="test", operator="test") as journal:
            journals.recover(journal, restore.recoveries(self.archived.given))
            yield journal

    @property
    def state(self) -> tuple[list[str], list[str], list[Any]]:
        """What a restore must not touch: the archive, the sets, the live data."""
        found = self.archived
        live = found.sql("SELECT word FROM marker ORDER BY at")
        return sorted(found.segments()), [one.id for one in found.store.sets()], live


@pytest.fixture(scope="module")
def story() -> Iterator[Story]:
    with archived_server() as found:
        found.sql(
            "CREATE TABLE marker(word text PRIMARY KEY, at timestamptz DEFAULT clock_timestamp())",
            "CREATE PUBLICATION all_of_it FOR ALL TABLES",
            "CREATE SUBSCRIPTION from_elsewhere CONNECTION 'host=127.0.0.1 port=1' PUBLICATION x"
            " WITH (connect = false, enabled = false, slot_name = 'theirs')",
        )
        found.sql("INSERT INTO marker(word) VALUES ('in the set')")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PATH", search_path())
            one = found.create()
            assert found.verify(one).faults == ()
        found.sql("INSERT INTO marker(word) VALUES ('good')", "SELECT pg_sleep(0.3)")
        before = time.time()
        ((transaction,),) = found.sql(
            "SELECT pg_sleep(0.3)", "INSERT INTO marker(word) VALUES ('disaster') RETURNING pg_current_xact_id()::text"
        )
        found.sql("INSERT INTO marker(word) VALUES ('later')")
        after = time.time()
        found.archive()
        yield Story(found, one.id, before, transaction, after)


@pytest.fixture
def target() -> Iterator[Path]:
    """A folder that the user of the server gets to; it is not there yet."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "copy"


def words(target: Path) -> list[str]:
    """The markers of a copy, which is started as the page says it."""
    socket = target / "s"
    command = [
        *(["setpriv", f"--reuid={user()}", "--regid=nogroup", "--clear-groups"] if os.geteuid() == 0 else []),
        str(peers.postgres_programs() / "postgres"), "-D", str(target / "data"),
        "-c", f"config_file={target / 'server.conf'}",
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=target)
    try:
        while True:
            assert process.poll() is None
            with contextlib.suppress(psycopg2.OperationalError):
                connection = psycopg2.connect(host=str(socket), user="postgres", dbname="postgres")
                break
            time.sleep(0.1)
        with contextlib.closing(connection):
            cursor = connection.cursor()
            cursor.execute("SELECT pg_is_in_recovery(), current_setting('archive_mode')")
            assert cursor.fetchone() == (False, "off")
            cursor.execute("SELECT subenabled, subslotname FROM pg_subscription")
            assert cursor.fetchall() == [(False, None)]
            cursor.execute("SELECT word FROM marker ORDER BY at")
            return [word for (word,) in cursor.fetchall()]
    finally:
        process.terminate()
        process.wait()


def test_to_a_time(story: Story, target: Path) -> None:
    state = story.state
    outcome = story.restore(at=story.before, target=str(target))
    assert outcome.set == story.set and outcome.faults == ()
    assert "recovery stopping before commit of transaction" in outcome.facts["stopped"]
    assert outcome.facts["disabled subscriptions"] == ["postgres: from_elsewhere"]
    assert outcome.lost_seconds == pytest.approx(time.time() - story.before, abs=outcome.seconds + 1)
    assert words(target) == ["in the set", "good"]
    assert story.state == state


def test_to_just_before_a_transaction(story: Story, target: Path) -> None:
    outcome = story.restore(set=story.set, transaction=story.transaction, target=str(target))
    assert f"transaction {story.transaction}," in outcome.facts["stopped"]
    assert words(target) == ["in the set", "good"]


def test_to_the_end_of_a_set(story: Story, target: Path) -> None:
    story.restore(set=story.set, target=str(target))
    assert words(target) == ["in the set"]


@pytest.mark.parametrize(
    ("request_of", "message"),
    [
        (lambda story: {"at": story.before - 86400}, "there is no set of"),
        (lambda _story: {"at": time.time() + 3600}, "and so not to"),
        (lambda story: {"set": story.set, "transaction": "4294967290"}, "recovery ended before configured recovery"),
        (lambda story: {"set": story.set, "transaction": "1; DROP"}, "expected the number of one"),
        (lambda _story: {"set": "20200101-000000F"}, "there is no set 20200101-000000F"),
        (lambda story: {"at": story.before, "in_place": "db.whole"}, "beside the live one only"),
        (lambda story: {"at": story.before, "database": "app"}, "beside the live one only"),
    ],
)
def test_what_cannot_be_reached_leaves_all_as_it_is(story: Story, target: Path, request_of: Any, message: str) -> None:
    state = story.state
    target.mkdir()
    with pytest.raises(RunbookError, match=message):
        story.restore(target=str(target), **request_of(story))
    assert list(target.iterdir()) == [] and list(target.parent.iterdir()) == [target]
    assert story.state == state


def test_a_folder_with_anything_in_it_is_refused(story: Story, target: Path) -> None:
    target.mkdir()
    (target / "mine").write_text("x")
    with pytest.raises(RunbookError, match="is not empty, and nothing is restored into it"):
        story.restore(at=story.before, target=str(target))
    assert (target / "mine").read_text() == "x"


@pytest.mark.parametrize("where", ["", "inside", ".."])
def test_the_live_data_is_never_a_target(story: Story, where: str) -> None:
    path = (story.archived.data / where).resolve()
    with pytest.raises(RunbookError, match="the data of the live server"):
        story.restore(at=story.before, target=str(path))


@pytest.mark.parametrize("phase", ["restoring", "replaying WAL", "checking postgres", "putting it in place"])
def test_killed_in_the_middle_of_it(story: Story, target: Path, phase: str) -> None:
    """The next run leaves nothing of it, and then does it."""
    state = story.state

    def act() -> None:
        with story.journal() as journal:
            request = Request(at=story.before, target=str(target))
            restore.restore(story.archived.given, request, (), journal, Deadly(phase))

    assert crash.killed(act, at=10**9)
    with story.journal():
        assert list(target.parent.iterdir()) == []
    assert story.state == state
    story.restore(at=story.before, target=str(target))
    assert words(target) == ["in the set", "good"]
