# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: backup_set_verify
short_description: Restore sets of a backup into a throwaway server or folder, and compare what came back
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - Verifies the newest set, unless it is verified already, and with O(older) a random older one beside it; or O(sets).
  - Compares the SHA-256 of each stored file, decrypts it, restores it into scratch, which is never the source, and
    compares what came back with what was counted when the set was taken. Then it writes a receipt beside the sets.
  - Everything that was restored is removed again. A run that is killed leaves that to the next one.
  - The work is done by a process of its own, which outlives the connection. The call that begins it returns O(job) as
    soon as O(wait) is over; further calls with the same options and that O(job) wait for it.
  - It fails where a set is not what its manifest says, and returns the receipts of all sets nevertheless.
extends_documentation_fragment:
  - xorb.runbook.backup_sets
  - xorb.runbook.backup_sets.proof
options:
  sets:
    description: Names of the sets to be verified, whatever is known of them. Without any, those that are due.
    type: list
    elements: str
    default: []
  older:
    description: Whether a random older set is verified beside the newest one.
    type: bool
    default: false
  elsewhere:
    description:
      - Whether the sets are verified on another host, with M(xorb.runbook.backup_set_prove). Then they are only read
        here, and compared with their digests; RV(sound) names those that are as they were stored.
    type: bool
    default: false
attributes:
  check_mode:
    description: Can run in check mode without changing anything.
    support: full
    details:
      - It returns which sets would be verified, and fails where that cannot be done.
  diff_mode:
    description: Shows what changes.
    support: none
  idempotent:
    description: Running it again changes nothing.
    support: full
    details:
      - Unless O(sets) are named.
requirements:
  - the server programs of the same major version, for PostgreSQL
  - redis-server, for Redis
  - GNU tar, for files
  - age, where sets are encrypted
seealso:
  - module: xorb.runbook.backup_verify
  - module: xorb.runbook.backup_set
"""

EXAMPLES = r"""
- name: Verify the newest set and a random older one
  xorb.runbook.backup_set_verify:
    platform: shop
    host: web1
    service: nginx
    backup: config
    files:
      paths: [/etc/nginx]
    older: true
    identities: ["{{ vault_backup_identity }}"]
"""

RETURN = r"""
job:
  description: Name of the job that verifies, as long as it runs.
  returned: while the job runs
  type: str
  sample: 2c7a6f1be0a34c0d9d1f6a9a3f6f7b12
report:
  description: How far it has come.
  returned: while the job runs
  type: dict
  sample: {phase: restoring, done: 3, total: 12, unit: tables, note: public.orders, begin: 0, at: 0}
receipts:
  description: What was proved of each set; one with faults failed.
  returned: when the job has ended
  type: list
  elements: dict
  sample: [{id: 20261130T094500Z, at: 1796031900.1, restore_seconds: 0.8, faults: [], unknown: [], facts: {files: 4}}]
sound:
  description: The sets that were only read, and whose stored files are as their manifest says.
  returned: when the job has ended
  type: list
  elements: str
  sample: []
due:
  description: The sets that would be verified.
  returned: in check mode, and with O(only_plan)
  type: list
  elements: dict
  sample: [{id: 20261130T094500Z, plain_size: 734003000, verified: false}]
read_again:
  description: The sets that were verified before and are compared with their digests once more.
  returned: in check mode, and with O(only_plan)
  type: list
  elements: str
  sample: [20261129T094500Z]
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

from ansible_collections.xorb.runbook.plugins.module_utils._act.backup import verify_job
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.parameters import BACKUP_OPTIONS, PROOF_OPTIONS
from ansible_collections.xorb.runbook.plugins.module_utils._act.long_module import run_job
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import Option

OPTIONS = {
    **BACKUP_OPTIONS,
    **PROOF_OPTIONS,
    "sets": Option("list", "Names of the sets to be verified.", elements="str", default=[]),
    "older": Option("bool", "Whether a random older set is verified, too.", default=False),
    "elsewhere": Option("bool", "Whether the sets are verified on another host.", default=False),
}


def main() -> None:
    """Entry of the module."""
    run_job(
        OPTIONS,
        plan=verify_job.plan,
        function=verify_job.FUNCTION,
        plan_option="only_plan",
    )


if __name__ == "__main__":
    main()
