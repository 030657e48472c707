# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: backup_drill
short_description: Restore the newest copies of other hosts' backups on this host, and judge how long that takes
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - Takes the drills that the platform description gives to this host, and holds them
    (M(xorb.runbook.backup_set_drill)). While one is held it shows how far that has come.
  - The hosts of the backups are not contacted. What their description resolves to comes from their variables.
  - A drill that fails fails the step, and costs no other drill.
  - The role of its name gives all options. It registers the results in C(backup_drill_result_plan) and
    C(backup_drill_result_drill), where M(xorb.runbook.report) reads what was done.
options:
  step:
    description:
      - V(plan) prints which copies would be restored, how long that takes, and what refuses it. V(drill) does it.
    type: str
    required: true
    choices: [plan, drill]
  services:
    description: Names of services of the platform description. An empty list means all of them.
    type: list
    required: true
    elements: str
  backups:
    description: Backups, each as service.backup. An empty list means all of them.
    type: list
    required: true
    elements: str
  copies:
    description: Names of copies, as the backups have them. An empty list means all of them.
    type: list
    required: true
    elements: str
  incident:
    description: Why this is done, for the ledger. For example the number of a ticket.
    type: str
    required: true
  identities:
    description: Identities that decrypt the sets, each a secret key of age or of SSH in PEM.
    type: list
    required: true
    elements: str
  scratch_dir:
    description: Folder on the host in which there is room for what is restored. Empty for that of temporary files.
    type: path
    required: true
  host_state_dir:
    description: Folder of the lock and the journal on the host. The same for every run that changes this host.
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
      - It ends with the step V(plan).
  diff_mode:
    description: Shows what changes.
    support: none
  idempotent:
    description: Running it again changes nothing.
    support: none
    details:
      - Each run holds the drills.
seealso:
  - module: xorb.runbook.backup_set_drill
  - module: xorb.runbook.backup_copy
  - module: xorb.runbook.report
"""

EXAMPLES = r"""
- name: Restore the newest copies of other hosts' backups on this host
  ansible.builtin.import_role:
    name: xorb.runbook.backup_drill
  vars:
    backup_drill_step: drill
"""

RETURN = r"""
acts:
  description: Whether there is something to be done, or was.
  returned: always
  type: bool
  sample: true
actions:
  description: What was done, for the report and the ledger.
  returned: always
  type: list
  elements: dict
  sample:
    - at: '2026-11-30T09:45:09.123Z'
      host: drill1
      procedure: backup_drill
      subject: postgres.main.offsite of db1
      what: >-
        20261130T063000Z out of /mnt/copies (snapshot 7bd4f2a1) was fetched, restored and compared on drill1 in 41 s,
        begun 3.2 h before, and is whole (3 databases, 1204411 rows, 41 tables)
      why: a copy counts when another host has restored it, and in time
      who: alex
      outcome: done
      incident: ''
checks:
  description: What was proved of what was done, in the form of the checks of a report. None here.
  returned: always
  type: list
  elements: dict
  sample: []
drills:
  description: The receipts of each copy that was drilled, the oldest first; see M(xorb.runbook.backup_set_drill).
  returned: always
  type: list
  elements: dict
  sample: [{service: postgres, backup: main, copy: offsite, owner: db1, drills: []}]
"""
