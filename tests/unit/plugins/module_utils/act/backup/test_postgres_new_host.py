# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A database on a server that has nothing of the old one: its roles come with it, and it does nothing by itself."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup import restore
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.postgres import names, roles
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.postgres.databases import Databases
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.postgres.quiet import Quiet
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.restored import Records
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.restorers import restorer_of
from ansible_collections.xorb.runbook.plugins.module_utils._act.journal import Journal
from ansible_collections.xorb.runbook.plugins.module_utils._act.progress import Progress
from ansible_collections.xorb.runbook.plugins.module_utils._backup.store import folder_of
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import crash
from tests.support.peers import Server, postgres_programs, postgres_server
from tests.support.restoring import Host

APP = "app"
PASSWORD = "a password of some length"  # noqa: S105 - it opens servers of this test

ROLES = f"""
CREATE ROLE "the owner" NOLOGIN;
CREATE ROLE client LOGIN PASSWORD '{PASSWORD}' CONNECTION LIMIT 5 IN ROLE "the owner";
CREATE ROLE shared LOGIN PASSWORD '{PASSWORD}';
CREATE ROLE "it's" NOLOGIN;
CREATE ROLE "odd; ""CREATE ROLE x;"" -- /* 'text" NOLOGIN IN ROLE "it's" ADMIN client;
COMMENT ON ROLE "odd; ""CREATE ROLE x;"" -- /* 'text" IS E'back\\\\slash; ''\nCREATE ROLE y;';
ALTER ROLE "it's" SET search_path = '$user', "a;b", 'c''d';
ALTER ROLE client SET work_mem = '5MB';
COMMENT ON ROLE client IS 'says; CREATE ROLE x; -- "and" it''s more';
GRANT pg_read_all_settings TO client;
GRANT "it's" TO shared WITH ADMIN OPTION;
"""
#: What acts by itself, or reaches another server: its address answers nobody.
INSIDE = """
SET search_path = public;
CREATE TABLE public.t AS SELECT generate_series(1, 337) AS id, 'name' AS name;
CREATE INDEX by_name ON public.t (name);
ALTER TABLE public.t OWNER TO "the owner";
GRANT SELECT ON public.t TO "it's";
CREATE EXTENSION postgres_fdw;
CREATE EXTENSION dblink;
CREATE SERVER production FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '192.0.2.1');
CREATE USER MAPPING FOR PUBLIC SERVER production OPTIONS (user 'x', password 'secret-of-mapping');
CREATE FOREIGN TABLE public.far (id int) SERVER production;
CREATE FUNCTION public.calls() RETURNS event_trigger LANGUAGE plpgsql AS $$
  BEGIN INSERT INTO public.t VALUES (0, 'was called'); END $$;
CREATE EVENT TRIGGER calls_out ON ddl_command_end EXECUTE FUNCTION public.calls();
CREATE EVENT TRIGGER always_out ON ddl_command_end EXECUTE FUNCTION public.calls();
ALTER EVENT TRIGGER always_out ENABLE ALWAYS;
ALTER EVENT TRIGGER calls_out DISABLE; ALTER EVENT TRIGGER always_out DISABLE;
CREATE SUBSCRIPTION sub CONNECTION 'host=192.0.2.1' PUBLICATION p WITH (connect = false, slot_name = 'live');
ALTER EVENT TRIGGER calls_out ENABLE; ALTER EVENT TRIGGER always_out ENABLE ALWAYS;
"""


