# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: run_diff
short_description: Say what changed between two runs
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - Compares two runs of the ledger check by check, prints what is different, and returns it.
  - Without options it compares the newest run with the last good one of the same procedure before it. A run is good
    when none of its checks was critical or unknown and everything that it expected arrived. One that was limited counts
    only where the newer run was limited to the same.
  - Whatever it finds, it succeeds. It fails only where it is impossible to compare, because there is no such run, no
    good one, or its checks were pruned.
  - Whether the ledger is as it was written is another question, see M(xorb.runbook.ledger_verify).
options:
  ledger:
    description:
      - Location of the ledger, as for M(xorb.runbook.report).
      - The default is the variable C(platform_ledger), or else C(ledger.sqlite) in C(platform_state_dir), or else in a
        folder named after C(platform_name) in the user's state folder.
    type: str
  procedure:
    description:
      - Compare the newest run of this procedure. The default is the newest run of any.
    type: str
  from:
    description:
      - The older run, by its sequence in the ledger or by its id.
      - The default is the last good run of the same procedure before O(to).
    type: str
  to:
    description:
      - The newer run, by its sequence in the ledger or by its id.
      - The default is the newest run.
    type: str
  change:
    description:
      - From how many percent on a value counts as changed. They are percent of the threshold that the check is judged
        by, or of the older value where it has none.
      - A value that is further than a factor of two from its threshold in both runs does not count as changed, nor does
        a time or a rate that has neither doubled nor halved, nor what only the clock has moved.
    type: float
    default: 10.0
extends_documentation_fragment:
  - xorb.runbook._action
seealso:
  - module: xorb.runbook.report
  - module: xorb.runbook.ledger_verify
"""

EXAMPLES = r"""
- name: Say what changed since the last good daily run
  xorb.runbook.run_diff:
    procedure: daily
  delegate_to: localhost
  run_once: true

- name: Compare the runs before and after a change
  xorb.runbook.run_diff:
    from: "812"
    to: 20261123T183000-a1b2c3
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
msg:
  description: The difference in one sentence.
  returned: success
  type: str
  sample: '1 new failure, 2 changed values, 22 checks as before'
from:
  description: The older run.
  returned: success
  type: dict
  contains: &run
    sequence:
      description: Its number in the ledger.
      type: int
    run_id:
      description: Its id.
      type: str
    platform:
      description: The platform that it looked at.
      type: str
    procedure:
      description: The procedure that it ran.
      type: str
    finished_at:
      description: When it ended.
      type: str
    who:
      description: The operator.
      type: str
    limited_to:
      description: What C(--limit) it had.
      type: str
    expected:
      description: How many checks had to arrive.
      type: int
    received:
      description: How many of them did.
      type: int
    not_run:
      description: How many were left out by C(--limit).
      type: int
    records:
      description: How many checks and actions it recorded.
      type: int
    counts:
      description: How many checks had each status.
      type: dict
    good:
      description: Whether nothing was critical or unknown and everything arrived.
      type: bool
  sample: {"sequence": 811, "run_id": "20261122T183000-0f0f0f", "procedure": "daily", "good": true}
to:
  description: The newer run.
  returned: success
  type: dict
  contains: *run
  sample: {"sequence": 812, "run_id": "20261123T183000-a1b2c3", "procedure": "daily", "good": false}
unchanged:
  description: Number of checks about which there is nothing to say.
  returned: success
  type: int
  sample: 22
new_failures:
  description: Checks that fail and did not, or fail worse than before, worst first. Warnings are failures here.
  returned: success
  type: list
  elements: dict
  contains: &change
    host:
      description: The host that looked.
      type: str
    owner:
      description: The host that owns the service.
      type: str
    id:
      description: Id of the check.
      type: str
    name:
      description: The same as text.
      type: str
    unit:
      description: Unit of the values.
      type: str
    before:
      description: Its C(status), C(value) and C(message) in the older run. Null where that did not have it.
      type: dict
    after:
      description: The same of the newer run.
      type: dict
  sample:
    - host: db
      owner: db
      id: host.root.space
      name: host root space
      unit: '%'
      before: {"status": "ok", "value": 43, "message": "8.6 GiB of 20 GiB are in use"}
      after: {"status": "critical", "value": 97.6, "message": "19.5 GiB of 20 GiB are in use"}
still_failing:
  description: Checks that fail as before, or less badly.
  returned: success
  type: list
  elements: dict
  contains: *change
  sample: []
fixed:
  description: Checks that failed and do not any more.
  returned: success
  type: list
  elements: dict
  contains: *change
  sample: []
moved:
  description: Checks that are fine in both runs, whose value changed by more than O(change).
  returned: success
  type: list
  elements: dict
  contains: *change
  sample: []
appeared:
  description: Checks that only the newer run has, and that do not fail.
  returned: success
  type: list
  elements: dict
  contains: *change
  sample: []
vanished:
  description: Checks that only the older run has.
  returned: success
  type: list
  elements: dict
  contains: *change
  sample: []
"""
