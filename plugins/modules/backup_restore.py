# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: backup_restore
short_description: Take a step in the restore of a backup
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - The playbook C(backup_restore) takes the steps in their order. They are about one backup of one host.
  - The role of its name gives all options. It registers the results in C(backup_restore_result_) and the step's name,
    where M(xorb.runbook.report) reads them.
options:
  step:
    description:
      - What is to be done. V(plan) prints which set would be restored and where to, and what refuses it.
      - V(restore) restores it, puts back O(undo), or removes O(drop).
    type: str
    required: true
    choices: [plan, restore]
  service:
    description:
      - Service whose backup is restored.
    type: str
    required: true
  backup:
    description:
      - Name of the backup within the service.
    type: str
    required: true
  set:
    description:
      - Name of the set. Without it and without a time, the newest one that is verified.
    type: str
    required: true
  at:
    description:
      - A time with its offset, for example 2026-11-30T09:45:00Z. The newest set that was begun at it or before it is
        restored; by pgBackRest, the very state of that time.
    type: str
    required: true
  transaction:
    description:
      - Number of a transaction, just before which a server is restored by pgBackRest. It needs a set that was taken
        before it, by its name.
    type: str
    required: true
  unverified:
    description:
      - Whether a set is restored that was never verified, or failed its verification.
    type: bool
    required: true
  from:
    description:
      - Name of a copy of the backup, from which the set is brought to a host that has none of its own. Only verified
        sets are copied.
    type: str
    required: true
  of:
    description:
      - Inventory name of the host that the sets in the copy are of. Empty where it is that of this host.
    type: str
    required: true
  database:
    description:
      - Database of the set that is restored, where it has several.
    type: str
    required: true
  target:
    description:
      - Name of the database, or path of the folder, that it is restored as. Empty for the database's name with
        _recovery behind, or a folder beside the sets.
    type: str
    required: true
  in_place:
    description:
      - Name of what is replaced, typed in full. It is that of the database; of other backups it is service.backup.
    type: str
    required: true
  undo:
    description:
      - Name under which an earlier restore has kept what it replaced, which is put back.
    type: str
    required: true
  drop:
    description:
      - Name under which something is kept that is removed for good.
    type: str
    required: true
  release:
    description:
      - Name of a copy in which what is held back is released. It was held back so that the copy does nothing by itself.
    type: str
    required: true
  accept_collations:
    description:
      - Whether it is accepted that text is sorted by another version of libc or ICU than where the set was taken.
    type: bool
    required: true
  identities:
    description:
      - Identities that decrypt the set, each a secret key of age, or of SSH. They do not touch the disk of a host.
    type: list
    required: true
    elements: str
  scratch_dir:
    description:
      - Folder on the host in which there is room for the files of the set. Empty for that of temporary files.
    type: path
    required: true
  incident:
    description:
      - Why this is done, for the ledger. For example the number of a ticket.
    type: str
    required: true
  host_state_dir:
    description:
      - Folder of the lock and the journal on the host. The same for every run that changes this host.
    type: path
    required: true
attributes:
  action:
    description: Indicates that this has an action plugin that runs on the control node.
    support: full
  check_mode:
    description: Can run in check mode without changing anything.
    support: full
    details:
      - Then only V(plan) is taken.
  diff_mode:
    description: Shows what would change.
    support: none
  idempotent:
    description: Running it again changes nothing.
    support: none
    details:
      - A target that has something in it is refused. In place, each run replaces what is in service.
seealso:
  - module: xorb.runbook.backup_set_restore
  - module: xorb.runbook.report
"""

EXAMPLES = r"""
- name: Show what would be restored
  ansible.builtin.import_role:
    name: xorb.runbook.backup_restore
  vars:
    backup_restore_step: plan
    backup_restore_service: postgres
    backup_restore_backup: main
"""

RETURN = r"""
acts:
  description: Whether there is something to be done, or was.
  returned: always
  type: bool
  sample: true
restored:
  description: What was restored, from V(restore); empty where something was put back or removed.
  returned: always
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
  description: How long it took and how much is lost, against what the description expects, for the report.
  returned: always
  type: list
  elements: dict
  sample: []
actions:
  description: What was done, for the report and the ledger.
  returned: always
  type: list
  elements: dict
  sample:
    - at: '2026-11-30T10:21:00.123Z'
      host: db1
      procedure: backup_restore
      subject: postgres.main
      what: >-
        the set 20261130T094500Z is restored as shop_recovery and verified in 41.2 s; RTO 41 s, RPO 61 min
      why: a restore was requested
      who: alex
      outcome: done
      incident: ''
"""