class World(Host):
    """A server, and the backup of its database."""

    def __init__(self, folder: Path, server: Server, **given: Any) -> None:
        self.login = {"address": "127.0.0.1", "port": server.port, "user": "postgres", "timeout": 60}
        super().__init__(folder, "postgres", "dump", login=self.login, databases=[APP], jobs=2, **given)
        self.server = server
        self.databases = Databases(self.login)

    def run(self, script: str, database: str = "") -> None:
        with self.databases.session(database) as cursor:
            cursor.execute(script)

    def value(self, query: str, database: str = "") -> Any:
        ((value,),) = self.databases.rows(query, database=database)
        return value

    def roles(self) -> list[str]:
        rows = self.databases.rows("SELECT rolname::text FROM pg_roles WHERE rolname !~ '^pg_' ORDER BY 1")
        return [name for (name,) in rows if name != "postgres"]

    def made(self) -> list[str]:
        return [name for name in self.databases.names() if name not in ("postgres", "template0", "template1")]

    def clear(self) -> None:
        for name in self.made():
            self.databases.discard(name)
        for name in self.roles():
            self.run(f"DROP ROLE {self.databases.quoted(name)}")

    def dumped(self) -> str:
        """What pg_dumpall says of the roles."""
        words = [f"{postgres_programs()}/pg_dumpall", "-h", "127.0.0.1", "-p", str(self.server.port), "-U", "postgres"]
        return subprocess.run([*words, "--roles-only"], capture_output=True, check=True).stdout.decode()

    def dumped_roles(self) -> list[str]:
        """The statements of that."""
        return [line for line in self.dumped().splitlines() if line.startswith(("CREATE", "ALTER", "GRANT"))]

    def about_roles(self) -> list[tuple[Any, ...]]:
        """All that the server has of roles, by its own dump."""
        query = """
            SELECT rolname, rolcanlogin, rolconnlimit, rolpassword, shobj_description(a.oid, 'pg_authid'),
              (SELECT setconfig::text FROM pg_db_role_setting WHERE setrole = a.oid AND setdatabase = 0),
              ARRAY(SELECT roleid::regrole::text || admin_option FROM pg_auth_members WHERE member = a.oid ORDER BY 1)
            FROM pg_authid a WHERE rolname !~ '^pg_' AND rolname <> 'postgres' ORDER BY 1"""
        return self.databases.rows(query)


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The old server, and one verified set of its database."""
    with pytest.MonkeyPatch.context() as patch, postgres_server("wal_level = logical") as server:
        patch.setenv("PATH", f"{os.environ['PATH']}{os.pathsep}{postgres_programs()}")
        world = World(tmp_path_factory.mktemp("old"), server)
        world.run(ROLES)
        world.run('CREATE DATABASE app OWNER "the owner" TEMPLATE template0')
        world.run("ALTER DATABASE app SET statement_timeout = '7s'")
        world.run("ALTER ROLE client IN DATABASE app SET jit = off")
        world.run(INSIDE, APP)
        world.take()
        yield world


@pytest.fixture(scope="module")
def fresh(old: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A server that has nothing of all that, and the sets of the other one."""
    with postgres_server("wal_level = logical") as server:
        yield World(tmp_path_factory.mktemp("new"), server, directory=old.given["directory"], new_host=True)


@pytest.fixture
def new(fresh: World) -> Iterator[World]:
    fresh.clear()
    given = fresh.given
    yield fresh
    fresh.given = given
    fresh.clear()


def test_roles_come_with_the_set_and_let_in_by_their_passwords(old: World, new: World) -> None:
    outcome = new.restore(in_place=APP)
    assert new.about_roles() == old.about_roles()
    assert sorted(outcome.facts["roles made"]) == sorted(old.roles())
    assert outcome.facts["roles that differ"] == []
    (new.server.folder / "pg_hba.conf").write_text("host all postgres all trust\nhost all all all scram-sha-256\n")
    new.run("SELECT pg_reload_conf()")
    where: dict[str, Any] = {"host": "127.0.0.1", "port": new.server.port, "user": "client", "dbname": APP}
    with contextlib.closing(psycopg2.connect(**where, password=PASSWORD)) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT count(*), current_setting('jit'), current_setting('statement_timeout') FROM public.t")
        assert cursor.fetchall() == [(337, "off", "7s")]
    assert new.dumped_roles() == old.dumped_roles(), "by PostgreSQL's own word both have the same"


def test_role_that_is_there_stays_as_it_is_and_is_named(new: World) -> None:
    new.run("CREATE ROLE shared NOLOGIN PASSWORD 'of this server, not of the set'")
    before = [row for row in new.about_roles() if row[0] == "shared"]
    outcome = new.restore()
    assert [row for row in new.about_roles() if row[0] == "shared"] == before
    assert outcome.facts["roles that differ"] == [
        'membership shared in "it\'s"',
        "role shared",
        "password of role shared",
    ]


def test_restore_that_fails_leaves_no_role(new: World, monkeypatch: pytest.MonkeyPatch) -> None:
    new.altered(monkeypatch, lambda values: values["content"]["databases"][APP]["tables"].update({"public.t": 5}))
    with pytest.raises(RunbookError, match="what was restored is not what the manifest says, and is removed"):
        new.restore(in_place=APP)
    assert (new.roles(), new.made()) == ([], [])


def test_role_of_another_client_is_never_removed(new: World) -> None:
    """One that has the name of a role that a run has made, and is another one."""
    new.run("CREATE ROLE client")
    number = int(new.value("SELECT oid::bigint FROM pg_roles WHERE rolname = 'client'"))
    own = roles.Roles(new.databases)
    own.remove({"client": number + 1})
    assert new.roles() == ["client"]
    own.remove({"client": number})
    assert new.roles() == []


