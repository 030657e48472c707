# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: silence
short_description: Keep failing checks from failing runs for a while
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - Silences checks, acknowledges failing ones, or ends either. Every silence has a reason and an end, and is
    recorded in the hash-chained ledger with its operator and the time.
  - A silenced check keeps its status in every report, marked with the operator who silenced it, until when and why. It
    only does not fail the run any more, and is no root cause unless it explains a failure that is not silenced.
  - What a run says about itself cannot be silenced (a ledger that cannot be written, a wrong description). A host that
    does not answer can, where O(checks) has V(runbook.host.reachable) written out.
  - It ends by itself.
options:
  state:
    description:
      - V(silenced) is for maintenance, and covers whatever fails until the end.
      - V(acknowledged) is for a failure that an operator works on. It covers what fails now, and ends early when that
        was fine once, so that the next failure is news.
      - V(expired) ends the one with O(id) now.
    type: str
    choices: [silenced, acknowledged, expired]
    default: silenced
  hosts:
    description:
      - Names of hosts, with C(*), C(?) and C([...]) as wildcards, or names of groups. A check matches by the host that
        looks and by the host that is looked at. An empty list means all of them.
    type: list
    elements: str
    default: []
  services:
    description:
      - Names of services, with wildcards. An empty list means all of them.
    type: list
    elements: str
    default: []
  checks:
    description:
      - Ids of checks, with wildcards, for example V(postgres.*). An empty list means all of them.
    type: list
    elements: str
    default: []
  reason:
    description:
      - Why. Required, except for V(expired).
    type: str
    default: ''
  until:
    description:
      - When it ends, ISO 8601 with a time zone. This or O(duration) is required, except for V(expired).
    type: str
  duration:
    description:
      - For how long, for example V(45m), V(2h30m) or V(3d).
    type: str
  id:
    description:
      - The number of the one that V(expired) ends.
    type: int
  ledger:
    description:
      - Location of the ledger, as for M(xorb.runbook.report).
      - The default is the variable C(platform_ledger), or else C(ledger.sqlite) in C(platform_state_dir), or else in a
        folder named after C(platform_name) in the user's state folder.
    type: str
  ledger_retention_days:
    description:
      - Days for which the ledger keeps single records. No silence may be longer.
    type: int
    default: 90
extends_documentation_fragment:
  - xorb.runbook._action
attributes:
  diff_mode:
    support: full
    details:
      - Shows what is in force before and afterwards.
  idempotent:
    details:
      - The same patterns, reason and O(until) are not recorded twice. A O(duration) ends at another moment every time.
seealso:
  - module: xorb.runbook.report
"""

EXAMPLES = r"""
- name: Silence the database while it is upgraded
  xorb.runbook.silence:
    hosts: [db]
    services: [postgres]
    reason: upgrade to PostgreSQL 17
    duration: 2h
  delegate_to: localhost
  run_once: true

- name: Reboot a host in silence
  xorb.runbook.silence:
    hosts: [web1]
    checks: ['*', runbook.host.reachable]
    reason: new kernel
    until: '2026-11-25T18:00+01:00'
  delegate_to: localhost
  run_once: true

- name: Acknowledge a failure that an operator works on
  xorb.runbook.silence:
    state: acknowledged
    checks: [host.data.space]
    reason: a larger disk is ordered
    duration: 3d
  delegate_to: localhost
  run_once: true

- name: Take a silence back
  xorb.runbook.silence:
    state: expired
    id: 812
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
msg:
  description: What was done, in one sentence.
  returned: always
  type: str
  sample: 'silence 812 of services postgres until 2026-11-25 18:00 UTC, by alex: upgrade to PostgreSQL 17'
silence:
  description: >-
    The silence or acknowledgement that was made, found in force or ended. Its C(id) is 0 in check mode.
    C(state) is C(active) or C(expired), and C(expired_by) the operator who ended it before its time.
  returned: always
  type: dict
  sample:
    id: 812
    what: silence
    hosts: []
    services: [postgres]
    checks: []
    reason: upgrade to PostgreSQL 17
    by: alex
    at: '2026-11-25T16:00:00.000000Z'
    until: '2026-11-25T18:00:00.000000Z'
    state: active
    expired_by: ''
in_force:
  description: Everything that is in force afterwards.
  returned: always
  type: list
  elements: dict
  sample: []
diff:
  description: What is in force before and afterwards.
  returned: always
  type: dict
  sample: {"before": "", "after": "silence 812 of services postgres until 2026-11-25 18:00 UTC, by alex: upgrade"}
"""
