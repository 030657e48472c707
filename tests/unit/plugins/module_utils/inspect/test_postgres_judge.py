# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What PostgreSQL answers, judged: every threshold from both sides, and what no threshold knows."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._clients.postgres import Row
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import (
    CRITICAL,
    NOT_APPLICABLE,
    OK,
    UNKNOWN,
    WARNING,
)
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import with_defaults
from ansible_collections.xorb.runbook.plugins.module_utils._inspect import postgres_judge as judge
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.postgres_queries import (
    QUESTIONS,
    public,
    statements,
)

MIB = 1024 * 1024
SESSION = {"pid": 7, "role": "shop", "database": "shop", "application": "api", "state": "active"}


def given(**more: Any) -> dict[str, Any]:
    return with_defaults(judge.THRESHOLDS, more)


def session(seconds: float, **more: Any) -> dict[str, Any]:
    return {**SESSION, "seconds": seconds, "sessions": 1, "blocked_by": [9], **more}


def standby(mib: float | None = 0, state: str = "streaming", peer: str = "standby") -> dict[str, Any]:
    behind = None if mib is None else int(mib * MIB)
    times = {"lag_s": None, "silent_s": None, "paused": False}
    return {"peer": peer, "name": "db2", "state": state, "sync_state": "async", "lag_bytes": behind, **times}


def slot(mib: float = 0, wal_status: str = "reserved", *, active: bool = True) -> dict[str, Any]:
    kept = int(mib * MIB)
    return {"name": "s", "type": "physical", "active": active, "wal_status": wal_status, "retained_bytes": kept}


def age(transactions: float, multixacts: float = 0) -> dict[str, Any]:
    ages = {"transactions": int(transactions), "multixacts": int(multixacts)}
    return {"database": "shop", "freeze_max_age": 200_000_000, **ages}


def index(*, building: bool = False) -> dict[str, Any]:
    return {"index": "public.i", "table": "public.t", "building": building, "partitioned": False, "missing": []}


def sequence(percent: float | None) -> dict[str, Any]:
    return {"sequence": "public.s", "readable": percent is not None, "used_percent": percent}


def cache(hit: int, read: int) -> dict[str, Any]:
    return {"database": "shop", "blks_hit": hit, "blks_read": read, "counted": True}


def checksums(failures: int, *, enabled: bool = True) -> dict[str, Any]:
    return {"enabled": enabled, "failures": failures, "databases": ["shop"] if failures else []}


@pytest.mark.parametrize(
    ("aspect", "rows", "status"),
    [
        ("connections", [{"state": "idle", "sessions": 80, "usable": 100}], OK),
        ("connections", [{"state": "idle", "sessions": 81, "usable": 100}], WARNING),
        ("connections", [{"state": state, "sessions": 45, "usable": 100} for state in ("idle", "active")], WARNING),
        ("connections", [{"state": "idle", "sessions": 91, "usable": 100}], CRITICAL),
        ("connections", [], CRITICAL),
        ("replication", [], OK),
        ("replication", [standby(10)], OK),
        ("replication", [standby(10.1)], WARNING),
        ("replication", [standby(100)], WARNING),
        ("replication", [standby(100.1)], CRITICAL),
        ("replication", [standby(0, "catchup")], WARNING),
        ("replication", [standby(None, "backup")], OK),
        ("replication", [standby(0, "streaming", "upstream")], OK),
        ("replication", [standby(None, "disconnected", "upstream")], CRITICAL),
        ("slots", [], OK),
        ("slots", [slot(1024)], OK),
        ("slots", [slot(1025)], WARNING),
        ("slots", [slot(10241)], CRITICAL),
        ("slots", [slot(active=False)], WARNING),
        ("slots", [slot(wal_status="unreserved")], WARNING),
        ("slots", [slot(wal_status="lost")], CRITICAL),
        ("longest_query", [], OK),
        ("longest_query", [session(120)], OK),
        ("longest_query", [session(121)], WARNING),
        ("longest_query", [session(301)], CRITICAL),
        ("longest_transaction", [session(300)], OK),
        ("longest_transaction", [session(301)], WARNING),
        ("longest_transaction", [session(901)], CRITICAL),
        ("idle_in_transaction", [session(300)], OK),
        ("idle_in_transaction", [session(301)], WARNING),
        ("idle_in_transaction", [session(901)], CRITICAL),
        ("blocked", [], OK),
        ("blocked", [session(5)], OK),
        ("blocked", [session(6)], WARNING),
        ("blocked", [session(61)], CRITICAL),
        ("wraparound", [], UNKNOWN),
        ("wraparound", [age(1.3e9)], OK),
        ("wraparound", [age(1.3e9 + 1)], WARNING),
        ("wraparound", [age(1.4e9 + 1)], CRITICAL),
        ("wraparound", [age(5, 1.4e9 + 1)], CRITICAL),
        ("invalid_indexes", [], OK),
        ("invalid_indexes", [index(building=True)], OK),
        ("invalid_indexes", [index()], CRITICAL),
        ("sequences", [], OK),
        ("sequences", [sequence(85)], OK),
        ("sequences", [sequence(85.1)], WARNING),
        ("sequences", [sequence(95.1)], CRITICAL),
        ("sequences", [sequence(None)], UNKNOWN),
        ("sequences", [sequence(None), sequence(86)], UNKNOWN),
        ("sequences", [sequence(None), sequence(96)], CRITICAL),
        ("cache_hit", [], NOT_APPLICABLE),
        ("cache_hit", [cache(0, 99_999)], NOT_APPLICABLE),
        ("cache_hit", [cache(99_000, 1_000)], OK),
        ("cache_hit", [cache(98_900, 1_100)], WARNING),
        ("cache_hit", [cache(94_900, 5_100)], CRITICAL),
        ("checksums", [checksums(0)], OK),
        ("checksums", [checksums(1)], CRITICAL),
        ("checksums", [checksums(0, enabled=False)], NOT_APPLICABLE),
        ("statements", [], OK),
        ("statistics", [], UNKNOWN),
    ],
)
def test_judgement(aspect: str, rows: list[Row], status: str) -> None:
    found = judge.JUDGES[aspect](rows, given())
    assert (found.aspect, found.status) == (aspect, status), found.message


