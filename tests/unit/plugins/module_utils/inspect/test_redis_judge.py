# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What Redis answers, judged: every threshold from both sides, and what the server does not report."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import (
    CRITICAL,
    NOT_APPLICABLE,
    OK,
    UNKNOWN,
    WARNING,
)
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import with_defaults
from ansible_collections.xorb.runbook.plugins.module_utils._inspect import redis_judge as judge

NOW = 1_795_463_672.0
MIB = 1024 * 1024


def given(**more: Any) -> dict[str, Any]:
    return with_defaults(judge.THRESHOLDS, more)


def saved(hours: float, changes: int = 1, status: str = "ok") -> dict[str, Any]:
    return {
        "rdb_last_bgsave_status": status,
        "rdb_last_save_time": NOW - hours * 3600,
        "rdb_changes_since_last_save": changes,
    }


def followed(mib: float = 0, state: str = "online") -> dict[str, Any]:
    replica = {"ip": "h", "port": 1, "state": state, "offset": 0, "lag": 0}
    return {"role": "master", "connected_slaves": 1, "master_repl_offset": int(mib * MIB), "slave0": replica}


AOF = {"aof_enabled": 1, "aof_last_write_status": "ok", "aof_last_bgrewrite_status": "ok"}


@pytest.mark.parametrize(
    ("aspect", "info", "status"),
    [
        ("memory", {"used_memory": 80, "maxmemory": 100}, OK),
        ("memory", {"used_memory": 81, "maxmemory": 100, "used_memory_peak": 90}, WARNING),
        ("memory", {"used_memory": 91, "maxmemory": 100}, CRITICAL),
        ("clients", {"connected_clients": 80, "maxclients": 100}, OK),
        ("clients", {"connected_clients": 81, "maxclients": 100}, WARNING),
        ("clients", {"connected_clients": 91, "maxclients": 100}, CRITICAL),
        ("clients", {"connected_clients": 91}, UNKNOWN),
        ("snapshot", saved(24), OK),
        ("snapshot", saved(24.1), WARNING),
        ("snapshot", saved(48.1), CRITICAL),
        ("snapshot", saved(480, changes=0), OK),
        ("snapshot", saved(0, status="err"), CRITICAL),
        ("snapshot", {"rdb_last_bgsave_status": "ok"}, UNKNOWN),
        ("append_only", {"aof_enabled": 0}, NOT_APPLICABLE),
        ("append_only", AOF, OK),
        ("append_only", {**AOF, "aof_last_write_status": "err"}, CRITICAL),
        ("append_only", {**AOF, "aof_last_bgrewrite_status": "err"}, CRITICAL),
        ("evictions", {"evicted_keys": 0}, OK),
        ("evictions", {"evicted_keys": 1}, WARNING),
        ("replication", {"role": "master"}, OK),
        ("replication", followed(10), OK),
        ("replication", followed(10.1), WARNING),
        ("replication", followed(100.1), CRITICAL),
        ("replication", followed(state="wait_bgsave"), WARNING),
        ("replication", {"role": "slave", "master_host": "h", "master_link_status": "down"}, CRITICAL),
        ("statistics", {"total_commands_processed": 9, "keyspace_hits": 1, "keyspace_misses": 1}, OK),
        *[(aspect, {}, UNKNOWN) for aspect in judge.INFO_JUDGES],
    ],
)
def test_judgement(aspect: str, info: dict[str, Any], status: str) -> None:
    found = judge.INFO_JUDGES[aspect](info, given(), NOW)
    assert (found.aspect, found.status) == (aspect, status), found.message


def test_replicas_that_are_missing_are_critical() -> None:
    info = followed()
    assert judge.replication_stats(info, given(replicas=1)).status == OK
    assert judge.replication_stats(info, given(replicas=2)).status == CRITICAL
    assert judge.replication_stats({"role": "master"}, given(replicas=1)).status == CRITICAL


def test_evictions_can_be_made_critical() -> None:
    found = judge.INFO_JUDGES["evictions"]({"evicted_keys": 6}, given(evictions_critical=5), NOW)
    assert (found.status, found.limits.source) == (CRITICAL, "platform description")


@pytest.mark.parametrize(("count", "age", "status"), [(10, 3600, OK), (11, 3600, WARNING), (11, 3601, OK), (0, 0, OK)])
def test_slow_log_is_judged_by_its_last_hour(count: int, age: int, status: str) -> None:
    reply = [[number, NOW - age, 12_500, ["SET", "session:hidden", "hidden"], "h:1", ""] for number in range(count)]
    entries = judge.slow_entries(reply)
    found = judge.slow_log(entries, given(), NOW)
    assert found.status == status
    assert "hidden" not in f"{entries} {found}"
    assert not count or entries[0] == {"id": 0, "at": NOW - age, "duration_ms": 12.5, "command": "SET"}


def test_time_is_the_servers_where_it_sends_it() -> None:
    assert judge.server_time({"server_time_usec": 5_000_000}, NOW) == 5
    assert judge.server_time({}, NOW) == NOW


def test_availability() -> None:
    assert judge.availability({}).status == UNKNOWN
    found = judge.availability({"redis_version": "7.0.15", "redis_mode": "standalone", "uptime_in_seconds": 7200})
    assert (found.status, found.message) == (OK, "Redis 7.0.15, standalone, up for 2.0 h")


def test_facts_are_in_the_servers_words() -> None:
    assert judge.facts("evictions", {"evicted_keys": 1, "role": "master"}) == {"evicted_keys": 1}
