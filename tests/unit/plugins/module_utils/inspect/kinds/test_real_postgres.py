# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Real servers of PostgreSQL, each with a fault that one which only pretends would not have."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, OK, UNKNOWN, WARNING, Finding

from tests.support import peers
from tests.support.loopback import probe


@pytest.fixture(scope="module")
def server() -> Iterator[peers.Server]:
    """A server that several tests share, each with roles or tables of its own."""
    with peers.postgres_server() as started:
        sql(started, "CREATE ROLE monitor LOGIN IN ROLE pg_monitor")
        yield started


@contextlib.contextmanager
def session(server: peers.Server, user: str = "postgres") -> Iterator[Any]:
    """A session that commits each statement."""
    where: dict[str, Any] = {"host": "127.0.0.1", "port": server.port, "user": user, "dbname": "postgres"}
    with contextlib.closing(psycopg2.connect(**where)) as connection:
        connection.autocommit = True
        yield connection.cursor()


def sql(server: peers.Server, *statements: str) -> None:
    with session(server) as cursor:
        for statement in statements:
            cursor.execute(statement)


def checked(server: peers.Server, kind: str = "postgres", user: str = "monitor", **given: Any) -> dict[str, Finding]:
    where = {"address": "127.0.0.1", "port": server.port, "user": user, "database": "postgres", "timeout": 30.0}
    return probe(kind, **{**where, **given})


def test_server_that_writes_leaves_nothing_behind(server: peers.Server) -> None:
    found = checked(server, writable=True)
    assert (found["writes"].status, found["writes"].message) == (OK, "the server accepts writes")
    # What need not be written to gets no write.
    assert checked(server, writable=False)["writes"].status == "not_applicable"
    assert "writes" not in checked(server)


def test_read_only_monitoring_role_is_no_evidence_about_the_server(server: peers.Server) -> None:
    sql(server, "CREATE ROLE reader LOGIN", "ALTER ROLE reader SET default_transaction_read_only = on")
    found = checked(server, user="reader", writable=True)["writes"]
    assert found.status == OK and "set for the role of this check" in found.message


def test_read_only_application_role_is_critical(server: peers.Server) -> None:
    sql(server, "CREATE ROLE shop LOGIN")
    assert checked(server, writable=True, application_role="shop")["writes"].status == OK
    sql(server, "ALTER ROLE shop IN DATABASE postgres SET default_transaction_read_only = on")
    found = checked(server, writable=True, application_role="shop")["writes"]
    assert found.status == CRITICAL and "the role shop is set to read only" in found.message
    # The more special setting wins.
    sql(server, "ALTER ROLE shop SET default_transaction_read_only = off")
    assert checked(server, writable=True, application_role="shop")["writes"].status == CRITICAL
    sql(server, "ALTER ROLE shop IN DATABASE postgres SET default_transaction_read_only = off")
    assert checked(server, writable=True, application_role="shop")["writes"].status == OK
    sql(server, "ALTER ROLE shop VALID UNTIL '2001-01-01' NOLOGIN")
    found = checked(server, writable=True, application_role="shop")["writes"]
    assert "may not log in" in found.message and "has expired" in found.message
    found = checked(server, writable=True, application_role="no_such_role")["writes"]
    assert found.status == CRITICAL and "does not exist" in found.message


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("default_transaction_read_only = on", "the server is set to read only"),
        ("synchronous_standby_names = 'ANY 2 (a, b)'", "commits wait for 2 synchronous standbys, and 0 follow"),
    ],
)
def test_server_that_refuses_or_holds_writes_is_critical(setting: str, message: str) -> None:
    with peers.postgres_server(setting) as server:
        found = checked(server, user="postgres", writable=True)
        assert found["query"].status == OK
        assert (found["writes"].status, message in found["writes"].message) == (CRITICAL, True), found["writes"]


def test_sessions_that_show_nothing_leave_the_answer_open() -> None:
    with peers.postgres_server("track_activities = off") as server, session(server) as other:
        other.execute("BEGIN")
        other.execute("SELECT 1")
        found = checked(server, "postgres_stats", user="postgres")
        for aspect in ("longest_query", "longest_transaction", "idle_in_transaction"):
            assert found[aspect].status == UNKNOWN and "track_activities" in found[aspect].message


def test_server_that_counts_nothing_is_unknown() -> None:
    with peers.postgres_server("track_counts = off") as server:
        found = checked(server, "postgres_stats", user="postgres", cache_minimum_blocks=1)
        assert {found[aspect].status for aspect in ("statistics", "cache_hit")} == {UNKNOWN}


