# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: report_merge
short_description: Put together what several runs found, each on a part of the inventory
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - Reads the slices of one run, which each looked at some hosts only, from the ledger or from their JSON files, and
    makes one report of the whole inventory. The description says what must be in there. A host that no slice looked at
    is V(unknown), so a slice that was killed is no false green.
  - Root causes are found anew over all hosts. Silences and O(fail_after) apply as in M(xorb.runbook.report), and the
    report is recorded, written and printed in the same way. Its procedure is called like that of the slices, with
    C(_merged) behind it.
  - What a slice says of the description is left out, because it only saw a part of the inventory.
  - In check mode it prints, and writes nothing.
  - Use it with C(run_once), on an inventory with all hosts.
options:
  procedure:
    description:
      - Name of the procedure that the slices ran.
    type: str
    required: true
  slice_of:
    description:
      - The word that the slices shared, the same as O(xorb.runbook.report#module:slice_of). Finds them in the ledger.
      - This or O(files) is required.
    type: str
  files:
    description:
      - JSON files of the slices' reports.
    type: list
    elements: path
    default: []
  max_age:
    description:
      - Minutes after which a slice is too old to say how anything is now. It is left out, which is a critical check.
    type: int
    default: 60
extends_documentation_fragment:
  - xorb.runbook._publish
  - xorb.runbook._action
  - xorb.runbook._action.selectors
seealso:
  - module: xorb.runbook.report
  - module: xorb.runbook.verdict
  - module: xorb.runbook.ledger_verify
"""

EXAMPLES = r"""
- name: Put the slices of this workflow together
  xorb.runbook.report_merge:
    procedure: health_check
    topics: [health]
    slice_of: "{{ awx_workflow_job_id }}"
  register: platform_report
  run_once: true
  delegate_to: localhost

- name: Let the workflow fail by any host
  xorb.runbook.verdict:
    judged_by: "{{ platform_report.judged_by.values() | flatten }}"
  run_once: true
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
