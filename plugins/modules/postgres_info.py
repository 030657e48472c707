# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: postgres_info
short_description: Inspect a PostgreSQL server in depth
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - Logs in once and asks for connections, replication, locks, indexes, sequences, transaction numbers, checksums and
    the slowest statements. Returns what it read, and a judgement of each as checks.
  - What could not be read is a check that is V(unknown) with the reason, for example a missing right or a
    time-out. The module fails only where it cannot start, because its options are wrong or the driver is missing.
  - Needs a role that is a member of C(pg_monitor). Reads no table, and returns no constant of any statement.
  - The same checks are made by the kind C(postgres_stats) of a platform description.
requirements:
  - psycopg2 (Python library) on the host that runs the module
  - PostgreSQL 14 or newer
extends_documentation_fragment:
  - xorb.runbook._attributes
  - xorb.runbook.postgres
  - xorb.runbook._stats.postgres_thresholds
seealso:
  - module: xorb.runbook.probe
  - module: xorb.runbook.redis_info
"""

EXAMPLES = r"""
- name: Inspect the database of the shop
  xorb.runbook.postgres_info:
    login_user: xorb_monitor
    login_password: "{{ vault_monitor_password }}"
    login_db: shop
    not_applicable:
      statements: this server does not record statements
  register: database

- name: Inspect through TLS, with a certificate in place of a password
  xorb.runbook.postgres_info:
    login_host: db.example.com
    login_user: xorb_monitor
    login_db: shop
    ca: /etc/ssl/shop/ca.pem
    client_cert: /etc/ssl/shop/monitor.pem
    client_key: /etc/ssl/shop/monitor-key.pem
    standbys: 2
  register: database

- name: Stop where a session waits for a lock
  ansible.builtin.assert:
    that: database.facts.blocked == []
"""

RETURN = r"""
checks:
  description: The judgement of each aspect, as M(xorb.runbook.probe) returns it.
  returned: success
  type: list
  elements: dict
  sample:
    - id: postgres.info.sequences
      name: postgres info sequences
      topic: database
      service: postgres
      host: ''
      owner: localhost
      target: localhost:5432
      status: warning
      message: 'near their end: public.orders_id_seq at 88.2 %'
      value: 88.2
      unit: '%'
      warning: 85
      critical: 95
      threshold_source: check_postgres
      remedy: ''
      blocked_by: ''
      observed_at: '2026-11-23T18:30:00.123Z'
      duration_ms: 4.6
      falling: false
