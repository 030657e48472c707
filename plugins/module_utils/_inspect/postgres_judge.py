# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Judges what PostgreSQL answers: rows and thresholds in, one finding out. Nothing here knows a server."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Callable

from .._clients.postgres import Row
from .._core.about import Fault
from .._core.checks import CRITICAL, NOT_APPLICABLE, OK, UNKNOWN, WARNING, Finding, Limits, worst
from .._core.options import NOT_NEGATIVE, PERCENT, Given, Option, Options, Range, limits, thresholds
from .._core.text import excerpt, size, some_of

_MIB = 1024 * 1024


THRESHOLDS: Options = {
    **thresholds("connections", "percentage of connections", 80.0, 90.0, source="ours", within=PERCENT),
    **thresholds("lag", "number of MiB that a standby is behind", 10.0, 100.0, source="autobase, ours"),
    **thresholds("delay", "number of seconds that a standby is behind", 60.0, 300.0, source="ours"),
    **thresholds("silence", "number of seconds since a standby reported", 20.0, 45.0, source="ours"),
    "standbys": Option(
        "int", "Fail where fewer standbys than this follow the server.", default=0, source="ours", within=NOT_NEGATIVE
    ),
    **thresholds("slots", "number of MiB that a replication slot keeps", 1024.0, 10240.0, source="ours"),
    **thresholds("query", "number of seconds that a query runs", 120.0, 300.0, source="check_postgres"),
    **thresholds("transaction", "number of seconds that a transaction works", 300.0, 900.0, source="ours"),
    **thresholds("idle", "number of seconds that a session is idle in a transaction", 300.0, 900.0, source="ours"),
    **thresholds("blocked", "number of seconds that a session waits for a lock", 5.0, 60.0, source="ours"),
    **thresholds(
        "wraparound", "age of the oldest transaction", 1.3e9, 1.4e9, source="check_postgres", within=Range(0, 2**31)
    ),
    **thresholds(
        "sequences", "percentage of a sequence that is used up", 85.0, 95.0, source="check_postgres", within=PERCENT
    ),
    **thresholds(
        "cache",
        "percentage of blocks that were found in memory",
        99.0,
        95.0,
        source="PgHero",
        verb="below",
        within=PERCENT,
    ),
    "cache_minimum_blocks": Option(
        "int",
        "The cache is judged when at least this many blocks have been read.",
        default=100_000,
        source="ours",
        within=NOT_NEGATIVE,
    ),
}

#: How many items a message names.
_NAMED = 3

#: The state of sessions that show nothing about themselves (``track_activities``).
HIDDEN = "disabled"

#: Where a setting comes from that holds for one role only.
_OF_A_ROLE = ("user", "database user")

_UNCOUNTED = "not determined: the server counts nothing (track_counts is off)"

_READ_ONLY = "default_transaction_read_only"

Judge = Callable[[list[Row], Given], Finding]


def availability(row: Row, version: str) -> Finding:
    """The server answers; what it is stands in the message."""
    role = "standby" if row["standby"] else "primary"
    uptime = _span(row["uptime_s"])
    return Finding("availability", OK, f"PostgreSQL {version}, {role}, up for {uptime}, database {row['database']}")


def statistics(rows: list[Row], _given: Given) -> Finding:
    """What the database did since its statistics began; there is no right or wrong of that."""
    if not rows:
        return Finding("statistics", UNKNOWN, "not determined: the server keeps no statistics of the database")
    row = rows[0]
    if not row["counted"]:
        return Finding.failed("statistics", UNKNOWN, _UNCOUNTED, Fault("uncounted"))
    since = f" in {_span(row['since_reset_s'])}" if row["since_reset_s"] is not None else ""
    message = (
        f"{row['xact_commit']} commits, {row['xact_rollback']} rollbacks, {row['tup_returned']} rows returned,"
        f" {row['tup_fetched']} fetched, {row['deadlocks']} deadlocks, {size(row['temp_bytes'])} of temporary"
        f" files{since}"
    )
    return Finding("statistics", OK, message)