def test_role_that_is_in_use_by_now_stays_and_the_others_go(new: World) -> None:
    for name in ("client", "shared"):
        new.run(f"CREATE ROLE {name}")
    query = "SELECT rolname::text, oid::bigint FROM pg_roles WHERE rolname IN ('client', 'shared')"
    made = dict(new.databases.rows(query))
    new.run("CREATE DATABASE of_client OWNER client")
    roles.Roles(new.databases).remove(made)
    assert new.roles() == ["client"]


class TestRefusals:
    """By the manifest alone, before anything is made."""

    @pytest.fixture(autouse=True)
    def nothing_is_made(self, new: World) -> Iterator[None]:
        yield
        assert (new.roles(), new.made()) == ([], [])

    def test_role_that_neither_is_there_nor_comes(self, new: World, monkeypatch: pytest.MonkeyPatch) -> None:
        new.altered(monkeypatch, lambda values: values["content"]["databases"][APP]["roles"].append("stranger"))
        with pytest.raises(RunbookError, match="the server lacks the role stranger, which the set needs"):
            new.restore()

    @pytest.mark.parametrize("version", ["2.31", None])
    def test_text_that_was_sorted_by_another_version(
        self, new: World, monkeypatch: pytest.MonkeyPatch, version: str | None
    ) -> None:
        locale = "en_US.UTF-8"
        one = {"provider": "libc", "locale": locale, "version": version, "used_by": ["index public.by_name"]}
        new.altered(monkeypatch, lambda values: values["content"]["databases"][APP].update(collations=[one]))
        with pytest.raises(RunbookError, match=r"was sorted by libc .*: index public.by_name depend on"):
            new.restore()

    def test_server_that_is_not_a_new_host_gets_no_roles(self, new: World) -> None:
        new.given = {**new.given, "new_host": False}
        with pytest.raises(RunbookError, match=r"lacks the role it's, .*lacks the role the owner, which the set needs"):
            new.restore()


def test_other_order_of_text_is_accepted_by_name(new: World, monkeypatch: pytest.MonkeyPatch) -> None:
    one = {"provider": "icu", "locale": "de", "version": "1", "used_by": ["index public.by_name"]}
    new.altered(monkeypatch, lambda values: values["content"]["databases"][APP].update(collations=[one]))
    new.given = {**new.given, "accept_collations": True}
    assert new.restore().faults == ()


def test_what_sorts_text_is_recorded_and_asked_for_by_the_server(new: World, tmp_path: Path) -> None:
    """The version in the manifest is what the server itself finds for each collation that an index has."""
    new.run("CREATE DATABASE app TEMPLATE template0")
    columns = 'a text COLLATE "en-x-icu" PRIMARY KEY, b text COLLATE "C" UNIQUE, c int UNIQUE'
    new.run(f"CREATE TABLE public.s ({columns})", APP)
    new.run('CREATE TABLE public.p (k text COLLATE "de-x-icu") PARTITION BY RANGE (k)', APP)
    host = World(tmp_path, new.server)
    host.take(verified=False)
    (one,) = host.databases.rows("SELECT max(collversion) FROM pg_collation WHERE collname = 'en-x-icu'")
    content = host.set_of(next((tmp_path / "backups/main.daily").glob("2*")).name).manifest.content
    found = {each["locale"]: each for each in content["databases"][APP]["collations"] if each["provider"] == "icu"}
    assert found["en"]["used_by"] == ["index public.s_pkey"] and found["en"]["version"] == one[0]
    assert found["de"]["used_by"] == ["partitioned table public.p"]
    assert new.databases.collation_version("icu", "en") == one[0]


def test_copy_does_nothing_by_itself_until_it_is_released(old: World, new: World) -> None:
    outcome = new.restore(in_place=APP)
    assert outcome.facts["held back"] == [
        "event trigger always_out", "event trigger calls_out", "foreign servers of postgres_fdw: production",
    ]  # fmt: skip
    assert {"foreign server production", "extension dblink"} <= set(outcome.facts["outward"])
    assert outcome.facts["disabled subscriptions"] == ["sub"]
    query = "SELECT subenabled, subslotname FROM pg_subscription"
    assert new.databases.rows(query) == [(False, None)]
    new.run("CREATE TABLE public.made_here (id int)", APP)
    assert new.value("SELECT count(*) FROM public.t", APP) == 337, "no event trigger was called, by the restore neither"
    with pytest.raises(RunbookError, match="has no handler"):
        new.run("SELECT * FROM public.far", APP)
    with new.journal() as journal:
        with pytest.raises(RunbookError, match="nothing is held back in 'other'; copies with anything: app"):
            release(new, "other", journal)
        assert release(new, APP, journal) == outcome.facts["held back"]
    enabled = "SELECT string_agg(evtname || evtenabled::text, ' ' ORDER BY evtname) FROM pg_event_trigger"
    assert new.value(enabled, APP) == old.value(enabled, APP)
    handlers = "SELECT fdwhandler::regproc::text FROM pg_foreign_data_wrapper WHERE fdwname = 'postgres_fdw'"
    assert new.value(handlers, APP) == old.value(handlers, APP)
    assert new.databases.rows(query) == [(False, None)], "a subscription is enabled by its owner alone"


