# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: backup_set_prove
short_description: Restore a set that comes from elsewhere into a throwaway server or folder, and compare what came back
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - Proves a set as M(xorb.runbook.backup_set_verify) does, on a host that is not its own. The set lies in O(folder), or
    it arrives while the job waits for it, by pieces that M(xorb.runbook.backup_set_deliver) hands over. Each file is
    compared with its digest when it has arrived.
  - It keeps no receipt, but returns it, for M(xorb.runbook.backup_set_receipt) on the host with the sets. What arrived
    and what was restored is removed again. A run that is killed leaves that to the next one.
  - The work is done by a process of its own, which outlives the connection. The call that begins it returns O(job) as
    soon as O(wait) is over; further calls with the same options and that O(job) wait for it.
extends_documentation_fragment:
  - xorb.runbook.backup_sets
  - xorb.runbook.backup_sets.proof
options:
  folder:
    description: Folder of the set on this host. It is left as it is.
    type: path
  manifest:
    description: Manifest of the set that arrives, as it is stored. Exactly one of O(folder) and O(manifest) is given.
    type: str
attributes:
  check_mode:
    description: Can run in check mode without changing anything.
    support: full
    details:
      - It fails where the set cannot be proved on this host.
  diff_mode:
    description: Shows what changes.
    support: none
  idempotent:
    description: Running it again changes nothing.
    support: full
requirements:
  - the server programs of the same major version, for PostgreSQL
  - redis-server, for Redis
  - GNU tar, for files
  - age, where sets are encrypted
seealso:
  - module: xorb.runbook.backup_verify
  - module: xorb.runbook.backup_set_verify
"""

EXAMPLES = r"""
- name: Prove a set that was fetched from a copy
  xorb.runbook.backup_set_prove:
    platform: shop
    host: drill1
    service: nginx
    backup: config
    files:
      paths: [/etc/nginx]
    folder: /srv/drill/20261130T094500Z
    identities: ["{{ vault_backup_identity }}"]
"""

RETURN = r"""
job:
  description: Name of the job that proves the set, as long as it runs.
  returned: while the job runs
  type: str
  sample: 2c7a6f1be0a34c0d9d1f6a9a3f6f7b12
report:
  description: How far it has come.
  returned: while the job runs
  type: dict
  sample: {phase: bringing, done: 8388608, total: 734003200, unit: bytes, note: '', begin: 0, at: 0}
receipt:
  description: What was proved; with faults, the set failed.
  returned: when the job has ended
  type: dict
  sample:
    id: 20261130T094500Z
    manifest_sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    at: 1796031900.1
    host: drill1
    seconds: 1.4
    restore_seconds: 0.8
    faults: []
    facts: {files: 4}
set:
  description: Name of the set that would be proved.
  returned: in check mode, and with O(only_plan)
  type: str
  sample: 20261130T094500Z
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

from ansible_collections.xorb.runbook.plugins.module_utils._act.backup import prove_job
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.parameters import BACKUP_OPTIONS, PROOF_OPTIONS
from ansible_collections.xorb.runbook.plugins.module_utils._act.long_module import run_job
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import Option

OPTIONS = {
    **BACKUP_OPTIONS,
    **PROOF_OPTIONS,
    "folder": Option("path", "Folder of the set on this host."),
    # Ansible writes every other argument to the host's log.
    "manifest": Option("str", "Manifest of the set that arrives.", secret=True),
}


def main() -> None:
    """Entry of the module."""
    run_job(
        OPTIONS,
        plan=prove_job.plan,
        function=prove_job.FUNCTION,
        plan_option="only_plan",
    )


if __name__ == "__main__":
    main()
