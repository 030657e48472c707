# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Judges what Redis answers: INFO, the slow log and thresholds in, one finding out. Nothing here knows a server.

Everything stands in INFO, so that a user needs neither CONFIG nor any key.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Callable

from .._core.checks import CRITICAL, NOT_APPLICABLE, OK, UNKNOWN, WARNING, Finding, worst
from .._core.options import NOT_NEGATIVE, PERCENT, Given, Option, Options, limits, thresholds
from .._core.text import excerpt, size

Info = Mapping[str, Any]

#: The word of Redis for everything that went well.
GOOD = "ok"

_MIB = 1024 * 1024
_HOUR = 3600
_ALERTS = "awesome-prometheus-alerts"

MEMORY_THRESHOLDS: Options = thresholds(
    "memory", "percentage of the memory limit", 80.0, 90.0, source="ours", within=PERCENT
)

#: A replica reports every second, and a master sends a PING every ten seconds unless it is configured otherwise.
TIME_THRESHOLDS: Options = {
    **thresholds("delay", "number of seconds since a replica reported", 10.0, 30.0, source="ours"),
    **thresholds("silence", "number of seconds since the master of this replica spoke", 20.0, 45.0, source="ours"),
}

THRESHOLDS: Options = {
    **MEMORY_THRESHOLDS,
    **TIME_THRESHOLDS,
    **thresholds("clients", "percentage of clients", 80.0, 90.0, source=_ALERTS, within=PERCENT),
    **thresholds("snapshot", "age of the last save in hours, where changes wait for one", 24.0, 48.0, source=_ALERTS),
    **thresholds("lag", "number of MiB that a replica is behind", 10.0, 100.0, source="ours"),
    "replicas": Option(
        "int", "Fail where fewer replicas than this follow the server.", default=0, source="ours", within=NOT_NEGATIVE
    ),
    **thresholds("slow", "number of slow commands in the last hour", 10.0, None, source="ours"),
    **thresholds("evictions", "number of keys evicted since the counters began", 0.0, None, source="ours"),
}


def availability(info: Info) -> Finding:
    """The server answers; what it is stands in the message."""
    if "redis_version" not in info:
        return _unreported("availability", "version")
    hours = info.get("uptime_in_seconds", 0) / _HOUR
    mode = excerpt(info.get("redis_mode", "unknown mode"))
    return Finding("availability", OK, f"Redis {excerpt(info['redis_version'])}, {mode}, up for {hours:.1f} h")


def persistence(info: Mapping[str, Any]) -> Finding:
    """Judge whether the last attempts to write the data to disk went well."""
    if "rdb_last_bgsave_status" not in info:
        return _unreported("persistence", "persistence")
    written: dict[str, Any] = {"last background save": info["rdb_last_bgsave_status"]}
    if info.get("aof_enabled"):
        written["last append-only write"] = info.get("aof_last_write_status")
        written["last append-only rewrite"] = info.get("aof_last_bgrewrite_status")
    bad = [f"{what} is {excerpt(status)}" for what, status in written.items() if status != GOOD]
    if bad:
        return Finding("persistence", CRITICAL, "; ".join(bad))
    unsaved = info.get("rdb_changes_since_last_save", "unknown")
    return Finding("persistence", OK, f"{', '.join(written)} ok; {unsaved} changes since the last save")


def memory(info: Mapping[str, Any], given: Given) -> Finding:
    """Judge the memory against the limit that the server has."""
    if "used_memory" not in info or "maxmemory" not in info:
        return _unreported("memory", "memory")
    used, limit = info["used_memory"], info["maxmemory"]
    if not limit:
        return Finding("memory", OK, f"{size(used)} used, no limit set")
    percent = round(100 * used / limit, 1)
    message = f"{size(used)} of {size(limit)} used ({percent:g} %), policy {info.get('maxmemory_policy', 'unknown')}"
    return Finding.measured(
        "memory", message, value=percent, unit="%", limits=limits(MEMORY_THRESHOLDS, given, "memory_")
    )


def refuses_writes(info: Info) -> str:
    """Why nothing can be written by what INFO has, or nothing: a replica that only reads needs no attempt."""
    if info.get("role") == "slave" and info.get("slave_read_only", 1):
        return f"{_replica_of(info)}, which refuses to write; a master is expected"
    return ""


def _replica_of(info: Info) -> str:
    return f"replica of {excerpt(info.get('master_host'))}:{info.get('master_port')}"


