# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: redis_info
short_description: Inspect a Redis server in depth
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - Asks for INFO and the slow log. Returns what it read, and a judgement of each aspect as checks.
  - What could not be read is a check that is V(unknown) with the reason, for example a missing right or a
    time-out. The module fails only where it cannot start, because its options are wrong or the driver is missing.
  - Needs a user that may use C(INFO) and C(SLOWLOG GET). Sends neither C(KEYS) nor C(CONFIG), and returns of a slow
    command its name only.
  - The same checks are made by the kind C(redis_stats) of a platform description.
requirements:
  - redis (Python library) on the host that runs the module
  - Redis 6.2 or newer
options:
  server_name:
    description: Name that the server's certificate must carry, where it is not the address.
    type: str
extends_documentation_fragment:
  - xorb.runbook._attributes
  - xorb.runbook.redis
  - xorb.runbook._stats.redis_thresholds
seealso:
  - module: xorb.runbook.probe
  - module: xorb.runbook.postgres_info
  - module: xorb.runbook.redis_acl_user
"""

EXAMPLES = r"""
- name: Inspect the cache, which keeps nothing on disk and may evict
  xorb.runbook.redis_info:
    login_user: xorb_monitor
    login_password: "{{ vault_redis_monitor_password }}"
    not_applicable:
      snapshot: a cache is not saved
      evictions: a cache forgets
  register: cache

- name: Inspect through TLS, with a client certificate
  xorb.runbook.redis_info:
    login_host: cache.example.com
    tls: true
    ca: /etc/ssl/shop/ca.pem
    client_cert: /etc/ssl/shop/monitor.pem
    client_key: /etc/ssl/shop/monitor-key.pem
    replicas: 1
  register: cache

- name: Show what is slow
  ansible.builtin.debug:
    msg: "{{ cache.facts.slow_log | default([]) }}"
"""

RETURN = r"""
checks:
  description: The judgement of each aspect, as M(xorb.runbook.probe) returns it.
  returned: success
  type: list
  elements: dict
  sample:
    - id: redis.info.memory
      name: redis info memory
      topic: database
      service: redis
      host: ''
      owner: localhost
      target: localhost:6379
      status: ok
      message: 1.0 MiB of 64.0 MiB used (1.6 %), policy noeviction, peak 1.1 MiB, resident 14.4 MiB
      value: 1.6
      unit: '%'
      warning: 80
      critical: 90
      threshold_source: ours
      remedy: ''
      blocked_by: ''
      observed_at: '2026-11-23T18:30:00.123Z'
      duration_ms: 4.6
      falling: false
facts:
  description: What was read, by aspect. An aspect that could not be read is missing.
  returned: success
  type: dict
  sample:
    availability: {redis_version: 8.0.2, redis_mode: standalone, uptime_in_seconds: 864000}
    memory: {used_memory: 1048576, maxmemory: 67108864, maxmemory_policy: noeviction}
    slow_log: []
  contains:
    availability:
      description: Version, mode and time since the start.
      returned: when the server answers
      type: dict
      sample: {redis_version: 8.0.2, redis_mode: standalone, uptime_in_seconds: 864000}
    replication:
      description: Role, link to the master, and replicas.
      returned: when the server answers
      type: dict
      sample: {role: master, connected_slaves: 0, master_repl_offset: 0}
    memory:
      description: Memory used, its limit, and its fragmentation.
      returned: when the server answers
      type: dict
      sample: {used_memory: 1048576, maxmemory: 67108864, mem_fragmentation_ratio: 1.2}
    statistics:
      description: What the server counted since its counters began.
      returned: when the server answers
      type: dict
      sample: {total_commands_processed: 4711, keyspace_hits: 12, keyspace_misses: 1, expired_keys: 0}
    snapshot:
      description: The last background save, and what has changed since.
      returned: when the server answers
      type: dict
      sample: {rdb_last_bgsave_status: ok, rdb_last_save_time: 1795463672, rdb_changes_since_last_save: 0}
    append_only:
      description: The append-only file.
      returned: when the server answers
      type: dict
      sample: {aof_enabled: 0, aof_last_write_status: ok}
    clients:
      description: Clients, and how many there can be.
      returned: when the server answers
      type: dict
      sample: {connected_clients: 4, maxclients: 10000, blocked_clients: 0, rejected_connections: 0}
    evictions:
      description: Keys that were thrown away for lack of memory.
      returned: when the server answers
      type: dict
      sample: {evicted_keys: 0}
    slow_log:
      description: The slow log, newest first, of each command its name only.
      returned: when the user may read it
      type: list
      elements: dict
      sample: [{id: 3, at: 1795463672, duration_ms: 12.5, command: SUNION}]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.xorb.runbook.plugins.module_utils._core import zip_imports

zip_imports.compile_once()

from ansible_collections.xorb.runbook.plugins.module_utils._clients.redis_login import login_given, login_spec
from ansible_collections.xorb.runbook.plugins.module_utils._core import drivers, surroundings
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import argument_spec
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.kinds.redis_stats import KIND, answers
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.redis_judge import THRESHOLDS
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.stats import MODULE_OPTIONS, examine


def main() -> None:
    """Entry of the module."""
    surroundings.leave()
    options = {**THRESHOLDS, **MODULE_OPTIONS}
    module = AnsibleModule(
        argument_spec={**login_spec(), "server_name": {"type": "str"}, **argument_spec(options)},
        supports_check_mode=True,
    )
    params = module.params
    given = {**login_given(params), **{name: params[name] for name in (*THRESHOLDS, "not_applicable")}}
    try:
        drivers.load("redis")
        facts, checks = examine(KIND, answers, given, owner=params["login_host"], deadline=params["deadline"])
    except RunbookError as exc:
        module.fail_json(msg=str(exc), **exc.details)
    module.exit_json(changed=False, facts=facts, checks=[check.as_dict() for check in checks])


if __name__ == "__main__":
    main()