def _until(server: peers.Server, query: str) -> None:
    """Wait for something that a server does in its own time."""
    with session(server) as cursor:
        for _attempt in range(600):
            cursor.execute(query)
            (reached,) = cursor.fetchone()
            if reached:
                return
            time.sleep(0.1)
    raise AssertionError(query)


def _following(primary: peers.Server) -> contextlib.AbstractContextManager[peers.Server]:
    return peers.postgres_server("wal_receiver_status_interval = 1", prepare=peers.base_backup(primary))


def test_standby_whose_time_stands_still_is_critical() -> None:
    with peers.postgres_server() as primary, _following(primary) as standby:
        sql(primary, "CREATE TABLE seen AS SELECT 1")
        _until(standby, "SELECT to_regclass('seen') IS NOT NULL")
        assert checked(standby, "postgres_stats", user="postgres")["replication"].status == OK
        assert checked(primary, "postgres_stats", user="postgres")["replication"].status == OK
        sql(standby, "SELECT pg_wal_replay_pause()")
        sql(primary, "CREATE TABLE unseen AS SELECT 1")
        _until(standby, "SELECT pg_last_wal_receive_lsn() <> pg_last_wal_replay_lsn()")
        found = checked(standby, "postgres_stats", user="postgres")["replication"]
        assert (found.status, "its replay is paused" in found.message) == (CRITICAL, True), found
        # The primary sees the time only; a few bytes are no distance.
        _until(primary, "SELECT max(replay_lag) > '1 s' FROM pg_stat_replication")
        limits = {"delay_warning": 0.5, "delay_critical": 3600}
        found = checked(primary, "postgres_stats", user="postgres", **limits)["replication"]
        assert found.status == WARNING and found.value == 0, found
        with standby.stopped():
            time.sleep(2)
            limits = {"delay_warning": 3600, "delay_critical": 3600, "silence_warning": 1, "silence_critical": 3600}
            found = checked(primary, "postgres_stats", user="postgres", **limits)["replication"]
            assert found.status == WARNING and "silent for" in found.message, found


def test_index_of_a_partitioned_table_is_to_be_attached(server: peers.Server) -> None:
    sql(
        server,
        "CREATE TABLE orders (id int) PARTITION BY RANGE (id)",
        "CREATE TABLE orders_1 PARTITION OF orders FOR VALUES FROM (0) TO (9)",
        "CREATE TABLE orders_2 PARTITION OF orders FOR VALUES FROM (9) TO (99)",
        "CREATE INDEX orders_id ON ONLY orders (id)",
        "CREATE INDEX orders_1_id ON orders_1 (id)",
        "ALTER INDEX orders_id ATTACH PARTITION orders_1_id",
    )
    found = checked(server, "postgres_stats")["invalid_indexes"]
    assert found.status == CRITICAL and "(partitioned; no valid part on public.orders_2)" in found.message
    assert "ATTACH PARTITION" in found.remedy and "REINDEX" not in found.remedy
    # The command of the remedy fixes it.
    sql(server, "CREATE INDEX CONCURRENTLY orders_2_id ON orders_2 (id)")
    sql(server, "ALTER INDEX orders_id ATTACH PARTITION orders_2_id")
    assert checked(server, "postgres_stats")["invalid_indexes"].status == OK


def test_name_in_another_encoding_costs_nothing() -> None:
    """A database in SQL_ASCII takes whatever bytes it is given: here a sequence whose name is in Latin-1."""
    with peers.postgres_server(encoding="SQL_ASCII") as server:
        where: dict[str, Any] = {"host": "127.0.0.1", "port": server.port, "user": "postgres", "dbname": "postgres"}
        with contextlib.closing(psycopg2.connect(**where, client_encoding="LATIN1")) as connection:
            connection.autocommit = True
            for name in ("caf\u00e9", "\u00c3\u00bc"):  # the second one is UTF-8
                connection.cursor().execute(f'CREATE SEQUENCE "{name}" AS smallint START 32767')
                connection.cursor().execute(f"SELECT nextval('\"{name}\"')")
        found = checked(server, "postgres_stats", user="postgres")
        assert found["sequences"].status == CRITICAL
        assert "caf\\xe9" in found["sequences"].message and "\u00fc" in found["sequences"].message
        later = list(found)[list(found).index("sequences") + 1 :]
        assert later and all("codec" not in found[aspect].message for aspect in later)
        assert [aspect for aspect, finding in found.items() if finding.status == UNKNOWN] == ["statements"]
