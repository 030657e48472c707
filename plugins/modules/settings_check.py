# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: settings_check
short_description: Name every variable of a run that is misspelled, or has a value that it cannot have
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - Compares the variables of all hosts, of the play and of the command line with those that the roles and playbooks of
    this collection ask for. Every playbook does so before it contacts a host, or changes anything.
  - A name that is nearly one of those is a fault, and so is a value of another type, a number that makes no sense, or a
    selector that names nothing. Values of secrets are not looked at.
  - Any other name that begins with C(platform_) is a warning, since others may use it.
  - Use it with C(run_once).
extends_documentation_fragment:
  - xorb.runbook._action
"""

EXAMPLES = r"""
- name: Refuse variables that cannot be meant
  xorb.runbook.settings_check:
  run_once: true
"""

RETURN = r"""
msg:
  description: Every fault, one a line; or that there is none.
  returned: always
  type: str
  sample: |-
    1 fault in the variables of this run:
    platform_overide: there is no such variable; did you mean 'platform_overrides'?
"""