def connections(rows: list[Row], given: Given) -> Finding:
    """Judge how many of the connections that ordinary roles can have are in use."""
    used = sum(row["sessions"] for row in rows)
    usable = rows[0]["usable"] if rows else 0
    states = ", ".join(f"{row['sessions']} {row['state']}" for row in rows)
    return connections_used(used, usable, limits(THRESHOLDS, given, "connections_"), f": {states}")


def connections_used(used: int, usable: int, by: Limits, more: str = "") -> Finding:
    """Judge a number of connections against the number that there can be."""
    percent = round(100 * used / usable, 1) if usable > 0 else 100.0
    message = f"{used} of {usable} connections are in use ({percent:g} %){more}"
    return Finding.measured("connections", message, value=percent, unit="%", limits=by)


def writes(server: Row, role: Row | None, given: Given) -> Finding:
    """Judge whether the application can write: the server in general, its own role, and what commits wait for.

    ``role`` is what is known of the ``application_role``, where one is given and exists.
    """
    reasons = [*_refusals(server), *(_refusals_of_role(role, given) if given.get("application_role") else ())]
    if reasons:
        return Finding("writes", CRITICAL, f"nothing can be written: {'; '.join(reasons)}")
    if server["synchronous"].strip() and not server["statistics"]:
        message = "commits wait for a synchronous standby, and the role may not see whether one is there (pg_monitor)"
        return Finding("writes", UNKNOWN, f"not determined: {message}")
    alone = ""
    if server["read_only"]:
        alone = f"; {_READ_ONLY} is set for the role of this check, which is no evidence about the others"
    return Finding("writes", OK, f"the server accepts writes{alone}")


def _refusals(server: Row) -> Iterator[str]:
    if server["standby"]:
        yield "the server is a standby in recovery"
    elif server["read_only"] and server["source"] not in _OF_A_ROLE:
        yield f"the server is set to read only ({_READ_ONLY}, by {server['source']})"
    needed = _synchronous(server["synchronous"])
    if server["statistics"] and server["followers"] < needed:
        yield f"commits wait for {needed} synchronous standbys, and {server['followers']} follow"
    elif (server["held_s"] or 0) > _HELD:
        yield f"a commit has waited for its synchronous standby for {_span(server['held_s'])}"


#: Seconds that a commit may wait for a standby.
_HELD = 10


def _synchronous(names: str) -> int:
    """How many standbys have to confirm a commit by ``synchronous_standby_names``; none where that is empty."""
    if not names.strip():
        return 0
    number = re.match(r"\s*(?:(?:FIRST|ANY)\s+)?(\d+)\s*\(", names, re.IGNORECASE)
    return int(number[1]) if number else 1


def _refusals_of_role(role: Row | None, given: Given) -> Iterator[str]:
    name = given["application_role"]
    if role is None:
        yield f"the role {name} does not exist"
        return
    if not role["login"]:
        yield f"the role {name} may not log in"
    if role["expired"]:
        yield f"the password of the role {name} has expired"
    words = [word.partition("=") for settings in role["settings"] for word in settings]
    found = next((value for setting, _equals, value in words if setting == _READ_ONLY), "off")
    if found.lower() in ("on", "true", "yes", "1"):
        yield f"the role {name} is set to read only ({_READ_ONLY})"


def replication(rows: list[Row], given: Given) -> Finding:
    """Judge which servers follow this one, which one it follows, and by how much they are behind."""
    standbys = [row for row in rows if row["peer"] == "standby"]
    statuses, parts = [], []
    if len(standbys) < given["standbys"]:
        statuses.append(CRITICAL)
        parts.append(f"{len(standbys)} of {given['standbys']} standbys follow")
    for row in rows:
        statuses += [_state_of_peer(row), *_times_of_peer(row, given)]
        parts.append(_peer(row, given))
    if not parts:
        return Finding("replication", OK, "no server follows this one, and it follows none")
    lag = max((row["lag_bytes"] for row in rows if row["lag_bytes"] is not None), default=0)
    found = Finding.measured(
        "replication",
        "; ".join(parts),
        value=round(lag / _MIB, 1),
        unit="MiB",
        limits=limits(THRESHOLDS, given, "lag_"),
        remedy="SELECT pg_wal_replay_resume()" if any(row["paused"] for row in rows) else "",
    )
    return _at_least(found, statuses)


