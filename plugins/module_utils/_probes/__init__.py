# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The registry of kinds: a new kind is one file in this folder and one line here."""

# Imported by name, because Ansible ships to a host only what is imported by name.

from __future__ import annotations

from ansible_collections.xorb.runbook.plugins.module_utils._kind import Kind
from ansible_collections.xorb.runbook.plugins.module_utils._probes import (
    clock,
    command,
    container,
    cpu,
    disk,
    docker_disk,
    docker_stats,
    failed_units,
    file_age,
    http,
    latency,
    load,
    memory,
    network,
    postgres,
    postgres_depth,
    process,
    prometheus,
    redis,
    redis_depth,
    swap,
    tcp,
    timer,
    tls,
    unit,
)

KINDS: dict[str, Kind] = {
    value.KIND.name: value.KIND for value in tuple(globals().values()) if isinstance(getattr(value, "KIND", None), Kind)
}
