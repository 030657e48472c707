# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: backup_set_drill
short_description: Restore the newest copy of a backup on a host that is not its own, and measure how long that takes
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - Fetches the newest copy of O(owner) out of its repository into scratch, proves it there as
    M(xorb.runbook.backup_set_prove) does, and keeps a receipt of the drill in O(directory). All else is removed again.
    A run that is killed leaves that to the next one.
  - It needs nothing of O(owner), which may be gone. The repository is not locked, and not written to.
  - The time of recovery is that from the first question to the repository until what was restored answers and is
    compared. What would be lost is what was written after the set was begun.
  - A copy that is damaged, incomplete or missing, and a repository that does not open with what is given, is a drill
    that failed. One without a result is that of a repository that is not reached, or of a host that is not able. The
    receipt says which of both, and the module fails.
  - The work is done by a process of its own, which outlives the connection. The call that begins it returns O(job) as
    soon as O(wait) is over; further calls with the same options and that O(job) wait for it.
extends_documentation_fragment:
  - xorb.runbook.backup_sets
  - xorb.runbook.backup_sets.proof
  - xorb.runbook.backup_sets.drill
attributes:
  check_mode:
    description: Can run in check mode without changing anything.
    support: full
    details:
      - It returns which copy would be drilled, and fails where that cannot be done.
  diff_mode:
    description: Shows what changes.
    support: none
  idempotent:
    description: Running it again changes nothing.
    support: none
    details:
      - Each run holds a drill.
requirements:
  - restic 0.14 or newer
  - ssh, where the repository is reached by SFTP
  - the server programs of the same major version, for PostgreSQL
  - redis-server, for Redis
  - GNU tar, for files
  - age, where sets are encrypted
seealso:
  - module: xorb.runbook.backup_drill
  - module: xorb.runbook.backup_set_copy
  - module: xorb.runbook.backup_set_prove
"""

EXAMPLES = r"""
- name: Restore the newest copy of another host's files here
  xorb.runbook.backup_set_drill:
    platform: shop
    host: drill1
    owner: web1
    service: nginx
    backup: config
    copy: offsite
    files:
      paths: [/etc/nginx]
    access:
      repository: /mnt/copies
      password: "{{ vault_copies_password }}"
    identities: ["{{ vault_backup_identity }}"]
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
  sample: {phase: bringing back 20261130T094500Z, done: 0, total: 734003200, unit: bytes, note: '', begin: 0, at: 0}
drill:
  description: The receipt of the drill.
  returned: when the job has ended
  type: dict
  sample:
    at: 1796031900.1
    host: drill1
    who: alex
    repository: /mnt/copies
    repository_id: 9f0c1b2a
    verdict: passed
    set: 20261130T094500Z
    snapshot: 7bd4f2a1
    size: 734003200
    plain_size: 912004300
    seconds: 41.2
    fetch_seconds: 19.0
    restore_seconds: 14.3
    rpo_seconds: 11700.1
    faults: []
    unknown: []
    facts: {files: 4}
drills:
  description: The receipts of all drills of this copy that the host has, the oldest first.
  returned: when the job has ended
  type: list
  elements: dict
  sample: []
due:
  description: The copy that would be drilled, how many seconds that takes, and whether an earlier drill says so.
  returned: in check mode, and with O(only_plan)
  type: dict
  sample:
    set: 20261130T094500Z
    begin: 1796031900.1
    snapshot: 7bd4f2a1
    repository_id: 9f0c1b2a
    size: 734003200
    plain_size: 912004300
    seconds: 41.2
    measured: true
    folder: /tmp
    room: 2558011800
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

from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.offsite import drill_job, drill_parameters
from ansible_collections.xorb.runbook.plugins.module_utils._act.long_module import run_job


def main() -> None:
    """Entry of the module."""
    run_job(
        drill_parameters.OPTIONS,
        plan=drill_job.plan,
        function=drill_job.FUNCTION,
        plan_option="only_plan",
    )


if __name__ == "__main__":
    main()