def _peer(row: Row, given: Given) -> str:
    """One peer as a text."""
    # One that is disconnected has no name.
    name = f" {excerpt(row['name'])}" if row["name"] != row["peer"] else ""
    behind = f", {size(row['lag_bytes'])} behind" if row["lag_bytes"] is not None else ""
    waited = f" ({row['lag_s']:.0f} s)" if row["lag_s"] else ""
    quiet = limits(THRESHOLDS, given, "silence_").judge(row["silent_s"] or 0) != OK
    silent = f", silent for {row['silent_s']:.0f} s" if quiet else ""
    paused = ", and its replay is paused" if row["paused"] else ""
    return f"{row['peer']}{name} is {row['state']}{behind}{waited}{silent}{paused}"


def _times_of_peer(row: Row, given: Given) -> Iterator[str]:
    """What the times of a peer deserve: a few bytes that stay behind for an hour are old data."""
    yield limits(THRESHOLDS, given, "delay_").judge(row["lag_s"] or 0)
    yield limits(THRESHOLDS, given, "silence_").judge(row["silent_s"] or 0)
    yield CRITICAL if row["paused"] else OK


def _state_of_peer(row: Row) -> str:
    if row["state"] == "streaming" or (row["peer"] == "standby" and row["state"] == "backup"):
        return OK
    return WARNING if row["peer"] == "standby" else CRITICAL


def slots(rows: list[Row], given: Given) -> Finding:
    """Judge what replication slots keep: one that no client reads fills the disk, and one that is lost is of no use."""
    if not rows:
        return Finding("slots", OK, "there are no replication slots")
    parts = []
    for row in rows:
        kept = f"keeps {size(row['retained_bytes'])}" if row["retained_bytes"] is not None else "keeps nothing"
        parts.append(f"{row['name']} is {'active' if row['active'] else 'not read by any client'}, {kept}")
    lost = [row["name"] for row in rows if row["wal_status"] == "lost"]
    if lost:
        parts.insert(0, f"lost: {', '.join(lost)}")
    retained = max((row["retained_bytes"] or 0 for row in rows), default=0)
    found = Finding.measured(
        "slots",
        "; ".join(parts),
        value=round(retained / _MIB, 1),
        unit="MiB",
        limits=limits(THRESHOLDS, given, "slots_"),
    )
    unread = any(not row["active"] or row["wal_status"] == "unreserved" for row in rows)
    return _at_least(found, [CRITICAL if lost else OK, WARNING if unread else OK])


def longest_query(rows: list[Row], given: Given) -> Finding:
    """Judge the query that runs for the longest time."""
    return _longest("longest_query", rows, limits(THRESHOLDS, given, "query_"), "no query runs")


def longest_transaction(rows: list[Row], given: Given) -> Finding:
    """Judge the transaction that works for the longest time, or was prepared and forgotten."""
    by = limits(THRESHOLDS, given, "transaction_")
    return _longest("longest_transaction", rows, by, "no transaction works")


def idle_in_transaction(rows: list[Row], given: Given) -> Finding:
    """Judge the session that opened a transaction and left: its locks stay, and nothing can be cleaned up."""
    by = limits(THRESHOLDS, given, "idle_")
    return _longest("idle_in_transaction", rows, by, "no session is idle in a transaction")


