# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: backup_list
short_description: List the sets of the backups of a host
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - Prints each set with its size, what was proved of it, and whether and why it expires
    (M(xorb.runbook.backup_set_info)). It changes nothing.
  - The role of its name gives all options. It registers the result in C(backup_list_result_show), where
    M(xorb.runbook.report) reads what it draws as a time line.
options:
  step:
    description: V(show) lists the sets.
    type: str
    required: true
    choices: [show]
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
  diff_mode:
    description: Shows what changes.
    support: none
  idempotent:
    description: Running it again changes nothing.
    support: full
seealso:
  - module: xorb.runbook.backup_set_info
  - module: xorb.runbook.report
"""

EXAMPLES = r"""
- name: List the sets
  ansible.builtin.import_role:
    name: xorb.runbook.backup_list
"""

RETURN = r"""
acts:
  description: Whether there is something to be done, or was.
  returned: always
  type: bool
  sample: true
backups:
  description: Each backup with its sets, as M(xorb.runbook.backup_set_info) returns them.
  returned: always
  type: list
  elements: dict
  sample: [{service: postgres, backup: main, folder: /var/backups/xorb-runbook/postgres.main, sets: []}]
actions:
  description: What was done. Nothing, since it changes nothing.
  returned: always
  type: list
  elements: dict
  sample: []
checks:
  description: What was proved of what was done, in the form of the checks of a report. None here.
  returned: always
  type: list
  elements: dict
  sample: []
"""
