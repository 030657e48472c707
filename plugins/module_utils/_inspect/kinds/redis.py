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
from ..._core.checks import CRITICAL, NOT_APPLICABLE, OK, UNKNOWN, Finding
from ..._core.options import Given, Option, Options
from ..._core.text import excerpt
from ..kind import Kind
from ..redis_cluster import part_of_cluster
from ..redis_judge import MEMORY_THRESHOLDS, TIME_THRESHOLDS, memory, persistence, refuses_writes, replication

#: What the keys that are read begin with, so that a user's rights can be as narrow.
PREFIX = "xorb-runbook:"
WRITE_KEY = f"{PREFIX}no-such-key"

#: Sets a key only where there is one already. For the server it is a write that needs memory, whatever comes of it:
#: replicas, paused servers, clusters that are down, full memory and failed saves refuse or hold it.
WRITE = ("SET", WRITE_KEY, "", "XX")

#: What INFO answers.
SEEN = ("persistence", "memory", "replication")

OPTIONS: Options = {
    **LOGIN_OPTIONS,
    **MEMORY_THRESHOLDS,
    **TIME_THRESHOLDS,
    "writable": Option(
        "bool",
        f"Whether the server must accept writes. The probe tries to replace the key C({WRITE_KEY}) then, which is not "
        "there.",
    ),
}


def run(given: Given) -> Iterator[Finding]:
    """Send PING, then INFO once for everything else, and ask for a write where the server must accept some."""
    driver = drivers.load("redis")
    with contextlib.closing(connected(driver, given)) as client:
        try:
            yield ping(client.execute_command("PING"))
        except (driver.RedisError, Unreachable) as exc:
            yield Finding.failed("ping", CRITICAL, reason(driver, exc, given["timeout"]), fault(driver, exc))
            # A server that loads its data, or refuses this user a PING, may well answer INFO. Nothing else is tried
            # twice: a second wrong login would count as one more attack.
            if not isinstance(exc, (driver.BusyLoadingError, driver.ResponseError)):
                yield from _unseen("there is no session", given)
                return
        try:
            info = client.info()
        except (driver.RedisError, Unreachable) as exc:
            yield from _unseen(reason(driver, exc, given["timeout"]), given)
            return
        yield replace(persistence(info), faults=(Fault.stated(UNSAVED),))
        yield memory(info, given)
        yield part_of_cluster(driver, client, info, given, replication(info, given))
        # Last: a server that holds writes does not answer, and holds up nothing else then.
        if given.get("writable") is not None:
            yield writes(driver, client, info, given)


def writes(driver: Any, client: Any, info: Any, given: Given) -> Finding:
    """Ask the server to do a write that changes nothing: whatever keeps it from writing keeps it from that, too."""
    if not given["writable"]:
        return Finding("writes", NOT_APPLICABLE, "the server need not accept writes")
    refused = refuses_writes(info)
    if refused:
        return Finding("writes", CRITICAL, refused)
    try:
        client.execute_command(*WRITE)
    except driver.exceptions.MovedError:
        return Finding("writes", OK, "the cluster accepts writes; another server has the slot of the key that was used")
    except driver.exceptions.NoPermissionError as exc:
        why = f"{reason(driver, exc, given['timeout'])}; it needs +set ~{PREFIX}* (playbook xorb.runbook.prerequisites)"
        return Finding("writes", UNKNOWN, f"not determined: {why}")
    except (driver.RedisError, Unreachable) as exc:
        why = f"a write gets no answer: {reason(driver, exc, given['timeout'])}"
        return Finding.failed("writes", CRITICAL, why, fault(driver, exc))
    return Finding("writes", OK, "the server accepts writes")


def expected(given: Given) -> tuple[str, ...]:
    """The aspects that must arrive."""
    return ("ping", *SEEN, *(["writes"] if given.get("writable") is not None else []))


def _unseen(why: str, given: Given) -> Iterator[Finding]:
    for aspect in expected(given)[1:]:
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
    expected=expected,
    run=run,
    target=lambda given: str(given.get("port") or PORT),
    explained_by=frozenset({PROCESS, DEPENDENCY}),
)