def test_what_is_held_back_follows_its_database_and_goes_with_it(new: World) -> None:
    outcome = new.restore(in_place=APP)
    new.run("ALTER DATABASE app RENAME TO another")
    new.run("CREATE DATABASE app")
    with new.journal() as journal:
        with pytest.raises(RunbookError, match="nothing is held back in 'app'"):
            release(new, APP, journal)
        assert release(new, "another", journal) == outcome.facts["held back"]
    assert restorer_of(new.given).held() == {}


def test_record_that_cannot_be_read_costs_no_restore(new: World) -> None:
    broken = Path(new.given["directory"]) / "main.daily/.kept/20010101T000000Z.json"
    broken.parent.mkdir(exist_ok=True)
    broken.write_text("no record")
    try:
        assert new.restore(in_place=APP).facts["held back"]
        with pytest.raises(RunbookError, match="20010101T000000Z is not known"):
            restorer_of(new.given).held()
    finally:
        broken.unlink()


def release(world: World, name: str, journal: Journal) -> list[str]:
    return restore.release(world.given, name, journal, Progress())


def test_killed_anywhere_roles_and_database_are_there_or_neither(
    old: World, new: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crash, "CHANGES", ("pwrite", "fsync", "rename"))
    every = [set(old.roles()), set()]

    def whole() -> None:
        found = set(new.roles())
        assert found in every
        assert new.made() == ([APP] if found else [])

    outcomes = new.killed_everywhere(lambda: new.restore(in_place=APP), new.clear, whole)
    assert outcomes >= {"rolled_back"}


def test_release_that_is_killed_anywhere_is_done_or_is_not(new: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crash, "CHANGES", ("pwrite", "unlink"))
    enabled = "SELECT count(*) FROM pg_event_trigger WHERE evtenabled <> 'D'"

    new.restore(in_place=APP)
    quiet = Quiet(new.databases, Records(folder_of(new.given)))

    def prepare() -> None:
        if not quiet.held():
            quiet.hold("20261130T094500Z", APP)

    def act() -> None:
        with new.journal() as journal:
            release(new, APP, journal)

    def whole() -> None:
        assert (list(quiet.held()), new.value(enabled, APP)) in (([APP], 0), ([], 2))

    assert new.killed_everywhere(act, prepare, whole) == {"done", "rolled_back"}


#: Names and words that a server takes for a role: any text, of which no name is one of its own.
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12).filter(
    lambda name: not name.startswith("pg_") and name not in ("public", "none", "postgres")
)
WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)


@settings(max_examples=12, deadline=None, derandomize=True, database=None)
@given(found=st.dictionaries(NAMES, WORDS, min_size=1, max_size=4))
def test_whatever_roles_are_called_they_come_as_pg_dumpall_has_them(
    old: World, fresh: World, found: dict[str, str]
) -> None:
    fresh.clear()
    before = set(old.roles())
    for name, words in found.items():
        role = old.databases.quoted(name).replace("%", "%%")
        with old.databases.session() as cursor:
            cursor.execute(f"CREATE ROLE {role} PASSWORD %s", [words or "x"])
            cursor.execute(f"COMMENT ON ROLE {role} IS %s", [words])
            cursor.execute(f"ALTER ROLE {role} SET application_name = %s", [words])
    try:
        script, every = old.dumped(), old.roles()
        remembered: dict[str, int] = {}
        roles.Roles(fresh.databases).make(script, every, "postgres", remembered.update)
        assert fresh.about_roles() == old.about_roles()
        assert set(remembered) == set(every)
        assert roles.Roles(fresh.databases).with_other_passwords(script) == []
        roles.Roles(fresh.databases).remove(remembered)
        assert fresh.roles() == []
    finally:
        for name in set(old.roles()) - before:
            old.run(f"DROP ROLE {old.databases.quoted(name)}")


def test_statement_that_pg_dumpall_is_not_known_to_write_is_refused_without_what_it_quotes() -> None:
    with pytest.raises(
        RunbookError, match=r"what pg_dumpall says of roles is not understood: MAKE ROLE x '...'"
    ) as found:
        list(names.of_roles("SET x = 1;\nMAKE ROLE x 'of the role';", ["x"], {}))
    assert "of the role" not in str(found.value)
    assert names.passwords("CREATE ROLE x;\nALTER ROLE x WITH LOGIN PASSWORD 'a''b' VALID UNTIL 'infinity';") == {
        "x": "a'b"
    }
