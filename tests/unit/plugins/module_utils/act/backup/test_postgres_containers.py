# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PostgreSQL in a container of Compose, on a host without a client: restored by its own programs, and nothing stays."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup import create, inside
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.postgres import tools as postgres_tools
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.postgres.databases import Databases
from ansible_collections.xorb.runbook.plugins.module_utils._act.journal import recover
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from tests.support import crash, docker_of_one
from tests.support.peers import Server, postgres_programs, postgres_server
from tests.support.restoring import Host

PASSWORD = "hemlig-7d1f"  # noqa: S105 - it is looked for where it must not be
SYSTEM = "/usr/sbin:/usr/bin:/sbin:/bin"


class World(Host):
    """A host that has no program of PostgreSQL, a server whose container has them, and a backup of it."""

    def __init__(self, folder: Path, server: Server) -> None:
        self.log = docker_of_one.install(folder, f"{postgres_programs()}:{SYSTEM}")
        bare = folder / "bare"
        bare.mkdir()
        for name in ("setpriv", "unshare", "true", "env", "sh", "tar"):
            (bare / name).symlink_to(f"/usr/bin/{name}")
        self.path = f"{folder}:{bare}"
        self.places = folder / "tmp-of-the-container"
        self.places.mkdir()
        login = {"address": "127.0.0.1", "port": server.port, "user": "postgres", "timeout": 60, "password": PASSWORD}
        container = {"project_src": str(folder), "service": "database", "files": []}
        super().__init__(folder, "postgres", "dump", login=login, databases=["app"], jobs=2, container=container)
        self.databases = Databases(login)

    def rows(self, database: str = "app") -> int:
        ((count,),) = self.databases.rows("SELECT count(*) FROM public.t", database=database)
        return int(count)

    def run(self, statement: str, database: str = "") -> None:
        with self.databases.session(database) as cursor:
            cursor.execute(statement)

    def leftovers(self) -> list[Path]:
        """Folders of ours in the container."""
        return list(self.places.iterdir())

    def workers(self) -> list[int]:
        """Processes that work in them."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                found += [int(process.name)] if self.places in (process / "cwd").readlink().parents else []
        return found

    def others(self) -> list[str]:
        return [name for name in self.databases.names() if name not in ("postgres", "template0", "template1", "app")]

    def words(self) -> list[list[str]]:
        """What the engine was called with."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with postgres_server("max_connections = 30") as server:
        made = World(tmp_path, server)
        monkeypatch.setattr(postgres_tools, "_FOLDERS", ())
        monkeypatch.setattr(inside, "_PREFIX", f"{made.places}/")
        monkeypatch.setenv("PATH", made.path)
        made.run("CREATE DATABASE app TEMPLATE template0")
        made.run("CREATE TABLE public.t AS SELECT generate_series(1, 100) AS a; SELECT lo_from_bytea(4711, 'x')", "app")
        yield made


def test_its_own_programs_restore_it_beside_and_in_place(world: World) -> None:
    world.take(verified=False)
    world.run("INSERT INTO public.t VALUES (101)", "app")
    beside = world.restore(unverified=True)
    assert (beside.name, world.rows("app_recovery"), world.rows()) == ("app_recovery", 100, 101)
    outcome = world.restore(unverified=True, in_place="app")
    assert (world.rows(), world.rows(outcome.kept)) == (100, 101)
    undone = world.undo(outcome.kept)
    assert (world.rows(), world.rows(undone)) == (101, 100)
    world.drop(undone)
    assert world.others() == ["app_recovery"]
    assert world.leftovers() == []
    restores = [one for one in world.words() if any(word.startswith("--dbname=") for word in one)]
    assert [one[0] for one in restores] == ["exec", "exec"]
    for one in world.words():
        assert PASSWORD not in " ".join(one)
        assert not {"-t", "-it", "-ti", "--tty"} & set(one)


def test_a_set_that_cannot_be_restored_leaves_nothing_of_it(world: World) -> None:
    """A function that needs a search path breaks its index when it is restored: pg_restore fails in the middle."""
    world.run(
        """
        SET search_path = public;
        CREATE FUNCTION inner_f(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT i + 1';
        CREATE FUNCTION outer_f(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN inner_f(i); END';
        CREATE INDEX by_f ON t (outer_f(a));
        """,
        "app",
    )
    world.take(verified=False)
    with pytest.raises(RunbookError, match=r"app cannot be restored: .*function inner_f\(integer\) does not exist"):
        world.restore(unverified=True, in_place="app")
    assert (world.others(), world.leftovers(), world.rows()) == ([], [], 100)


