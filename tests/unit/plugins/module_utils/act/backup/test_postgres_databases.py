# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Databases of a real server: exchanged both or neither, whatever dies when, and removed only where that is meant."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import psycopg2
import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.postgres.databases import Databases
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from tests.support.peers import Server, postgres_server

OLD, NEW, KEPT = 'the "old" one', "näw", "kept"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres_server("max_prepared_transactions = 2") as running:
        yield running


def login(server: Server) -> dict[str, Any]:
    return {"address": "127.0.0.1", "port": server.port, "user": "postgres", "timeout": 60}


def client_of(server: Server, name: str) -> Any:
    return psycopg2.connect(host="127.0.0.1", port=server.port, user="postgres", dbname=name)


@pytest.fixture
def databases(server: Server) -> Iterator[Databases]:
    made = Databases(login(server))
    yield made
    clear(made)


def clear(databases: Databases) -> None:
    for name in databases.names():
        if name not in ("postgres", "template0", "template1"):
            databases.discard(name)


def prepare(databases: Databases, *names: str) -> None:
    """Make databases, each of which says in a table what it was called first."""
    clear(databases)
    for name in names:
        databases.run([f"CREATE DATABASE {databases.quoted(name)} TEMPLATE template0"])
        with databases.session(name) as cursor:
            cursor.execute("CREATE TABLE public.first_name AS SELECT current_database()::text AS name")


def first_name(databases: Databases, name: str) -> str:
    ((found,),) = databases.rows("SELECT name FROM public.first_name", database=name)
    return str(found)


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("CREATE TABLE t (id int)", "table or view"),
        ("CREATE SCHEMA s", "schema"),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "function"),
        ("CREATE TYPE e AS ENUM ('a')", "type"),
        ("SELECT lo_from_bytea(0, 'x')", "large object"),
        ("CREATE PUBLICATION p", "publication"),
    ],
)
def test_whatever_is_in_a_database_is_found(databases: Databases, statement: str, kind: str) -> None:
    databases.run([f"CREATE DATABASE {databases.quoted(NEW)} TEMPLATE template0"])
    with databases.session(NEW) as cursor:
        cursor.execute(f"SET search_path = public; {statement}")
    assert databases.objects(NEW)[0].startswith(kind)


def test_both_names_change_at_once_and_sessions_end(databases: Databases, server: Server) -> None:
    prepare(databases, OLD, NEW)
    clients = [client_of(server, OLD) for _number in range(3)]
    databases.exchange(OLD, NEW, KEPT, replaces=True)
    assert first_name(databases, OLD) == NEW
    assert first_name(databases, KEPT) == OLD
    assert NEW not in databases.names()
    for client in clients:
        with pytest.raises(psycopg2.OperationalError), client.cursor() as cursor:
            cursor.execute("SELECT 1")
        client.close()


def test_a_name_that_is_free_is_taken(databases: Databases) -> None:
    prepare(databases, NEW)
    databases.exchange(OLD, NEW, KEPT, replaces=False)
    assert first_name(databases, OLD) == NEW
    assert KEPT not in databases.names()


@pytest.mark.parametrize("there", [(NEW,), (OLD,), (OLD, NEW, KEPT)])
def test_other_names_than_expected_are_refused(databases: Databases, there: tuple[str, ...]) -> None:
    prepare(databases, *there)
    with pytest.raises(RunbookError, match="another client has made, removed or renamed one"):
        databases.exchange(OLD, NEW, KEPT, replaces=True)
    assert {name: first_name(databases, name) for name in there} == {name: name for name in there}


def test_what_cannot_be_renamed_stays_open_as_it_was(databases: Databases) -> None:
    prepare(databases, OLD, NEW)
    with databases.session(OLD) as cursor:
        cursor.execute("BEGIN; INSERT INTO public.first_name VALUES ('x'); PREPARE TRANSACTION 'held'")
    try:
        with pytest.raises(RunbookError, match="prepared transaction"):
            databases.exchange(OLD, NEW, KEPT, replaces=True)
        assert first_name(databases, OLD) == OLD
        assert first_name(databases, NEW) == NEW
    finally:
        with databases.session(OLD) as cursor:
            cursor.execute("ROLLBACK PREPARED 'held'")


def test_killed_at_each_statement_the_name_is_always_one_whole_database(databases: Databases, server: Server) -> None:
    for point in itertools.count(1):
        prepare(databases, OLD, NEW)
        lived = not killed_at_statement(server, point, lambda mortal: mortal.exchange(OLD, NEW, KEPT, replaces=True))
        there = set(databases.names())
        databases.open(OLD, NEW, KEPT)
        assert first_name(databases, OLD) == (OLD if NEW in there else NEW)
        assert there & {OLD, NEW, KEPT} == ({OLD, NEW} if NEW in there else {OLD, KEPT})
        if lived:
            assert point > 10
            return


def killed_at_statement(server: Server, point: int, act: Callable[[Databases], None]) -> bool:
    """Do something in a process that is killed before its ``point``-th statement; tells whether it came that far."""
    child = os.fork()
    if child == 0:
        try:
            count = itertools.count(1)

            class Mortal(psycopg2.extensions.cursor):
                def execute(self, *words: Any) -> None:
                    if next(count) == point:
                        os.kill(os.getpid(), signal.SIGKILL)
                    super().execute(*words)

            class MortalDatabases(Databases):
                def _connected(self, driver: Any, name: str) -> Any:
                    connection = super()._connected(driver, name)
                    connection.cursor_factory = Mortal
                    return connection

            act(MortalDatabases(login(server)))
        except BaseException:  # noqa: BLE001 - a child must never return into the test that forked it
            os._exit(1)
        os._exit(0)
    _pid, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) == 0
    return os.WIFSIGNALED(status)


def test_what_is_kept_is_dropped_only_where_no_client_uses_it(databases: Databases, server: Server) -> None:
    prepare(databases, KEPT)
    client = client_of(server, KEPT)
    with pytest.raises(RunbookError, match="being accessed"):
        databases.drop(KEPT)
    client.close()
    databases.drop(KEPT)
    databases.drop(KEPT)
    assert KEPT not in databases.names()


def test_subscriptions_of_a_copy_know_no_publisher_and_never_keep_it(databases: Databases) -> None:
    prepare(databases, NEW)
    with databases.session(NEW) as cursor:
        cursor.execute("CREATE SUBSCRIPTION s CONNECTION 'host=192.0.2.1' PUBLICATION p WITH (connect = false)")
    databases.let_go_of_publishers(NEW)
    query = "SELECT subenabled, subslotname FROM pg_subscription"
    assert databases.rows(query) == [(False, None)]
    with pytest.raises(RunbookError, match="has the subscription s"):
        databases.drop(NEW)
    databases.discard(NEW)
    assert NEW not in databases.names()
