# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: backup_verify
short_description: Restore sets of the backups of a host into scratch, compare them, and let old ones expire
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - Takes the backups that the platform description gives to this host, and has the host verify their sets
    (M(xorb.runbook.backup_set_verify)). While a set is verified it shows how far that has come.
  - The sets of a backup that names another host, or a group, in C(verify_on) are brought there, piece by piece through
    the control node, and proved by M(xorb.runbook.backup_set_prove). Their own host keeps the receipt.
  - A set that is not what its manifest says fails the step, and costs no other backup its verification.
  - Then the sets that nothing keeps expire (M(xorb.runbook.backup_set_expire)), of each backup whose newest set is
    verified, in this run or before.
  - The role of its name gives all options. It registers the results in C(backup_verify_result_plan),
    C(backup_verify_result_verify) and C(backup_verify_result_expire), where M(xorb.runbook.report) reads what was done.
options:
  step:
    description:
      - V(plan) prints which sets would be verified, what refuses that, and which sets expire.
      - V(verify) verifies them. V(expire) removes what nothing keeps.
    type: str
    required: true
    choices: [plan, verify, expire]
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
  sets:
    description:
      - Names of the sets of one backup that are verified, whatever is known of them.
      - Without any, those that are due.
    type: list
    required: true
    elements: str
  older:
    description: Whether a random older set is verified beside the newest one.
    type: bool
    required: true
  identities:
    description:
      - Identities that decrypt the sets, each a secret key of age or of SSH.
      - They do not touch the disk of a host.
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
    support: full
    details:
      - Unless O(sets) are named.
seealso:
  - module: xorb.runbook.backup_set_verify
  - module: xorb.runbook.backup_set_expire
  - module: xorb.runbook.backup_create
  - module: xorb.runbook.report
"""

EXAMPLES = r"""
- name: Verify the newest set of each backup, and a random older one
  ansible.builtin.import_role:
    name: xorb.runbook.backup_verify
  vars:
    backup_verify_step: verify
    backup_verify_identities: ["{{ vault_backup_identity }}"]
"""

RETURN = r"""
acts:
  description: Whether there is something to be done, or was.
  returned: always
  type: bool
  sample: true
refused:
  description: The backups that the plan refuses, each as service.backup. They are not verified in this run.
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
      procedure: backup_verify
      subject: postgres.main
      what: set 20261130T094500Z was restored in 11 s and is whole (41 tables)
      why: a set counts when it has been restored
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
