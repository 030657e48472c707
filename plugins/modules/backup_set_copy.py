# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: backup_set_copy
short_description: Copy the verified sets of a backup into a repository of restic off the host
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - Copies each verified set that the repository does not have, as it lies on the disk. Its files are read again and
    compared with their SHA-256 before, and what the repository lists is compared with the manifest afterwards.
  - Checks the repository, and reads a part of its data, when that was last done longer ago than O(check_every).
  - Removes the snapshots in O(expires) that O(keep) does not keep. Nothing is removed where copies have gone that this
    host did not remove, where the last check found damage, or where anything is from the future.
  - It never makes a repository unless O(initialize) says so, and never in the place of one that this host has used. The
    identity of the repository is kept on the host, and compared by each run.
  - No repository, another one, a wrong password, a lock of a client at work or of a dead one, a server that does not
    answer or lets this host do less, a full disk, and damage each have a message of their own.
  - The password reaches restic as a file in memory, keys of SSH likewise. Keys of S3 are in the environment of restic,
    which only its own user can read.
  - The work is done by a process of its own, which outlives the connection. The call that begins it returns O(job) as
    soon as O(wait) is over; further calls with the same options and that O(job) wait for it.
extends_documentation_fragment:
  - xorb.runbook.backup_sets.copy
  - xorb.runbook.backup_sets.plan
options:
  initialize:
    description: Whether a repository is made where there is none, or the one that there is made known to this host.
    type: bool
    default: false
  accept_loss:
    description: Whether copies that have gone from the repository are given up.
    type: bool
    default: false
  check:
    description: Whether the repository is checked, whenever that was last done.
    type: bool
    default: false
  expires:
    description: Snapshots that may be removed, where they expire.
    type: list
    elements: str
    default: []
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
  - module: xorb.runbook.backup_copy
  - module: xorb.runbook.backup_set_fetch
  - module: xorb.runbook.backup_set_verify
"""

EXAMPLES = r"""
- name: Copy the verified sets of a backup to another host
  xorb.runbook.backup_set_copy:
    platform: shop
    host: web1
    service: nginx
    backup: config
    copy: offsite
    repository: sftp:copies@vault.example.org:/srv/copies
    password: "{{ vault_copies_password }}"
    identity: "{{ vault_copies_identity }}"
    known_hosts: vault.example.org ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0p0m5oq6Uj0kGmxXUv1f1V6b6bqkq1Yw3n6b9m3n2k
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
initialized:
  description: Whether the repository was made, or made known to this host.
  returned: when the job has ended
  type: bool
  sample: false
copied:
  description: The sets that were copied and compared.
  returned: when the job has ended
  type: list
  elements: dict
  sample: [{id: 20261130T094500Z, snapshot: 7bd4f2a1, size: 734003200, fault: ''}]
proof:
  description: The check of the repository, empty where none was due.
  returned: when the job has ended
  type: dict
  sample: {at: 1796031900.1, part: 3, parts: 10, faults: []}
expired:
  description: The copies that were removed, with the reason.
  returned: when the job has ended
  type: list
  elements: dict
  sample: [{id: 20260501T020000Z, snapshot: 0c1d2e3f, size: 734003200, fault: '', why: no month needs it}]
unlocked:
  description: The locks of dead runs of this host that were removed.
  returned: when the job has ended
  type: list
  elements: str
  sample: []
due:
  description: The sets that would be copied.
  returned: in check mode, and with O(only_plan)
  type: list
  elements: dict
  sample: [{id: 20261130T094500Z, size: 734003200}]
initializes:
  description: Whether the repository would be made, or made known to this host.
  returned: in check mode, and with O(only_plan)
  type: bool
  sample: false
checks:
  description: Whether the repository would be checked.
  returned: in check mode, and with O(only_plan)
  type: bool
  sample: true
copies:
  description: The copies that the repository has.
  returned: in check mode, and with O(only_plan)
  type: list
  elements: dict
  sample: [{id: 20261129T094500Z, snapshot: 5a1f09c3, size: 734003200, fault: ''}]
expires:
  description: The copies that would be removed, with the reason.
  returned: in check mode, and with O(only_plan)
  type: list
  elements: dict
  sample: []
nothing_expires:
  description: Why no copy would be removed, whatever the rule says; empty where that is not so.
  returned: in check mode, and with O(only_plan)
  type: str
  sample: ''
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

from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.offsite import copy_job
from ansible_collections.xorb.runbook.plugins.module_utils._act.long_module import run_job


def main() -> None:
    """Entry of the module."""
    run_job(
        copy_job.OPTIONS,
        plan=copy_job.plan,
        function=copy_job.FUNCTION,
        plan_option="only_plan",
    )


if __name__ == "__main__":
    main()