def _longest(aspect: str, rows: list[Row], by: Limits, none: str) -> Finding:
    """Judge the longest one that can be seen. Sessions that show nothing about themselves leave the answer open."""
    seen = [row for row in rows if row["state"] != HIDDEN]
    hidden = sum(row["sessions"] for row in rows if row["state"] == HIDDEN)
    seconds = max((row["seconds"] or 0.0 for row in seen), default=0.0)
    message = "; ".join(f"{_session(row)} for {_span(row['seconds'])}" for row in seen[:_NAMED]) or none
    if hidden:
        message = f"not determined: {hidden} sessions have track_activities switched off; of the others, {message}"
    faults = (Fault("hidden"),) if hidden else ()
    found = Finding.measured(aspect, message, value=round(seconds, 1), unit="s", limits=by, faults=faults)
    return _at_least(found, [UNKNOWN] if hidden else [])


def blocked(rows: list[Row], given: Given) -> Finding:
    """Judge how long sessions wait for a lock, and name the sessions that hold it."""
    by = limits(THRESHOLDS, given, "blocked_")
    seconds = max((row["seconds"] or 0.0 for row in rows), default=0.0)
    named = [
        f"{_session(row)} waits for {_span(row['seconds'])} for {_blockers(row['blocked_by'])}" for row in rows[:_NAMED]
    ]
    message = f"{rows[0]['sessions']} blocked: {'; '.join(named)}" if rows else "no session waits for a lock"
    return Finding.measured("blocked", message, value=round(seconds, 1), unit="s", limits=by)


def _blockers(pids: list[int]) -> str:
    # A transaction that was prepared has no process any more.
    return ", ".join(f"pid {pid}" if pid else "a prepared transaction" for pid in pids) or "no session any more"


def wraparound(rows: list[Row], given: Given) -> Finding:
    """Judge how far the server is from the end of its transaction numbers, where it would refuse to write."""
    if not rows:
        return Finding("wraparound", UNKNOWN, "not determined: the server names no database")
    oldest = max(rows, key=lambda row: max(row["transactions"], row["multixacts"]))
    age = max(oldest["transactions"], oldest["multixacts"])
    what = "transactions" if age == oldest["transactions"] else "multixacts"
    share = round(100 * age / oldest["freeze_max_age"], 1)
    message = f"{oldest['database']} is {age} {what} old, {share:g} % of the age at which it is frozen by force"
    by = limits(THRESHOLDS, given, "wraparound_")
    return Finding.measured("wraparound", message, value=age, unit=what, limits=by, remedy="VACUUM (FREEZE)")


def invalid_indexes(rows: list[Row], _given: Given) -> Finding:
    """Judge indexes that cost on every write and serve no query; those that are being built do not count."""
    broken = [row for row in rows if not row["building"]]
    building = f"; {len(rows) - len(broken)} being built" if len(broken) < len(rows) else ""
    names = _named([_invalid(row) for row in broken])
    return Finding.measured(
        "invalid_indexes",
        (f"invalid: {names}" if broken else "every index is valid") + building,
        value=len(broken),
        unit="indexes",
        limits=Limits(critical=0, source="check_pgactivity"),
        remedy="; ".join(dict.fromkeys(_ATTACH if row["partitioned"] else _REBUILD for row in broken)),
    )


_REBUILD = "REINDEX INDEX CONCURRENTLY, or DROP INDEX CONCURRENTLY"
#: Neither works on the index of a partitioned table, which becomes valid with the last part that is attached to it.
_ATTACH = "CREATE INDEX CONCURRENTLY on each partition that has none, then ALTER INDEX ... ATTACH PARTITION"


def _invalid(row: Row) -> str:
    name = f"{row['index']} on {row['table']}"
    if not row["partitioned"]:
        return name
    return f"{name} (partitioned; no valid part on {_named(row['missing']) or 'none of its partitions'})"


