# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether the Redis Cluster that a server belongs to does its work: one that is down answers PING and INFO as ever."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .._clients.network import Unreachable
from .._clients.redis import reason
from .._core.about import UNWELL, Fault
from .._core.checks import CRITICAL, OK, UNKNOWN, Finding, worst
from .._core.options import Given
from .._core.text import excerpt, lines

#: How many slots there are in every cluster.
_SLOTS = 16384


def part_of_cluster(driver: Any, client: Any, info: Mapping[str, Any], given: Given, found: Finding) -> Finding:
    """The finding about replication, made worse where the server belongs to a cluster that is not well."""
    if not info.get("cluster_enabled"):
        return found
    try:
        own = judge(parse(client.execute_command("CLUSTER INFO")))
    except (driver.RedisError, Unreachable) as exc:
        own = Finding("", UNKNOWN, f"the cluster is not determined: {reason(driver, exc, given['timeout'])}")
    # Each client that writes is refused for the same reason.
    faults = (*found.faults, Fault(UNWELL)) if own.status == CRITICAL else found.faults
    status = worst((found.status, own.status))
    return replace(found, status=status, message=f"{found.message}; {own.message}", faults=faults)


def parse(reply: Any) -> dict[str, str]:
    """The fields of ``CLUSTER INFO`` by name; newer drivers have parsed them already."""
    if isinstance(reply, Mapping):
        return {str(name): str(value) for name, value in reply.items()}
    return dict(line.split(":", 1) for line in lines(str(reply)) if ":" in line)


def judge(cluster: Mapping[str, str]) -> Finding:
    """Judge the cluster as this server sees it."""
    state, slots = cluster.get("cluster_state", ""), cluster.get("cluster_slots_assigned", "0")
    message = f"cluster {excerpt(state)}, {excerpt(slots)} of {_SLOTS} slots assigned"
    whole = state == "ok" and slots == str(_SLOTS) and cluster.get("cluster_slots_fail", "0") == "0"
    return Finding("", OK if whole else CRITICAL, message)
