# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One ledger in two databases: the same rows and the same chain in a file and on a real server of PostgreSQL."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.ledger import postgres, sqlite
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.ledger.ledger import Ledger
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.ledger.location import store_at

from tests.support import peers, sample_reports

#: The tables of schema 2 as they were first made. Ledgers have them; a change needs another version.
FIRST_MADE = """
    CREATE TABLE runs (
        sequence INTEGER PRIMARY KEY, run_id TEXT NOT NULL, platform TEXT NOT NULL, procedure TEXT NOT NULL,
        topics TEXT NOT NULL, started_at TEXT NOT NULL, finished_at TEXT NOT NULL, who TEXT NOT NULL,
        limited_to TEXT NOT NULL, expected INTEGER NOT NULL, received INTEGER NOT NULL, not_run INTEGER NOT NULL,
        counts TEXT NOT NULL, records INTEGER NOT NULL, records_sha256 TEXT NOT NULL, pruned_through INTEGER NOT NULL,
        previous_sha256 TEXT NOT NULL, sha256 TEXT NOT NULL
    );
    CREATE TABLE checks (
        sequence INTEGER NOT NULL, id, name, topic, service, host, owner, target, status, message, value, unit,
        warning, critical, threshold_source, remedy, blocked_by, observed_at, duration_ms, falling, about
    );
    CREATE TABLE actions (sequence INTEGER NOT NULL, action TEXT NOT NULL);
"""
TABLES = ("runs", "checks", "actions")


@pytest.fixture(scope="module")
def server() -> Iterator[peers.Server]:
    """A server for all tests; each makes its ledger anew."""
    with peers.postgres_server() as started:
        yield started


@contextlib.contextmanager
def session(server: peers.Server) -> Iterator[Any]:
    where: dict[str, Any] = {"host": "127.0.0.1", "port": server.port, "user": "postgres", "dbname": "postgres"}
    with contextlib.closing(psycopg2.connect(**where)) as connection:
        connection.autocommit = True
        yield connection.cursor()


@pytest.fixture
def locations(server: peers.Server, tmp_path: Path) -> list[str]:
    """Where a ledger is made in each of the two."""
    with session(server) as cursor:
        cursor.execute("DROP SCHEMA IF EXISTS runbook_ledger CASCADE")
    return [str(tmp_path / "ledger.sqlite"), f"postgresql://postgres@127.0.0.1:{server.port}/postgres"]


def append(ledger: Ledger, day: int, *, retention_days: int) -> str:
    """Add a run of a day with everything that a report can have, and return its hash."""
    report = sample_reports.bad_night()
    moment = f"2026-11-{day:02}T03:15:03.100Z"
    report = replace(report, finished_at=moment, run=replace(report.run, started_at=moment))
    return str(ledger.append(report, [{"what": "restarted", "at": day}], retention_days=retention_days)["sha256"])


def test_tables_of_a_file_are_those_that_ledgers_have() -> None:
    first, made = sqlite3.connect(":memory:"), sqlite3.connect(":memory:")
    first.executescript(FIRST_MADE)
    for statement in sqlite.SCHEMA:
        made.execute(statement)
    for table in TABLES:
        columns = [one.execute(f"PRAGMA table_info({table})").fetchall() for one in (first, made)]
        assert columns[0] == columns[1]


def test_tables_of_a_server_have_the_same_columns_in_the_same_order(server: peers.Server, locations: list[str]) -> None:
    append(Ledger(locations[1]), 1, retention_days=90)
    first = sqlite3.connect(":memory:")
    first.executescript(FIRST_MADE)
    with session(server) as cursor:
        for table in TABLES:
            cursor.execute(
                "SELECT column_name, data_type, is_nullable FROM information_schema.columns"
                " WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position",
                (postgres.SCHEMA_NAME, table),
            )
            found = cursor.fetchall()
            ours = first.execute(f"PRAGMA table_info({table})").fetchall()
            assert [name for name, _type, _null in found] == [column[1] for column in ours]
            assert {(name, kind) for name, kind, _null in found if kind != "text"} == {
                (column[1], "bigint") for column in ours if column[2] == "INTEGER" or column[1] == "falling"
            }


def test_both_keep_the_same_rows_and_the_same_chain(locations: list[str]) -> None:
    ledgers = [Ledger(location) for location in locations]
    chains = [[append(ledger, day, retention_days=90) for day in (1, 2, 3)] for ledger in ledgers]
    assert chains[0] == chains[1]
    found = [ledger.verify(chains[0][1]) for ledger in ledgers]
    assert all(one.intact for one in found) and found[0].verdict == found[1].verdict
    kept = []
    for location in locations:
        with store_at(location).reading() as rows:
            assert rows.last_recorded() == 3
            kept.append((rows.runs_after(0, 9), [rows.records_of(number) for number in (1, 2, 3)]))
    assert repr(kept[0]) == repr(kept[1])


def test_both_forget_the_same(locations: list[str]) -> None:
    found = []
    for location in locations:
        ledger = Ledger(location)
        for day in (1, 2, 9):
            append(ledger, day, retention_days=3)
        with store_at(location).reading() as rows:
            assert [len(rows.records_of(number)[0]) > 0 for number in (1, 2, 3)] == [False, False, True]
        found.append(ledger.verify())
    assert all(one.intact and one.pruned == 2 for one in found)
    assert found[0].head == found[1].head