def sequences(rows: list[Row], given: Given) -> Finding:
    """Judge the sequence that is nearest to its end. One that may not be read leaves the answer open."""
    readable = sorted((row for row in rows if row["readable"]), key=lambda row: -row["used_percent"])
    hidden = [row["sequence"] for row in rows if not row["readable"]]
    by = limits(THRESHOLDS, given, "sequences_")
    fullest = readable[0]["used_percent"] if readable else 0.0
    near = [
        f"{row['sequence']} at {row['used_percent']:g} %" for row in readable if by.judge(row["used_percent"]) != OK
    ]
    message = f"{len(readable)} sequences, the fullest at {fullest:g} %" if readable else "there are no sequences"
    if near:
        message = f"near their end: {_named(near)}"
    if hidden:
        secret = f"{len(hidden)} of {len(rows)} sequences may not be read ({_named(hidden)}): GRANT SELECT on them"
        message = f"{message}; {secret}" if near else f"not determined: {secret}"
    if not rows:
        return Finding("sequences", OK, message)
    found = Finding.measured("sequences", message, value=fullest, unit="%", limits=by)
    return _at_least(found, [UNKNOWN] if hidden else [])


def cache_hit(rows: list[Row], given: Given) -> Finding:
    """Judge how much of what the database reads is in memory already, once it has read enough for that."""
    row = rows[0] if rows else {"blks_hit": 0, "blks_read": 0, "counted": True}
    if not row["counted"]:
        return Finding.failed("cache_hit", UNKNOWN, _UNCOUNTED, Fault("uncounted"))
    blocks = row["blks_hit"] + row["blks_read"]
    if blocks < max(given["cache_minimum_blocks"], 1):
        message = f"{blocks} blocks have been read, too few to judge (from {given['cache_minimum_blocks']})"
        return Finding("cache_hit", NOT_APPLICABLE, message)
    percent = round(100 * row["blks_hit"] / blocks, 2)
    return Finding.measured(
        "cache_hit",
        f"{percent:g} % of {blocks} blocks were in memory",
        value=percent,
        unit="%",
        limits=limits(THRESHOLDS, given, "cache_", falling=True),
    )


def checksums(rows: list[Row], _given: Given) -> Finding:
    """Judge pages that were read and did not have the checksum that they were written with."""
    row = rows[0]
    if not row["enabled"]:
        return Finding("checksums", NOT_APPLICABLE, "the server was set up without data checksums")
    where = f" in {', '.join(row['databases'])}" if row["failures"] else ""
    return Finding.measured(
        "checksums",
        f"{row['failures']} pages failed their checksum{where}",
        value=row["failures"],
        unit="pages",
        limits=Limits(critical=0, source="check_pgactivity"),
    )


def statements(rows: list[Row], _given: Given) -> Finding:
    """Name the statements that take the longest on average; how long is too long, only their users know."""
    named = [
        f"{number}. {row['mean_ms']:g} ms on average of {row['calls']} calls: {excerpt(row['statement'], 60)}"
        for number, row in enumerate(rows, 1)
    ]
    if not named:
        return Finding("statements", OK, "pg_stat_statements has recorded no statement of this database yet")
    return Finding("statements", OK, "; ".join(named), value=rows[0]["mean_ms"], unit="ms")


JUDGES: Mapping[str, Judge] = {
    judge.__name__: judge
    for judge in (
        statistics,
        connections,
        replication,
        slots,
        longest_query,
        longest_transaction,
        idle_in_transaction,
        blocked,
        wraparound,
        invalid_indexes,
        sequences,
        cache_hit,
        checksums,
        statements,
    )
}


def _at_least(found: Finding, statuses: Iterable[str]) -> Finding:
    """The finding, made worse where something other than its number is."""
    return replace(found, status=worst((found.status, *statuses)))


def _named(names: list[str]) -> str:
    return some_of(names, _NAMED)


def _session(row: Row) -> str:
    application = f", {excerpt(row['application'], 40)}" if row["application"] else ""
    return f"pid {row['pid']} ({row['role']} in {row['database']}{application})"


def _span(seconds: Any) -> str:
    """A time in its largest unit."""
    left = float(seconds or 0)
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if left >= length:
            return f"{left / length:.1f} {unit}"
    return f"{left:.0f} s"