def test_no_room_in_the_container_is_said_before_anything(world: World, tmp_path: Path) -> None:
    world.take(verified=False)
    full = tmp_path / "full"
    full.mkdir()
    (full / "stat").write_text("#!/bin/sh\necho 1000 4096 10\n")
    (full / "stat").chmod(0o755)
    docker_of_one.install(tmp_path, f"{full}:{postgres_programs()}:{SYSTEM}")
    with pytest.raises(RunbookError, match=r"in the container: 40.0 KiB are free, and .* are needed for the files"):
        world.restore(unverified=True)
    assert (world.others(), world.leftovers()) == ([], [])


def test_a_container_without_the_programs_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.take(verified=False)
    # The containers of this test have the folders of this host.
    monkeypatch.setattr(postgres_tools, "find_in_container", lambda *_words: None)
    with pytest.raises(RunbookError, match=r"and its container has none: .*install the package postgresql-client-"):
        world.restore(unverified=True)
    assert (world.others(), world.leftovers()) == ([], [])


def test_killed_anywhere_the_database_is_the_old_or_the_new_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    # Between two calls that the journal makes, the server and its container alone are at work.
    monkeypatch.setattr(crash, "CHANGES", ("pwrite",))
    world.take(verified=False)

    def prepare() -> None:
        for name in world.others():
            world.databases.discard(name)
        world.run("DELETE FROM public.t WHERE a > 100; INSERT INTO public.t VALUES (101)", "app")

    def whole() -> None:
        kept = [name for name in world.others() if "_before_" in name]
        assert (world.others(), world.leftovers()) == (kept, [])
        assert world.rows() == (100 if kept else 101)

    outcomes = world.killed_everywhere(lambda: world.restore(unverified=True, in_place="app"), prepare, whole)
    assert outcomes == {"done", "rolled_back"}


_JOB = """
import sys
sys.path[:0] = {paths!r}
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup import create, inside
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.postgres import tools
from ansible_collections.xorb.runbook.plugins.module_utils._act.journal import locked
from ansible_collections.xorb.runbook.plugins.module_utils._act.progress import Progress
tools._FOLDERS = ()
inside._PREFIX = {prefix!r}
with locked({state!r}, what="test", operator="test") as journal:
    create.create({given!r}, journal, Progress())
"""


@pytest.fixture
def killed(world: World) -> Iterator[list[int]]:
    """A job was killed while its dump waited for a table; yields the processes that go on in the container."""
    login = world.given["login"]
    held = psycopg2.connect(host=login["address"], port=login["port"], user=login["user"], dbname="app")
    held.cursor().execute("LOCK TABLE public.t")
    state, prefix = str(world.folder / "state"), f"{world.places}/"
    script = _JOB.format(paths=sys.path, state=state, prefix=prefix, given=dict(world.given))
    with subprocess.Popen([sys.executable, "-c", script]) as job:
        found = _until(world.workers)
        job.send_signal(signal.SIGKILL)
        job.wait()
    assert found
    held.rollback()
    held.close()
    yield found
    for process in found:
        if Path(f"/proc/{process}").exists():
            os.kill(process, signal.SIGKILL)


def _until(condition: Any) -> Any:
    end = time.monotonic() + 120
    while not (found := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    return found


def ended(world: World) -> tuple[list[str], list[str]]:
    """What the next run says of what it ended, and of what it left."""
    with world.journal() as journal:
        done, left = recover(journal, create.RECOVERIES)
        return [one.message for one in done], [one.procedure for one in left]


@pytest.mark.usefixtures("killed")
def test_what_a_killed_dump_left_in_the_container_is_removed_and_named(world: World) -> None:
    ((message,), left) = ended(world)
    assert message.endswith("and nothing is left of it, nor in the container one")
    assert (left, world.leftovers(), world.workers()) == ([], [], [])


@pytest.mark.usefixtures("killed")
def test_in_a_container_that_does_not_run_it_waits_and_keeps_nothing_else_from_work(world: World) -> None:
    (world.folder / docker_of_one.STOPPED).touch()
    assert ended(world) == ([], ["backup_create"])
    (world.folder / docker_of_one.STOPPED).unlink()
    assert len(ended(world)[0]) == 1
    assert (world.leftovers(), world.workers()) == ([], [])


def test_a_folder_in_a_container_takes_files_in_and_gives_them_out(world: World, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    for one in (source, target):
        one.mkdir()
    content = {"toc.dat": b"\x00\r\n\xff" * 100_000, "a 'b'.dat.gz": b"", "-rf": b"x"}
    for name, data in content.items():
        (source / name).write_bytes(data)
    place = inside.Inside.of("one", source)
    place.send(source)
    place.bring(target)
    place.clean()
    place.clean()
    assert {path.name: path.read_bytes() for path in target.iterdir()} == content
    assert world.words()[-1][-1] == place.folder
    assert world.leftovers() == []