facts:
  description: What was read, by aspect. An aspect that could not be read, or was left out, is missing.
  returned: success
  type: dict
  sample:
    availability: {version: '17.2', database: shop, standby: false, uptime_s: 864000, statistics: true}
    blocked: []
    sequences:
      - sequence: public.orders_id_seq
        readable: true
        last_value: 28901
        first: 1
        last: 32767
        used_percent: 88.2
  contains:
    availability:
      description: Version, database, role in replication, and whether the role may see the sessions of others.
      returned: when the server answers
      type: dict
      sample: {version: '17.2', database: shop, standby: false, uptime_s: 864000, statistics: true}
    statistics:
      description: What pg_stat_database counts for the database.
      returned: when it could be read
      type: list
      elements: dict
      sample: [{database: shop, sessions: 4, xact_commit: 123456, tup_returned: 987654, tup_fetched: 456789}]
    connections:
      description: Sessions by state, and how many ordinary roles can have.
      returned: when it could be read
      type: list
      elements: dict
      sample: [{state: idle, sessions: 12, usable: 97}]
    replication:
      description: Standbys that follow the server, and the server that it follows.
      returned: when it could be read
      type: list
      elements: dict
      sample: [{peer: standby, name: db2, state: streaming, sync_state: async, lag_bytes: 0, lag_s: null}]
    slots:
      description: Replication slots.
      returned: when it could be read
      type: list
      elements: dict
      sample: [{name: db2, type: physical, active: true, wal_status: reserved, retained_bytes: 1024}]
    longest_query:
      description: The ten queries that run for the longest time, without their text.
      returned: when it could be read
      type: list
      elements: dict
      sample: [{pid: 4711, role: shop, database: shop, application: api, state: active, seconds: 3.2}]
    longest_transaction:
      description: The ten transactions that work for the longest time, prepared ones among them.
      returned: when it could be read
      type: list
      elements: dict
      sample: [{pid: 4711, role: shop, database: shop, application: api, state: active, seconds: 3.2}]
    idle_in_transaction:
      description: The ten sessions that have been idle in a transaction for the longest time.
      returned: when it could be read
      type: list
      elements: dict
      sample: [{pid: 4712, role: shop, database: shop, application: psql, state: idle in transaction, seconds: 812.5}]
    blocked:
      description: The ten sessions that have waited for a lock for the longest time, and the sessions that hold it.
      returned: when it could be read
      type: list
      elements: dict
      sample:
        - pid: 4713
          role: shop
          database: shop
          application: api
          state: active
          blocked_by: [4712]
          sessions: 1
          seconds: 9.1
    wraparound:
      description: The ten databases whose oldest transaction is the oldest.
      returned: when it could be read
      type: list
      elements: dict
      sample: [{database: shop, transactions: 1234567, multixacts: 12, freeze_max_age: 200000000}]
    invalid_indexes:
      description: Indexes of the database that are not valid.
      returned: when it could be read
      type: list
      elements: dict
      sample: [{index: public.orders_ccnew, table: public.orders, building: false}]
    sequences:
      description: Sequences of the database, those that may not be read first, then the fullest.
      returned: when it could be read
      type: list
      elements: dict
      sample:
        - sequence: public.orders_id_seq
          readable: true
          last_value: 12
          first: 1
          last: 2147483647
          used_percent: 0.0
    cache_hit:
      description: Blocks that were found in memory, and blocks that were not.
      returned: when it could be read
      type: list
      elements: dict
      sample: [{database: shop, blks_hit: 998000, blks_read: 2000}]
    checksums:
      description: Whether the server has data checksums, and how many pages failed theirs.
      returned: when it could be read
      type: list
      elements: dict
      sample: [{enabled: true, failures: 0, databases: []}]
    statements:
      description: The ten statements with the longest average time, without constants.
      returned: when the extension pg_stat_statements is there
      type: list
      elements: dict
      sample:
        - calls: 1200
          mean_ms: 41.7
          total_ms: 50040.0
          rows: 1200
          role: shop
          statement: SELECT * FROM orders WHERE id = $1
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.xorb.runbook.plugins.module_utils._core import zip_imports

zip_imports.compile_once()

from ansible_collections.xorb.runbook.plugins.module_utils._clients.postgres import login_given, login_spec
from ansible_collections.xorb.runbook.plugins.module_utils._core import drivers, surroundings
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import argument_spec
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.kinds.postgres_stats import KIND, answers
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.postgres_judge import THRESHOLDS
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.stats import MODULE_OPTIONS, examine


def main() -> None:
    """Entry of the module."""
    surroundings.leave()
    options = {**THRESHOLDS, **MODULE_OPTIONS}
    module = AnsibleModule(argument_spec={**login_spec(), **argument_spec(options)}, supports_check_mode=True)
    params = module.params
    given = {**login_given(params), **{name: params[name] for name in (*THRESHOLDS, "not_applicable")}}
    try:
        drivers.load("psycopg2")
        facts, checks = examine(KIND, answers, given, owner=params["login_host"], deadline=params["deadline"])
    except RunbookError as exc:
        module.fail_json(msg=str(exc), **exc.details)
    module.exit_json(changed=False, facts=facts, checks=[check.as_dict() for check in checks])


if __name__ == "__main__":
    main()
