# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kind ``redis_stats``: the state of a Redis server, from its own statistics."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..._clients.network import Unreachable
from ..._clients.redis import LOGIN_OPTIONS, PORT, connected, fault, reason
from ..._core import drivers
from ..._core.about import DEPENDENCY, PROCESS
from ..._core.checks import CRITICAL, UNKNOWN, Finding
from ..._core.not_applicable import NOT_APPLICABLE_OPTION, left_out, left_out_problems
from ..._core.options import Given, Options
from ..kind import Kind
from ..redis_cluster import part_of_cluster
from ..redis_judge import INFO_JUDGES, THRESHOLDS, availability, facts, server_time, slow_entries, slow_log
from ..stats import Answer, findings, not_applicable

OPTIONS: Options = {**LOGIN_OPTIONS, **THRESHOLDS, "not_applicable": NOT_APPLICABLE_OPTION}

ASPECTS = ("availability", *INFO_JUDGES, "slow_log")

#: How much of the slow log is read; the server keeps as many unless it is configured otherwise.
_SLOW_ENTRIES = 128


def answers(given: Given) -> Iterator[Answer]:
    """Request INFO once, which answers nearly everything, and the slow log."""
    driver = drivers.load("redis")
    skipped = left_out(given)
    yield from (not_applicable(aspect, why) for aspect, why in skipped.items())
    with contextlib.closing(connected(driver, given)) as client:
        try:
            info = client.info()
        except (driver.RedisError, Unreachable) as exc:
            yield from _cut_short(driver, exc, given)
            return
        now = server_time(info, time.time())
        for answer in _judged(info, given, now):
            if answer.finding.aspect == "replication" and "replication" not in skipped:
                whole = part_of_cluster(driver, client, info, given, answer.finding)
                yield replace(answer, finding=whole)
            elif answer.finding.aspect not in skipped:
                yield answer
        if "slow_log" in skipped:
            return
        try:
            entries = slow_entries(client.execute_command("SLOWLOG GET", _SLOW_ENTRIES))
        except (driver.RedisError, Unreachable) as exc:
            yield Answer(Finding("slow_log", UNKNOWN, f"not determined: {reason(driver, exc, given['timeout'])}"))
        else:
            yield Answer(slow_log(entries, given, now), entries)


def _judged(info: Mapping[str, Any], given: Given, now: float) -> Iterator[Answer]:
    yield Answer(availability(info), facts("availability", info))
    for aspect, judge in INFO_JUDGES.items():
        yield Answer(judge(info, given, now), facts(aspect, info))


def _cut_short(driver: Any, exc: Exception, given: Given) -> Iterator[Answer]:
    """Nothing is known without INFO; a user who may not read it is no fault of the server."""
    why = reason(driver, exc, given["timeout"])
    met = fault(driver, exc)
    denied = isinstance(exc, driver.exceptions.NoPermissionError)
    for aspect in ASPECTS:
        if aspect in left_out(given):
            continue
        if aspect == "availability" and not denied:
            yield Answer(Finding.failed(aspect, CRITICAL, why, met))
        else:
            because = f"not determined: {why if denied else 'there is no session'}"
            yield Answer(Finding.failed(aspect, UNKNOWN, because, met))


KIND = Kind(
    name="redis_stats",
    summary="A Redis server in depth: replication, memory, persistence, clients, slow commands, and evictions.",
    topic="database",
    options=OPTIONS,
    expected=lambda _given: ASPECTS,
    run=findings(answers),
    target=lambda given: str(given.get("port") or PORT),
    check=left_out_problems(ASPECTS),
    explained_by=frozenset({PROCESS, DEPENDENCY}),
    opens=("availability",),
)
