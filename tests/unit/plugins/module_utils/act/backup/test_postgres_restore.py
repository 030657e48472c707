# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Databases that are restored on a real server: into another one or in place, refused before anything, and undone."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.postgres import tools as postgres_tools
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.postgres.databases import Databases
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from tests.support import crash
from tests.support.peers import Server, base_backup, postgres_programs, postgres_server
from tests.support.restoring import Host

APP = 'app "1"'
RECOVERY = f"{APP}_recovery"

CONTENT = """
CREATE ROLE owner_1 LOGIN PASSWORD 'a password of some length';
CREATE ROLE "reader's" LOGIN;
"""
INSIDE = """
SET search_path = public;
CREATE TABLE customer (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL);
INSERT INTO customer (name) SELECT 'customer ' || n FROM generate_series(1, 337) AS n;
ALTER TABLE customer OWNER TO owner_1;
GRANT SELECT ON customer TO "reader's";
CREATE MATERIALIZED VIEW names AS SELECT name FROM customer;
CREATE SEQUENCE loose START 7; SELECT nextval('loose');
SELECT lo_from_bytea(4711, 'large');
CREATE PUBLICATION pub FOR TABLE customer;
"""


class World(Host):
    """A server with a database, and its backup."""

    def __init__(self, folder: Path, server: Server, **given: Any) -> None:
        self.login = {"address": "127.0.0.1", "port": server.port, "user": "postgres", "timeout": 60}
        super().__init__(folder, "postgres", "dump", login=self.login, databases=[APP], jobs=2, **given)
        self.server = server
        self.databases = Databases(self.login)

    def on_the_same_server(self, folder: Path) -> World:
        """Another host, whose backup is of the same server."""
        folder.mkdir(exist_ok=True)
        return World(folder, self.server)

    def run(self, statement: str, database: str = "") -> None:
        with self.databases.session(database) as cursor:
            cursor.execute(statement)

    def value(self, query: str, database: str) -> Any:
        ((value,),) = self.databases.rows(query, database=database)
        return value

    def customers(self, database: str = APP) -> int:
        return int(self.value("SELECT count(*) FROM public.customer", database))

    def others(self) -> list[str]:
        """The databases beside those of the server and the one in service."""
        return [name for name in self.databases.names() if name not in ("postgres", "template0", "template1", APP)]

    def clear(self) -> None:
        for name in self.others():
            self.databases.discard(name)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A server with one database, and one verified set of that; its programs are in the path."""
    with (
        pytest.MonkeyPatch.context() as patch,
        postgres_server("max_prepared_transactions = 2", "max_connections = 30") as server,
    ):
        patch.setenv("PATH", f"{os.environ['PATH']}{os.pathsep}{postgres_programs()}")
        world = World(tmp_path_factory.mktemp("world"), server)
        world.run(CONTENT)
        world.run(f"CREATE DATABASE {world.databases.quoted(APP)} OWNER owner_1 CONNECTION LIMIT 17 TEMPLATE template0")
        for statement in (
            "ALTER DATABASE {} SET statement_timeout = '7s'",
            "ALTER ROLE owner_1 IN DATABASE {} SET work_mem = '5MB'",
            "COMMENT ON DATABASE {} IS 'says; DATABASE x -- and \"more\"'",
            "REVOKE CONNECT ON DATABASE {} FROM PUBLIC",
            'GRANT CONNECT ON DATABASE {} TO "reader\'s"',
        ):
            world.run(statement.format(world.databases.quoted(APP)))
        world.run(INSIDE, APP)
        world.take()
        yield world


@pytest.fixture
def world(running: World) -> Iterator[World]:
    running.clear()
    yield running
    running.clear()
    for kept in [name for name in running.databases.names() if "_before_" in name]:
        running.databases.discard(kept)


#: What of a database stands outside of it.
ABOUT = """
SELECT concat_ws(' | ', pg_get_userbyid(datdba), ARRAY(SELECT unnest(datacl)::text ORDER BY 1), datconnlimit,
 shobj_description(d.oid, 'pg_database'),
 (SELECT string_agg(setrole::regrole || setconfig::text, ',' ORDER BY setrole) FROM pg_db_role_setting
   WHERE setdatabase = d.oid)) FROM pg_database d WHERE datname = current_database()
