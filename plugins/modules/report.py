# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: report
short_description: Compare what was expected with what arrived, record it and print it
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - Expands the platform description itself and compares what it expects with what every host of the play has in its
    variable C(platform_inspection). What did not arrive is V(unknown), with the reason.
  - Names root causes. Checks that have found the same fault have one. A silent host explains its checks, a dead process
    what could not be had of its service, and a failing service those that depend on it.
  - Lists what the run did to its hosts. What was to be done and was not is a critical check of that host.
  - Appends the run to the ledger, writes a JSON file, a self-contained page with plots of the runs before, JUnit XML
    and metrics, and prints what fails, each root cause once with since when it fails, what is fine as counts, and the
    verdict as the last line. With C(-v) it names every check.
  - A ledger or a folder that cannot be written is a critical check of its own and loses nothing of the report.
  - In check mode it prints, and writes nothing.
  - Use it with C(run_once), in the same play as M(xorb.runbook.inspect).
options:
  procedure:
    description:
      - Name of the procedure that ran.
    type: str
    required: true
  slice_of:
    description:
      - A word that all runs share that look at one part of the inventory each. M(xorb.runbook.report_merge) finds them
        by it.
    type: str
    default: ''
extends_documentation_fragment:
  - xorb.runbook._publish
  - xorb.runbook._action
  - xorb.runbook._action.selectors
seealso:
  - module: xorb.runbook.inspect
  - module: xorb.runbook.verdict
  - module: xorb.runbook.ledger_verify
"""

EXAMPLES = r"""
- name: Report
  xorb.runbook.report:
    procedure: health_check
    topics: [health]
  register: platform_report
  run_once: true
  delegate_to: localhost
"""

RETURN = r"""
counts:
  description: How many checks have each status.
  returned: always
  type: dict
  sample: {"critical": 1, "unknown": 0, "warning": 0, "ok": 23, "not_applicable": 0}
expected:
  description: How many checks the description expects.
  returned: always
  type: int
  sample: 24
received:
  description: How many of them arrived.
  returned: always
  type: int
  sample: 24
all_ok:
  description:
    - Whether no check of any host, or of the run itself, fails or warns.
  returned: always
  type: bool
  sample: false
judged_by:
  description:
    - What each host is judged by in M(xorb.runbook.verdict), which is what fails or warns of it and of the run itself.
    - A host that is not in it has nothing to be judged by. Where none has, the first one is in it with nothing, and
      stands for all.
  returned: always
  type: dict
  sample:
    db:
      - id: postgres.supervisor.state
        address: db/postgres.supervisor.state
        status: critical
        blocked_by: ''
        suppressed: false
files:
  description: Paths of the files written, by format, and that of O(textfile). The JSON file has all of the report.
  returned: always
  type: dict
  sample:
    html: /root/.local/state/xorb-runbook/xorb/reports/daily-20261123T183000-a1b2c3.html
    textfile: /var/lib/prometheus/node-exporter/runbook-xorb-daily.prom
"""
