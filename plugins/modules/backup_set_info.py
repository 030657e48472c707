# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: backup_set_info
short_description: List the sets of backups, what was proved of each, and which would expire
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - Reads the manifest and the receipt of each set, and nothing else of it. It changes nothing in any mode.
extends_documentation_fragment:
  - xorb.runbook.backup_sets.stores
attributes:
  check_mode:
    description: Can run in check mode without changing anything.
    support: full
  diff_mode:
    description: Shows what changes.
    support: N/A
    details:
      - It changes nothing.
  idempotent:
    description: Running it again changes nothing.
    support: full
seealso:
  - module: xorb.runbook.backup_list
"""

EXAMPLES = r"""
- name: List the sets of the configuration
  xorb.runbook.backup_set_info:
    backups:
      - {service: nginx, backup: config}
"""

RETURN = r"""
backups:
  description: Each backup with its sets, the newest first.
  returned: success
  type: list
  elements: dict
  sample:
    - service: nginx
      backup: config
      folder: /var/backups/xorb-runbook/nginx.config
      fault: ''
      nothing_expires: ''
      left_over: []
      sets:
        - id: 20261130T094500Z
          begin: 1796031900.0
          fault: ''
          size: 81920
          plain_size: 81200
          seconds: 0.4
          parts: 2 files
          encrypted: true
          verified: true
          receipt: {id: 20261130T094500Z, at: 1796032000.1, seconds: 0.9, restore_seconds: 0.2, faults: []}
          keeps: newer than the newest verified one
          expires: ''
"""

from ansible_collections.xorb.runbook.plugins.module_utils._core import zip_imports

zip_imports.compile_once()

from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.listing import listed
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.stores import STORES
from ansible_collections.xorb.runbook.plugins.module_utils._act.module import Parameters, Result, run_inspect


def inspect(parameters: Parameters) -> Result:
    """The sets of each backup."""
    return {"backups": [listed(given) for given in parameters["backups"]]}


def main() -> None:
    """Entry of the module."""
    run_inspect({"backups": STORES}, inspect)


if __name__ == "__main__":
    main()