"""


def test_a_copy_is_restored_with_all_that_it_is(world: World) -> None:
    outcome = world.restore()
    assert (outcome.name, outcome.in_place, outcome.kept, outcome.faults) == (RECOVERY, False, "", ())
    assert world.others() == [RECOVERY]
    assert world.customers(RECOVERY) == 337
    assert world.value(ABOUT, RECOVERY) == world.value(ABOUT, APP)
    assert world.value("SELECT count(*) FROM pg_largeobject", RECOVERY) == 1
    assert outcome.facts["rows"] == 337
    assert outcome.facts["outward"] == ["publication pub"]
    assert outcome.seconds > 0
    assert outcome.lost_seconds > 0


def test_the_next_row_finds_its_number(world: World) -> None:
    world.restore()
    world.run("INSERT INTO public.customer (name) VALUES ('next')", RECOVERY)
    assert world.value("SELECT max(id) FROM public.customer", RECOVERY) == 338


#: Columns whose next value the server finds, each in a table of its own with 337 rows.
NUMBERED = {
    "serial": "id serial PRIMARY KEY",
    "always": "id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
    "by_default": "id int GENERATED BY DEFAULT AS IDENTITY (START 100 INCREMENT 5) PRIMARY KEY",
    "downwards": "id int GENERATED ALWAYS AS IDENTITY (INCREMENT -1 MINVALUE -1000 MAXVALUE 10 START 10) PRIMARY KEY",
    '"Of its own"': "id int PRIMARY KEY DEFAULT nextval('public.loose')",
}


def test_the_next_row_of_every_table_finds_its_number(world: World, tmp_path: Path) -> None:
    host = world.on_the_same_server(tmp_path)
    tables = {table: f"numbered.{table}" for table in NUMBERED}
    world.run("CREATE SCHEMA numbered", APP)
    try:
        for table, column in NUMBERED.items():
            world.run(f"CREATE TABLE {tables[table]} ({column}, v int)", APP)
            world.run(f"INSERT INTO {tables[table]} (v) SELECT generate_series(1, 337)", APP)
        host.take()
        host.restore()
        for table in tables.values():
            world.run(f"INSERT INTO {table} (v) VALUES (338)", RECOVERY)  # noqa: S608 - a name of this test
            assert world.value(f"SELECT count(DISTINCT id) FROM {table}", RECOVERY) == 338  # noqa: S608
    finally:
        world.run("DROP SCHEMA numbered CASCADE", APP)


def test_a_target_with_anything_in_it_is_refused_and_stays_as_it_is(world: World) -> None:
    world.restore()
    world.run("DELETE FROM public.customer WHERE id > 10", RECOVERY)
    with pytest.raises(
        RunbookError, match=r'app "1"_recovery is not empty, and nothing is restored into it: table or view'
    ):
        world.restore()
    assert world.customers(RECOVERY) == 10
    assert world.others() == [RECOVERY]


def test_an_empty_target_is_taken_and_kept(world: World) -> None:
    world.run("CREATE DATABASE empty")
    outcome = world.restore(target="empty")
    assert world.customers("empty") == 337
    assert world.others() == ["empty", outcome.kept]


def test_the_database_in_service_is_no_target(world: World) -> None:
    with pytest.raises(RunbookError, match=r"is in service: it is replaced only with backup_restore_in_place"):
        world.restore(target=APP)


@pytest.mark.parametrize("typed", ["app", f"{APP} ", "postgres"])
def test_another_name_than_typed_changes_nothing(world: World, typed: str) -> None:
    with pytest.raises(RunbookError, match=r"was typed, and what is restored is|has no database"):
        world.restore(database=APP, in_place=typed)
    assert world.others() == []


def test_in_place_the_old_database_is_kept_and_put_back(world: World) -> None:
    world.run("INSERT INTO public.customer (name) VALUES ('after the set')", APP)
    outcome = world.restore(in_place=APP)
    assert world.customers() == 337
    assert world.customers(outcome.kept) == 338
    assert world.others() == [outcome.kept]
    undone = world.undo(outcome.kept)
    assert world.customers() == 338
    assert world.customers(undone) == 337
    assert world.others() == [undone]
    with pytest.raises(RunbookError, match=f"what is kept: {undone}"):
        world.drop(APP)
    world.drop(undone)
    assert world.others() == []
    world.run("DELETE FROM public.customer WHERE id > 337", APP)


def test_a_database_that_is_lost_comes_back_under_its_name(world: World, tmp_path: Path) -> None:
    world.run("CREATE DATABASE lost")
    world.run("CREATE TABLE public.t AS SELECT generate_series(1, 5)", "lost")
    host = world.on_the_same_server(tmp_path)
    host.given = {**host.given, "databases": ["lost"]}
    host.take(verified=False)
    world.databases.discard("lost")
    outcome = host.restore(unverified=True, in_place="lost")
    assert world.value("SELECT count(*) FROM public.t", "lost") == 5
    assert (outcome.kept, world.others()) == ("", ["lost"])


def test_roles_of_a_set_let_in_by_their_old_passwords(world: World, tmp_path: Path) -> None:
    """What an operator does on a new server before the restore: the roles come as they are in the set."""
    stored = next((world.folder / "backups/main.daily").glob("*/roles.sql"))
    password = "a password of some length"  # noqa: S105 - it opens a server of this test
    with postgres_server() as server:
        made = World(tmp_path, server)
        made.given = {**made.given, "directory": world.given["directory"]}
        roles = [line for line in stored.read_text().split("\n") if "ROLE postgres" not in line]
        made.run("\n".join(line for line in roles if not line.startswith("\\")))
        made.restore()
        (server.folder / "pg_hba.conf").write_text("host all all all scram-sha-256\n")
        made.run("SELECT pg_reload_conf()")
        where: dict[str, Any] = {"host": "127.0.0.1", "port": server.port, "user": "owner_1", "dbname": RECOVERY}
        refused = _refused_in_the_end(where)
        assert "password authentication failed" in refused
        with contextlib.closing(psycopg2.connect(**where, password=password)) as connection:
            cursor = connection.cursor()
            cursor.execute("SELECT count(*) FROM public.customer")
            assert cursor.fetchall() == [(337,)]


def _refused_in_the_end(where: dict[str, Any]) -> str:
    """The error of a login by a wrong password; it takes a moment until a server has read its configuration."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            psycopg2.connect(**where, password="wrong").close()  # noqa: S106
        except psycopg2.OperationalError as exc:
            return str(exc)
        time.sleep(0.1)
    raise AssertionError("the server lets in whoever comes")


