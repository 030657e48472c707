# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: ledger_verify
short_description: Prove that the ledger of a platform is as it was written
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - Walks the ledger from the first run to the last. Recomputes the hash of every row, its link to the row before it,
    and the hash of the checks that are still there. Finds gaps in the sequence.
  - Checks that were pruned after their time are counted. Checks that are gone before their time, or gone in part, are a
    fault.
  - Without O(head) it says C(consistent), because a ledger whose end was cut off, or that was written anew as a whole,
    is consistent, too.
  - Fails when the ledger is broken, when it cannot be read, and when there is none.
options:
  ledger:
    description:
      - Path of the ledger on the control node, or C(postgresql://user:password@host/database).
      - The default is the variable C(platform_ledger), or else C(ledger.sqlite) in C(platform_state_dir), or else in a
        folder named after C(platform_name) in the user's state folder.
    type: str
  head:
    description:
      - The head that an earlier run printed, 64 hexadecimal digits, kept where an attacker cannot change it.
      - Proves that everything up to that run is as it was. When it is not in the chain, the ledger was truncated or
        rewritten.
    type: str
extends_documentation_fragment:
  - xorb.runbook._action
seealso:
  - module: xorb.runbook.report
"""

EXAMPLES = r"""
- name: Verify the ledger against the head that was noted last week
  xorb.runbook.ledger_verify:
    head: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
  delegate_to: localhost
  run_once: true

- name: Verify a copy of a ledger
  xorb.runbook.ledger_verify:
    ledger: /mnt/evidence/ledger.sqlite
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
msg:
  description: The verdict, in one sentence that claims no more than was proven.
  returned: when there is a ledger
  type: str
  sample: 'intact up to run 812, whose hash is the given head: 812 runs, 19488 checks as written'
path:
  description: Path of the ledger, or the address of its database without the password.
  returned: when there is a ledger
  type: str
  sample: /root/.local/state/xorb-runbook/xorb/ledger.sqlite
runs:
  description: Number of runs in the chain.
  returned: when there is a ledger
  type: int
  sample: 812
checked:
  description: Number of checks and actions that are as they were written.
  returned: when there is a ledger
  type: int
  sample: 19488
pruned:
  description: Number of runs whose checks were removed after their time.
  returned: when there is a ledger
  type: int
  sample: 0
head:
  description: The newest run, to be noted for the next verification. Empty when no run is left.
  returned: when there is a ledger
  type: dict
  contains:
    sequence:
      description: Number of the run.
      type: int
    sha256:
      description: Hash of its row.
      type: str
  sample: {"sequence": 812, "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}
faults:
  description: Everything that is wrong, in the order of the chain.
  returned: when there is a ledger
  type: list
  elements: dict
  contains:
    sequence:
      description: Number of the run.
      type: int
    what:
      description: What is wrong with it.
      type: str
  sample: [{"sequence": 17, "what": "its row was changed after it was written"}]
"""