def replication(info: Info, given: Given) -> Finding:
    """Judge the link of a replica, the replicas of a master, and the time since each has last answered."""
    role = info.get("role")
    if role == "master":
        replicas = list(_replicas(info))
        late = [f"{_named(one)} last reported {one['lag']} s ago" for one in replicas if _delay(one, given) != OK]
        message = "; ".join([f"master with {info.get('connected_slaves', 0)} replicas", *late])
        return Finding("replication", worst([OK, *(_delay(one, given) for one in replicas)]), message)
    if role != "slave":
        return Finding("replication", UNKNOWN, f"not determined: the role is {excerpt(role)}")
    if info.get("master_link_status") == "up":
        quiet = info.get("master_last_io_seconds_ago", 0)
        status = limits(TIME_THRESHOLDS, given, "silence_").judge(max(quiet, 0))
        silent = f", but the master has been silent for {quiet} s" if status != OK else ""
        return Finding("replication", status, f"{_replica_of(info)}, link up{silent}")
    down = info.get("master_link_down_since_seconds", -1)
    since = f" for {down} s" if isinstance(down, int) and down >= 0 else ""
    syncing = ", first synchronisation is running" if info.get("master_sync_in_progress") else ""
    return Finding("replication", CRITICAL, f"{_replica_of(info)}, link down{since}{syncing}")


def _replicas(info: Info) -> Iterator[Mapping[str, Any]]:
    return (value for name, value in sorted(info.items()) if _is_replica(name, value))


def _named(replica: Mapping[str, Any]) -> str:
    return f"{replica.get('ip')}:{replica.get('port')}"


def _delay(replica: Mapping[str, Any], given: Given) -> str:
    """What the time since a replica reported deserves; one that is still fetching everything does not report."""
    if replica.get("state") != "online":
        return OK
    return limits(TIME_THRESHOLDS, given, "delay_").judge(max(replica.get("lag", 0), 0))


def replication_stats(info: Info, given: Given) -> Finding:
    """Judge the link and every replica: how many there are, whether they follow, and by how much they are behind."""
    own = replication(info, given)
    if own.status == UNKNOWN:
        return own
    position = info.get("master_repl_offset", 0)
    replicas = list(_replicas(info))
    statuses, parts, behind = [own.status], [own.message], 0
    if len(replicas) < given["replicas"]:
        statuses.append(CRITICAL)
        parts.append(f"{given['replicas']} expected")
    for replica in replicas:
        state = replica.get("state", "unknown")
        lag = max(0, position - replica.get("offset", 0))
        behind = max(behind, lag)
        statuses.append(OK if state == "online" else WARNING)
        parts.append(f"{_named(replica)} is {excerpt(state)}, {size(lag)} behind")
    if not replicas:
        return replace(own, status=worst(statuses), message="; ".join(parts))
    found = Finding.measured(
        "replication",
        "; ".join(parts),
        value=round(behind / _MIB, 1),
        unit="MiB",
        limits=limits(THRESHOLDS, given, "lag_"),
    )
    return replace(found, status=worst((found.status, *statuses)))


def _is_replica(name: str, value: Any) -> bool:
    return name.startswith("slave") and name[5:].isdecimal() and isinstance(value, Mapping)


def memory_stats(info: Info, given: Given) -> Finding:
    """Judge the memory against its limit, and name what the memory is used for beyond the data."""
    found = memory(info, given)
    if found.status == UNKNOWN:
        return found
    peak, resident = info.get("used_memory_peak"), info.get("used_memory_rss")
    more = [
        f"{word} {size(count)}" for word, count in (("peak", peak), ("resident", resident)) if isinstance(count, int)
    ]
    return replace(found, message=", ".join([found.message, *more]))


def statistics(info: Info, _given: Given) -> Finding:
    """What the server did since its counters began; there is no right or wrong of that."""
    if "total_commands_processed" not in info:
        return _unreported("statistics", "commands")
    hits, misses = info.get("keyspace_hits", 0), info.get("keyspace_misses", 0)
    found = f", {100 * hits / (hits + misses):.1f} % of the keys requested were there" if hits + misses else ""
    message = (
        f"{info['total_commands_processed']} commands, {info.get('instantaneous_ops_per_sec', 0)} a second now{found},"
        f" {info.get('expired_keys', 0)} keys expired"
    )
    return Finding("statistics", OK, message, value=info.get("instantaneous_ops_per_sec"), unit="commands/s")


def snapshot(info: Info, given: Given, now: float) -> Finding:
    """Judge the last background save, and its age where changes wait for the next."""
    if "rdb_last_bgsave_status" not in info:
        return _unreported("snapshot", "snapshots")
    if info["rdb_last_bgsave_status"] != GOOD:
        return Finding("snapshot", CRITICAL, f"the last background save is {excerpt(info['rdb_last_bgsave_status'])}")
    if "rdb_last_save_time" not in info:
        return _unreported("snapshot", "last save")
    hours = max(0.0, round((now - info["rdb_last_save_time"]) / _HOUR, 1))
    changes = info.get("rdb_changes_since_last_save", 0)
    if info.get("aof_enabled"):
        # What waits for a snapshot is in the append-only file already, which has an aspect of its own.
        message = f"the last save, {hours:g} h ago, went well; the append-only file keeps every change since"
        return Finding("snapshot", OK, message, value=hours, unit="h")
    if not changes:
        return Finding(
            "snapshot", OK, f"nothing has changed since the last save {hours:g} h ago", value=hours, unit="h"
        )
    message = f"the last save, {hours:g} h ago, went well; {changes} changes wait for the next"
    by = limits(THRESHOLDS, given, "snapshot_")
    return Finding.measured("snapshot", message, value=hours, unit="h", limits=by, remedy="redis-cli BGSAVE")


