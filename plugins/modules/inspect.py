# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: inspect
short_description: Look at everything that a host has to look at, in one round trip
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - Selects what this host looks at according to the platform description, resolves just that, and runs the module
    M(xorb.runbook.probe) once.
  - An undefined variable or a wrong value makes the checks of one look V(unknown) and no other.
  - A check that fails does not fail the task. Follow it by M(xorb.runbook.report) and M(xorb.runbook.verdict) in the
    same play, and register its result as C(platform_inspection), which is where the report looks.
options:
  deadline:
    description:
      - Seconds after which a probe that has not answered is reported as V(unknown).
    type: int
    default: 30
extends_documentation_fragment:
  - xorb.runbook._action
  - xorb.runbook._action.selectors
seealso:
  - module: xorb.runbook.probe
  - module: xorb.runbook.report
"""

EXAMPLES = r"""
- name: Look at the databases only
  xorb.runbook.inspect:
    services: [postgres, redis]
    deadline: 15
  register: platform_inspection
  timeout: 25
"""

RETURN = r"""
started_at:
  description: When this host was inspected, UTC.
  returned: always
  type: str
  sample: '2026-11-23T18:30:00.123Z'
selectors:
  description: The topics, services and kinds that it looked with.
  returned: always
  type: dict
  sample: {"topics": ["health"], "services": [], "kinds": []}
checks:
  description: What was found; the fields are those of M(xorb.runbook.probe).
  returned: when the host could be inspected
  type: list
  elements: dict
  sample:
    - id: redis.cache.ping
      status: ok
      message: PONG
"""
