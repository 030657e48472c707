# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: backup_create
short_description: Take a set of each backup of a host
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - Takes the backups that the platform description gives to this host, and has the host take a set of each
    (M(xorb.runbook.backup_set)). While a set is taken it shows how far that has come.
  - A backup that cannot be taken fails the step, and costs no other backup its set.
  - The role of its name gives all options. It registers the results in C(backup_create_result_plan) and
    C(backup_create_result_create), where M(xorb.runbook.report) reads what was done.
options:
  step:
    description:
      - V(plan) prints what would be written, its predicted size and time, what refuses it, and what would expire after
        the next verification.
      - V(create) takes a set of each backup.
    type: str
    required: true
    choices: [plan, create]
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
  incident:
    description: Why this is done, for the ledger. For example the number of a ticket.
    type: str
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
seealso:
  - module: xorb.runbook.backup_set
  - module: xorb.runbook.backup_verify
  - module: xorb.runbook.report
"""

EXAMPLES = r"""
- name: Take a set of each backup
  ansible.builtin.import_role:
    name: xorb.runbook.backup_create
  vars:
    backup_create_step: create
"""

RETURN = r"""
acts:
  description: Whether there is something to be done, or was.
  returned: always
  type: bool
  sample: true
sets:
  description: The sets that were taken.
  returned: always
  type: list
  elements: dict
  sample: [{service: postgres, backup: main, id: 20261130T094500Z, size: 263620000, encrypted: true}]
refused:
  description: The backups that the plan refuses, each as service.backup. They are not taken in this run.
  returned: always
  type: list
  elements: str
  sample: [redis.keys]
actions:
  description: What was done, for the report and the ledger.
  returned: always
  type: list
  elements: dict
  sample:
    - at: '2026-11-30T09:45:09.123Z'
      host: db1
      procedure: backup_create
      subject: postgres.main
      what: 'set 20261130T094500Z: 14 files, 251.4 MiB, encrypted, in 9 s'
      why: a backup was due
      who: alex
      outcome: done
      incident: ''
checks:
  description: What was proved of what was done, in the form of the checks of a report. None here.
  returned: always
  type: list
  elements: dict
  sample: []
"""