def append_only(info: Info, _given: Given) -> Finding:
    """Judge the append-only file, where the server has one."""
    if "aof_enabled" not in info:
        return _unreported("append_only", "append-only file")
    if not info["aof_enabled"]:
        return Finding("append_only", NOT_APPLICABLE, "the server keeps no append-only file")
    states = {"write": info.get("aof_last_write_status"), "rewrite": info.get("aof_last_bgrewrite_status")}
    bad = [f"the last {what} is {excerpt(state)}" for what, state in states.items() if state != GOOD]
    if bad:
        return Finding("append_only", CRITICAL, "; ".join(bad))
    return Finding("append_only", OK, f"the last write and rewrite are ok, {size(info.get('aof_current_size', 0))}")


def clients(info: Info, given: Given) -> Finding:
    """Judge the number of clients against the limit that the server has."""
    if "connected_clients" not in info or not info.get("maxclients"):
        return _unreported("clients", "limit of clients (Redis before 6.2)")
    used, limit = info["connected_clients"], info["maxclients"]
    percent = round(100 * used / limit, 1)
    message = (
        f"{used} of {limit} clients are connected ({percent:g} %), {info.get('blocked_clients', 0)} of them wait,"
        f" {info.get('rejected_connections', 0)} were turned away"
    )
    by = limits(THRESHOLDS, given, "clients_")
    return Finding.measured("clients", message, value=percent, unit="%", limits=by)


def evictions(info: Info, given: Given) -> Finding:
    """Judge keys that were dropped for lack of memory: a client had stored them."""
    if "evicted_keys" not in info:
        return _unreported("evictions", "evictions")
    count = info["evicted_keys"]
    message = f"{count} keys were evicted since the counters began, policy {info.get('maxmemory_policy', 'unknown')}"
    by = limits(THRESHOLDS, given, "evictions_")
    return Finding.measured("evictions", message, value=count, unit="keys", limits=by)


def slow_entries(reply: Any) -> list[dict[str, Any]]:
    """The slow log as it may be shown: of each command its first word only, for the others are data."""
    return [
        {
            "id": entry[0],
            "at": entry[1],
            "duration_ms": round(entry[2] / 1000, 3),
            "command": excerpt(entry[3][0] if entry[3] else "unknown", 40).upper(),
        }
        for entry in reply or ()
    ]


def slow_log(entries: list[dict[str, Any]], given: Given, now: float) -> Finding:
    """Judge how many commands of the last hour were slow; the server's own setting defines what slow is."""
    recent = [entry for entry in entries if now - entry["at"] <= _HOUR]
    names = ", ".join(f"{count} {name}" for name, count in Counter(entry["command"] for entry in recent).most_common(5))
    slowest = max((entry["duration_ms"] for entry in recent), default=0)
    detail = f" ({names}; the slowest took {slowest:g} ms)" if recent else ""
    message = f"{len(recent)} slow commands in the last hour{detail}, {len(entries)} in the log"
    by = limits(THRESHOLDS, given, "slow_")
    return Finding.measured("slow_log", message, value=len(recent), unit="commands", limits=by)


def server_time(info: Info, otherwise: float) -> float:
    """The time that the server's own time stamps are to be compared with."""
    microseconds = info.get("server_time_usec")
    return microseconds / 1e6 if isinstance(microseconds, int) else otherwise


def _unreported(aspect: str, what: str) -> Finding:
    return Finding(aspect, UNKNOWN, f"not determined: the server does not report its {what}")


InfoJudge = Callable[[Info, Given, float], Finding]

#: What is judged by INFO alone.
INFO_JUDGES: Mapping[str, InfoJudge] = {
    "replication": lambda info, given, _now: replication_stats(info, given),
    "memory": lambda info, given, _now: memory_stats(info, given),
    "statistics": lambda info, given, _now: statistics(info, given),
    "snapshot": snapshot,
    "append_only": lambda info, given, _now: append_only(info, given),
    "clients": lambda info, given, _now: clients(info, given),
    "evictions": lambda info, given, _now: evictions(info, given),
}

_FACTS: Mapping[str, tuple[str, ...]] = {
    "availability": ("redis_version", "redis_mode", "os", "uptime_in_seconds", "tcp_port", "db"),
    "replication": ("role", "connected_slaves", "master_", "slave", "repl_backlog"),
    "memory": ("used_memory", "maxmemory", "mem_fragmentation_ratio"),
    "statistics": ("total_", "instantaneous_", "keyspace_", "expired_keys"),
    "snapshot": ("rdb_",),
    "append_only": ("aof_",),
    "clients": ("connected_clients", "maxclients", "blocked_clients", "rejected_connections"),
    "evictions": ("evicted_keys", "maxmemory_policy"),
}


def facts(aspect: str, info: Info) -> dict[str, Any]:
    """What INFO has on an aspect, in its own words."""
    return {key: value for key, value in info.items() if key.startswith(_FACTS[aspect])}
