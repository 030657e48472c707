# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: backup_copy
short_description: Copy the verified sets of a host's backups off it, check the copies, and let old ones expire
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - Takes the copies that the platform description gives to the backups of this host, and has the host make them
    (M(xorb.runbook.backup_set_copy)). While a set is copied it shows how far that has come.
  - A repository that is in any other state than it should be fails the step, and costs no other copy.
  - The role of its name gives all options. It registers the results in C(backup_copy_result_plan) and
    C(backup_copy_result_copy), where M(xorb.runbook.report) reads what was done.
options:
  step:
    description:
      - V(plan) prints what would be copied, checked and removed, and what refuses that. V(copy) does it.
    type: str
    required: true
    choices: [plan, copy]
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
  initialize:
    description: Whether a repository is made where there is none, or the one that there is made known to this host.
    type: bool
    required: true
  accept_loss:
    description: Whether copies that have gone from a repository are given up.
    type: bool
    required: true
  check:
    description: Whether each repository is checked, whenever that was last done.
    type: bool
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
    support: full
seealso:
  - module: xorb.runbook.backup_set_copy
  - module: xorb.runbook.backup_verify
  - module: xorb.runbook.report
"""

EXAMPLES = r"""
- name: Copy the verified sets of this host that have no copy
  ansible.builtin.import_role:
    name: xorb.runbook.backup_copy
  vars:
    backup_copy_step: copy
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
      host: db1
      procedure: backup_copy
      subject: postgres.main.offsite
      what: set 20261130T094500Z was copied to /mnt/copies (251.4 MiB) and compared
      why: a verified set is to outlive its host
      who: alex
      outcome: done
      incident: ''
checks:
  description: What was proved of what was done, in the form of the checks of a report. None here.
  returned: always
  type: list
  elements: dict
  sample: []
shown:
  description: The snapshots that the step V(plan) has shown to expire, by copy.
  returned: always
  type: list
  elements: dict
  sample: [{copy: postgres.main.offsite, snapshots: []}]
"""
