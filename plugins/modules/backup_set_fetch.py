# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: backup_set_fetch
short_description: Bring a set of a backup back from a repository of restic
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - Writes the set beside others, compares each file with the SHA-256 in its manifest, and lets it be there by one
    rename. It counts as not verified until M(xorb.runbook.backup_set_verify) has restored it.
  - It needs nothing that the host remembers, so a new host can do it. The repository is not locked, and not written to.
  - Where this host has used the repository before, it has to be the same one.
  - The work is done by a process of its own, which outlives the connection. The call that begins it returns O(job) as
    soon as O(wait) is over; further calls with the same options and that O(job) wait for it.
extends_documentation_fragment:
  - xorb.runbook.backup_sets.copy
  - xorb.runbook.backup_sets.plan
options:
  set:
    description: Name of the set. Without one, the newest that there is a copy of as a whole.
    type: str
    default: ""
  folder:
    description: Folder for the sets of all backups, in place of O(directory).
    type: path
attributes:
  check_mode:
    description: Can run in check mode without changing anything.
    support: full
    details:
      - It returns what would be done, and fails where that cannot be done.
  diff_mode:
    description: Shows what changes.
    support: none
  idempotent:
    description: Running it again changes nothing.
    support: full
requirements:
  - restic 0.14 or newer
  - ssh, where the repository is reached by SFTP
seealso:
  - module: xorb.runbook.backup_set_copy
  - module: xorb.runbook.backup_set_restore
"""

EXAMPLES = r"""
- name: Bring the newest set back from another host
  xorb.runbook.backup_set_fetch:
    platform: shop
    host: web1
    service: nginx
    backup: config
    copy: offsite
    repository: /mnt/copies
    password: "{{ vault_copies_password }}"
"""

RETURN = r"""
job:
  description: Name of the job that does it, as long as it runs.
  returned: while the job runs
  type: str
  sample: 2c7a6f1be0a34c0d9d1f6a9a3f6f7b12
report:
  description: How far it has come.
  returned: while the job runs
  type: dict
  sample: {phase: copying 20261130T094500Z, done: 3145728, total: 734003200, unit: bytes, note: '', begin: 0, at: 0}
set:
  description: The set that is there.
  returned: when the job has ended
  type: dict
  sample: {id: 20261130T094500Z, size: 734003200, files: 14, verified: false}
folder:
  description: Where it is.
  returned: when the job has ended
  type: str
  sample: /var/backups/xorb-runbook/nginx.config/20261130T094500Z
chosen:
  description: The set that would be brought back, with its snapshot and the identity of the repository.
  returned: in check mode, and with O(only_plan)
  type: dict
  sample: {id: 20261130T094500Z, snapshot: 7bd4f2a1, size: 734003200, repository_id: 9f0c1b2a, folder: /var/backups}
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

from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.offsite import fetch_job
from ansible_collections.xorb.runbook.plugins.module_utils._act.long_module import run_job


def main() -> None:
    """Entry of the module."""
    run_job(
        fetch_job.OPTIONS,
        plan=fetch_job.plan,
        function=fetch_job.FUNCTION,
        plan_option="only_plan",
    )


if __name__ == "__main__":
    main()