def test_subscriptions_of_a_copy_are_off_and_know_no_slot(world: World, tmp_path: Path) -> None:
    world.run(
        "CREATE SUBSCRIPTION sub CONNECTION 'host=192.0.2.1' PUBLICATION p WITH (connect = false, slot_name = 'live')",
        APP,
    )
    host = world.on_the_same_server(tmp_path)
    try:
        host.take(verified=False)
        outcome = host.restore(unverified=True)
        query = "SELECT subname, subenabled, subslotname FROM pg_subscription s JOIN pg_database d ON d.oid = subdbid"
        found = world.databases.rows(f"{query} WHERE datname = %(name)s", {"name": RECOVERY})
        assert found == [("sub", False, None)]
        assert outcome.facts["disabled subscriptions"] == ["sub"]
        world.databases.discard(RECOVERY)
    finally:
        world.run("ALTER SUBSCRIPTION sub SET (slot_name = NONE)", APP)
        world.run("DROP SUBSCRIPTION sub", APP)


class TestRefusals:
    """Whatever is missing is said before anything is made."""

    @pytest.fixture(autouse=True)
    def nothing_is_made(self, world: World) -> Iterator[None]:
        yield
        assert world.others() == []
        assert world.customers() == 337

    @pytest.fixture
    def elsewhere(self, world: World, tmp_path: Path) -> Iterator[World]:
        """Another server, as new, and the same sets."""
        with postgres_server("max_connections = 12") as server:
            made = World(tmp_path, server)
            made.given = {**made.given, "directory": world.given["directory"]}
            yield made
            assert made.others() == []

    def test_roles_that_the_server_lacks(self, elsewhere: World) -> None:
        with pytest.raises(
            RunbookError, match=r"lacks the role owner_1, .*lacks the role reader's, which the set needs"
        ):
            elsewhere.restore()

    def test_too_few_connections(self, elsewhere: World) -> None:
        elsewhere.given = {**elsewhere.given, "jobs": 20}
        with pytest.raises(RunbookError, match=r"connections are free on the server, and 23 are needed"):
            elsewhere.restore()

    def test_a_tablespace_that_the_server_lacks(self, elsewhere: World, world: World, tmp_path: Path) -> None:
        space = world.server.folder.parent / "space"
        space.mkdir()
        if os.geteuid() == 0:
            shutil.chown(space, "nobody", "nogroup")
        world.run(f"CREATE TABLESPACE \"a space\" LOCATION '{space}'")
        world.run('CREATE TABLE public.far (id int) TABLESPACE "a space"', APP)
        try:
            host = world.on_the_same_server(tmp_path / "host")
            host.take(verified=False)
            elsewhere.given = {**elsewhere.given, "directory": host.given["directory"]}
            elsewhere.run(CONTENT)
            with pytest.raises(RunbookError, match="lacks the tablespace a space, which the set needs"):
                elsewhere.restore(unverified=True)
        finally:
            world.run("DROP TABLE public.far", APP)
            world.run('DROP TABLESPACE "a space"')

    def test_a_standby(self, world: World) -> None:
        with postgres_server(prepare=base_backup(world.server)) as standby:
            before = world.given
            world.given = {**before, "login": {**world.login, "port": standby.port}}
            try:
                with pytest.raises(
                    RunbookError, match=r"the server is in recovery .a standby.: restore into its primary"
                ):
                    world.restore()
            finally:
                world.given = before

    @pytest.mark.parametrize(
        ("what", "message"),
        [
            (
                {"extensions": {"pg_cron": "1.4"}},
                "pg_cron can be made in the database that cron.database_name names",
            ),
            ({"extensions": {"nowhere": "1.0"}}, "the extension nowhere 1.0 is not installed on the server"),
            (
                {"extensions": {"plpgsql": "9.9"}},
                "the extension plpgsql is 9.9 in the set, and the server has only 1.0",
            ),
            ({"collate": "xx_XX.UTF-8"}, "the system of the server lacks the locale 'xx_XX.UTF-8'"),
        ],
    )
    def test_what_the_server_lacks(
        self, world: World, monkeypatch: pytest.MonkeyPatch, what: dict[str, Any], message: str
    ) -> None:
        world.altered(monkeypatch, lambda values: values["content"]["databases"][APP].update(what))
        with pytest.raises(RunbookError, match=message):
            world.restore()

    def test_a_server_that_is_older_than_the_set(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        world.altered(monkeypatch, lambda values: values["content"]["server"].update(version="99.1"))
        with pytest.raises(
            RunbookError, match=r"the server is PostgreSQL 1\d.*, older than the 99.1 that the set is of"
        ):
            world.restore()

    def test_tools_of_another_version(self, world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        other = tmp_path / "pg_restore"
        other.write_text("#!/bin/sh\necho 'pg_restore (PostgreSQL) 9.6.24'\n")
        other.chmod(0o755)
        monkeypatch.setattr(postgres_tools, "_FOLDERS", ())
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(RunbookError, match=r"pg_restore on this host is of version 9.6.24: .*install the package"):
            world.restore()

    def test_a_role_that_may_not(self, world: World) -> None:
        world.run("CREATE ROLE small LOGIN CREATEDB")
        before = world.given
        world.given = {**before, "login": {**world.login, "user": "small"}}
        try:
            with pytest.raises(RunbookError, match="the role small is no superuser"):
                world.restore()
        finally:
            world.given = before
            world.run("DROP ROLE small")

    def test_a_prepared_transaction(self, world: World) -> None:
        world.run("BEGIN; DELETE FROM public.customer; PREPARE TRANSACTION 'held'", APP)
        try:
            with pytest.raises(RunbookError, match="has the prepared transaction 'held': end it first"):
                world.restore(in_place=APP)
        finally:
            world.run("ROLLBACK PREPARED 'held'", APP)

    def test_no_room(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        full = os.statvfs_result((4096, 4096, 100, 10, 10, 0, 0, 0, 0, 255))
        monkeypatch.setattr(os, "statvfs", lambda _path: full)
        with pytest.raises(
            RunbookError, match=r"data and .*: 40.0 KiB are free, and .* for the database and to read the set"
        ):
            world.restore()

    def test_a_database_that_takes_no_sessions(self, world: World) -> None:
        world.run("CREATE DATABASE closed ALLOW_CONNECTIONS false")
        try:
            with pytest.raises(RunbookError, match="closed takes no sessions; find out why first"):
                world.restore(target="closed")
        finally:
            world.databases.discard("closed")


def test_a_restore_that_fails_leaves_nothing_of_it(world: World, tmp_path: Path) -> None:
    """A function that needs a search path breaks its index when it is restored: pg_restore fails in the middle."""
    host = world.on_the_same_server(tmp_path)
    world.run(
        """
        SET search_path = public;
        CREATE FUNCTION inner_f(t text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower(t)';
        CREATE FUNCTION outer_f(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN inner_f(t); END';
        CREATE INDEX by_f ON customer (outer_f(name));
        """,
        APP,
    )
    try:
        host.take(verified=False)
        with pytest.raises(
            RunbookError, match=r'app "1" cannot be restored: .*function inner_f\(text\) does not exist'
        ):
            host.restore(unverified=True)
        with pytest.raises(RunbookError, match="cannot be restored"):
            host.restore(unverified=True, in_place=APP)
        assert world.others() == []
        assert world.customers() == 337
    finally:
        world.run("DROP FUNCTION public.outer_f CASCADE; DROP FUNCTION public.inner_f", APP)


@pytest.fixture
def in_the_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only calls that the journal makes kill: between two of them, the server alone is at work."""
    monkeypatch.setattr(crash, "CHANGES", ("pwrite", "fsync"))


@pytest.mark.usefixtures("in_the_journal")
def test_killed_anywhere_the_database_is_the_old_or_the_new_one(world: World) -> None:
    def prepare() -> None:
        world.clear()
        world.run(
            "DELETE FROM public.customer WHERE id > 337; INSERT INTO public.customer (name) VALUES ('later')", APP
        )

    def whole() -> None:
        kept = [name for name in world.others() if "_before_" in name]
        assert world.others() == kept
        assert world.customers() == (337 if kept else 338)

    outcomes = world.killed_everywhere(lambda: world.restore(in_place=APP), prepare, whole)
    assert outcomes == {"done", "rolled_back"}
    world.clear()
    world.run("DELETE FROM public.customer WHERE id > 337", APP)


@pytest.mark.usefixtures("in_the_journal")
def test_killed_anywhere_a_copy_is_there_or_is_not(world: World) -> None:
    def whole() -> None:
        assert world.others() in ([], [RECOVERY])

    assert "rolled_back" in world.killed_everywhere(world.restore, world.clear, whole)


@pytest.mark.usefixtures("in_the_journal")
def test_an_undo_that_is_killed_anywhere_is_done_or_is_not(world: World) -> None:
    kept: list[str] = []
    numbers = itertools.count()

    def prepare() -> None:
        world.clear()
        if not kept or kept[0] not in world.databases.names():
            stamp = f"20261130T{next(numbers):06}Z"
            kept[:] = [f"{APP}_before_{stamp}"]
        world.run(f"CREATE DATABASE {world.databases.quoted(kept[0])}")

    def whole() -> None:
        (left,) = world.others()
        world.run("SELECT 1", APP)
        world.run("SELECT 1", left)

    outcomes = world.killed_everywhere(lambda: world.undo(kept[0]), prepare, whole)
    assert outcomes <= {"done", "rolled_back"}
