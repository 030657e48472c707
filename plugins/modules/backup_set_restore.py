# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: backup_set_restore
short_description: Restore a set of a backup, put back what was replaced, or remove that for good
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - Restores beside what is in service, compares what came back with the manifest of the set, and only then lets it have
    the name that was asked for. What had the name before is kept until O(drop) names it, and O(undo) puts it back.
  - By default, a database is restored as another one, called like it with C(_recovery) behind, and files and Redis into
    a folder beside the sets. With O(in_place), what is in service is replaced.
  - With O(copy), the set is brought back from a repository off the host first, once nothing refuses its restore by what
    its manifest says, which the repository gives without it. The repository is not locked, and not written to.
  - Whatever would let it fail is refused before the first change. A restore that fails leaves all as it was.
  - The work is done by a process of its own, which outlives the connection. The call that begins it returns RV(job) as
    soon as O(wait) is over; further calls with the same options and that O(job) wait for it.
extends_documentation_fragment:
  - xorb.runbook.backup_sets
  - xorb.runbook.backup_sets.proof
  - xorb.runbook.backup_sets.source
options:
  set:
    description: Name of the set. Without it and O(at), the newest one that is verified.
    type: str
    default: ''
  at:
    description:
      - A time with its offset, for example V(2026-11-30T09:45:00Z). The newest set that was begun at it or before it is
        restored.
    type: str
    default: ''
  transaction:
    description:
      - Number of a transaction; all that was committed before it is restored. It needs O(set), which was taken before.
      - A set of pgBackRest is restored to any time and before any transaction that its WAL leads to.
    type: str
    default: ''
  unverified:
    description:
      - Whether a set is restored that was never verified, or failed its verification. What differs then is in the
        result. Nothing that differs is ever put in place.
    type: bool
    default: false
  database:
    description: Database of the set that is restored, where it has several.
    type: str
    default: ''
  target:
    description: Name of the database, or path of the folder, that it is restored as. It does not exist, or is empty.
    type: str
    default: ''
  in_place:
    description:
      - Name of what is replaced, typed in full. It is that of the database; of other backups it is service.backup.
    type: str
    default: ''
  undo:
    description: Name under which an earlier restore has kept what it replaced, which is put back.
    type: str
    default: ''
  drop:
    description: Name under which something is kept that is removed for good.
    type: str
    default: ''
  release:
    description:
      - Name of a copy in which what is held back is released. In each copy, and in what comes out of O(copy), event
        triggers are disabled, and foreign servers have no handler.
    type: str
    default: ''
  accept_collations:
    description:
      - Whether it is accepted that text is sorted by another version of libc or ICU than where the set was taken, or by
        one that is not known. Indexes are built anew in any case.
    type: bool
    default: false
attributes:
  check_mode:
    description: Can run in check mode without changing anything.
    support: full
    details:
      - It returns what would be done, and fails where that is refused.
  diff_mode:
    description: Shows what changes.
    support: none
  idempotent:
    description: Running it again changes nothing.
    support: none
    details:
      - A target that has something in it is refused. In place, each run replaces what is in service.
requirements:
  - pg_restore of the server's major version and psycopg2 (Python library), for PostgreSQL
  - pgbackrest 2.45 or newer and PostgreSQL's server, for O(postgres.engine=pgbackrest)
  - redis-server and redis (Python library), for Redis
  - GNU tar, for files
  - age, where sets are encrypted
  - restic 0.14 or newer, for O(copy)
seealso:
  - module: xorb.runbook.backup_restore
  - module: xorb.runbook.backup_set_verify
"""

EXAMPLES = r"""
- name: Restore the newest verified set of a database beside it
  xorb.runbook.backup_set_restore:
    platform: shop
    host: db1
    service: postgres
    backup: main
    postgres:
      databases: [shop]
      login: {user: postgres, os_user: postgres, address: /var/run/postgresql, port: 5432}
    target: shop_recovery
"""

RETURN = r"""
job:
  description: Name of the job that works, as long as it runs.
  returned: while the job runs
  type: str
  sample: 2c7a6f1be0a34c0d9d1f6a9a3f6f7b12
report:
  description: How far it has come.
  returned: while the job runs
  type: dict
  sample: {phase: restoring shop, done: 734003200, total: 1073741824, unit: bytes, note: '', begin: 0, at: 0}
done:
  description: What was done, in a sentence.
  returned: when the job has ended
  type: str
  sample: the set 20261130T094500Z is restored as shop_recovery and verified in 41.2 s
restored:
  description: What was restored; empty where something was put back or removed.
  returned: when the job has ended
  type: dict
  sample:
    set: 20261130T094500Z
    name: shop_recovery
    kept: ''
    in_place: false
    seconds: 41.2
    lost_seconds: 3671.5
    faults: []
    facts: {tables: 24, rows: 734003}
checks:
  description: How long it took and how much is lost, against what the description expects.
  returned: when the job has ended
  type: list
  elements: dict
  sample: [{id: postgres.main.recovery_time, status: ok, value: 41.2, unit: s, warning: 900}]
lines:
  description: What would be done, line by line.
  returned: in check mode, and with O(only_plan)
  type: list
  elements: str
  sample: [20261130T094500Z of 2026-11-30 09:45:00 UTC, 'shop becomes shop_recovery: 24 tables, 734003 rows']
seconds:
  description: How long the restore took when the set was verified.
  returned: in check mode, and with O(only_plan)
  type: float
  sample: 38.4
brought:
  description: Whether the set is not on this host, and is brought back from O(copy) first.
  returned: in check mode, and with O(only_plan)
  type: bool
  sample: false
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

from ansible_collections.xorb.runbook.plugins.module_utils._act.backup import restore_job
from ansible_collections.xorb.runbook.plugins.module_utils._act.long_module import run_job


def main() -> None:
    """Entry of the module."""
    run_job(
        restore_job.OPTIONS,
        plan=restore_job.plan,
        function=restore_job.FUNCTION,
        plan_option="only_plan",
    )


if __name__ == "__main__":
    main()
