# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: backup_set
short_description: Take one set of a backup of PostgreSQL, Redis or files
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - Takes a set beside what there is, reads it back, writes a manifest with the SHA-256 of each file, waits until all of
    it is on the disk, and lets it appear by one rename. A run that is killed anywhere leaves no set that is not whole.
  - The work is done by a process of its own, which outlives the connection. The call that begins it returns O(job) as
    soon as O(wait) is over; further calls with the same options and that O(job) wait for it.
  - Exactly one of O(postgres), O(redis) and O(files) is given.
extends_documentation_fragment:
  - xorb.runbook.backup_sets
  - xorb.runbook.backup_sets.plan
attributes:
  check_mode:
    description: Can run in check mode without changing anything.
    support: full
    details:
      - It returns what would be written, and fails where that cannot be done.
  diff_mode:
    description: Shows what changes.
    support: none
  idempotent:
    description: Running it again changes nothing.
    support: none
    details:
      - Each run takes a set.
requirements:
  - psycopg2 (Python library), pg_dump and pg_dumpall of the server's major version, for PostgreSQL
  - pgbackrest 2.45 or newer and PostgreSQL's server, for O(postgres.engine=pgbackrest)
  - redis (Python library) and redis-check-rdb, for Redis
  - GNU tar, for files
  - age, where sets are encrypted
seealso:
  - module: xorb.runbook.backup_create
  - module: xorb.runbook.backup_set_verify
"""

EXAMPLES = r"""
- name: Take a set of the configuration
  xorb.runbook.backup_set:
    platform: shop
    host: web1
    service: nginx
    backup: config
    files:
      paths: [/etc/nginx]
      recipients: [age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p]
"""

RETURN = r"""
job:
  description: Name of the job that takes the set, as long as it runs.
  returned: while the job runs
  type: str
  sample: 2c7a6f1be0a34c0d9d1f6a9a3f6f7b12
report:
  description: How far it has come.
  returned: while the job runs
  type: dict
  sample: {phase: dumping, done: 1200000000, total: 3000000000, unit: bytes, note: public.orders, begin: 0, at: 0}
set:
  description: The set, when it is there.
  returned: when the job has ended
  type: dict
  sample: {id: 20261130T094500Z, size: 734003200, seconds: 41.2, parts: 12 files, encrypted: true}
forecast:
  description: What would be written.
  returned: in check mode, and with O(only_plan)
  type: dict
  sample: {lines: ["/etc/nginx: 41 files"], plain_bytes: 81920}
predicted:
  description: Bytes and seconds of the next set, by the sets that there are; empty where there is none.
  returned: in check mode, and with O(only_plan)
  type: dict
  sample: {bytes: 734003200, seconds: 41.2}
unfinished:
  description: What runs that were killed left half done.
  returned: in check mode, and with O(only_plan)
  type: list
  elements: str
  sample: []
recovered:
  description: What a run that was killed had left half done, and how it was ended.
  returned: when the job has ended, and in check mode
  type: list
  elements: str
  sample: []
"""

from ansible_collections.xorb.runbook.plugins.module_utils._core import zip_imports

zip_imports.compile_once()

from ansible_collections.xorb.runbook.plugins.module_utils._act.backup import create_job
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.parameters import BACKUP_OPTIONS
from ansible_collections.xorb.runbook.plugins.module_utils._act.long_module import run_job
from ansible_collections.xorb.runbook.plugins.module_utils._act.options import PLAN_OPTION

OPTIONS = {**BACKUP_OPTIONS, **PLAN_OPTION}


def main() -> None:
    """Entry of the module."""
    run_job(
        OPTIONS,
        plan=create_job.plan,
        function=create_job.FUNCTION,
        plan_option="only_plan",
    )


if __name__ == "__main__":
    main()