def test_every_question_has_a_judge() -> None:
    assert list(judge.JUDGES) == list(QUESTIONS)


def test_connections_names_the_states() -> None:
    rows: list[Row] = [{"state": "idle", "sessions": 3, "usable": 97}, {"state": "active", "sessions": 1, "usable": 97}]
    assert judge.connections(rows, given()).message == "4 of 97 connections are in use (4.1 %): 3 idle, 1 active"


def test_replication_misses_a_standby() -> None:
    found = judge.replication([standby()], given(standbys=2))
    assert (found.status, found.message.split(";")[0]) == (CRITICAL, "1 of 2 standbys follow")
    assert judge.replication([standby()], given(standbys=1)).status == OK


def test_blocked_names_the_session_with_the_lock() -> None:
    found = judge.blocked([session(7, blocked_by=[9, 0])], given())
    assert found.message == ("1 blocked: pid 7 (shop in shop, api) waits for 7 s for pid 9, a prepared transaction")


def test_sequences_that_may_not_be_read_are_named_with_the_right_they_need() -> None:
    found = judge.sequences([sequence(None)], given())
    assert found.message == "not determined: 1 of 1 sequences may not be read (public.s): GRANT SELECT on them"


def test_thresholds_of_the_description_are_named() -> None:
    found = judge.longest_query([session(3)], given(query_warning=1, query_critical=2))
    assert (found.status, found.limits.source) == (CRITICAL, "platform description")


@pytest.mark.parametrize(
    ("recorded", "shown"),
    [
        ("SELECT *\n FROM t WHERE id = $1", "SELECT * FROM t WHERE id = $1"),
        ("/* user 7 */ select 1", "select 1"),
        ("SELECT 'hidden' || $x$hidden$x$", "SELECT ? || ?"),
        ("ALTER ROLE shop PASSWORD 'hidden'", "ALTER ROLE"),
        ("CREATE USER shop PASSWORD 'hidden", "CREATE USER"),
        ("COPY (SELECT 'hidden') TO STDOUT", "COPY SELECT"),
        ("", "(hidden)"),
    ],
)
def test_statement_is_shown_without_constants(recorded: str, shown: str) -> None:
    assert public(recorded) == shown


class Recorded:
    """A server that records statements."""

    def rows(self, query: str) -> list[Row]:
        if "pg_extension" in query:
            return [{"schema": '"odd name"', "track": "top"}]
        assert '"odd name".pg_stat_statements' in query
        return [{"calls": 2, "mean_ms": 5.5, "statement": "ALTER ROLE x PASSWORD 'hidden'"}]


def test_statements_are_read_where_they_are() -> None:
    rows = statements(Recorded())
    assert "hidden" not in str(rows)
    found = judge.statements(rows, given())
    assert (found.message, found.value) == ("1. 5.5 ms on average of 2 calls: ALTER ROLE", 5.5)


def test_upstream_that_is_gone_is_not_named_twice() -> None:
    gone = {**standby(None, "disconnected", "upstream"), "name": "upstream"}
    assert judge.replication([gone], with_defaults(judge.THRESHOLDS, {})).message == "upstream is disconnected"
