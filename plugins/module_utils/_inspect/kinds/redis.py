# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kind ``redis``: a Redis server answers commands, keeps its data, and has memory left."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ..._clients.network import Unreachable
from ..._clients.redis import LOGIN_OPTIONS, PORT, connected, fault, reason
from ..._core import drivers
from ..._core.about import DEPENDENCY, PROCESS, UNSAVED, Fault
from ..._core.checks import CRITICAL, OK, UNKNOWN, Finding
from ..._core.options import Given, Option, Options
from ..._core.text import excerpt
from ..kind import Kind
from ..redis_judge import MEMORY_THRESHOLDS, memory, persistence, replication

OPTIONS: Options = {
    **LOGIN_OPTIONS,
    **MEMORY_THRESHOLDS,
    "writable": Option("bool", "Whether the server must accept writes; a replica that refuses them fails then."),
}


def run(given: Given) -> Iterator[Finding]:
    """Send PING, then INFO once for everything else."""
    driver = drivers.load("redis")
    with contextlib.closing(connected(driver, given)) as client:
        try:
            yield ping(client.execute_command("PING"))
        except (driver.RedisError, Unreachable) as exc:
            yield Finding.failed("ping", CRITICAL, reason(driver, exc, given["timeout"]), fault(driver, exc))
            # A server that loads its data, or refuses this user a PING, may well answer INFO. Nothing else is tried
            # twice: a second wrong login would count as one more attack.
            if not isinstance(exc, (driver.BusyLoadingError, driver.ResponseError)):
                yield from _unseen("there is no session")
                return
        try:
            info = client.info()
        except (driver.RedisError, Unreachable) as exc:
            yield from _unseen(reason(driver, exc, given["timeout"]))
            return
    yield replace(persistence(info), faults=(Fault.stated(UNSAVED),))
    yield memory(info, given)
    yield replication(info, writable=bool(given.get("writable")))


def _unseen(why: str) -> Iterator[Finding]:
    for aspect in ("persistence", "memory", "replication"):
        yield Finding(aspect, UNKNOWN, f"not determined: {why}")


def ping(reply: Any) -> Finding:
    """Judge the reply to PING by its text, because every error is a reply too."""
    if reply == "PONG":
        return Finding("ping", OK, "PONG")
    return Finding("ping", CRITICAL, f"expected PONG, got {excerpt(reply)}")


KIND = Kind(
    name="redis",
    summary="A Redis server answers PONG, writes its data to disk, has memory left, and follows its master.",
    topic="health",
    options=OPTIONS,
    expected=lambda _given: ("ping", "persistence", "memory", "replication"),
    run=run,
    target=lambda given: str(given.get("port") or PORT),
    explained_by=frozenset({PROCESS, DEPENDENCY}),
)
