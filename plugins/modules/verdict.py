# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: verdict
short_description: Let a host fail by its own checks
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - Fails the host when one of its checks, or one about the run itself, is V(critical) or V(unknown).
  - A check that is silenced, acknowledged, or has not failed often enough does not count, see M(xorb.runbook.report).
  - Needs no connection, so it judges a host that cannot be reached, too. Make it the last task of the play.
  - Where C(well) of the report is true there is nothing to judge, and C(run_once) saves a process for each other host.
options:
  report:
    description:
      - The registered result of M(xorb.runbook.report).
    type: dict
    required: true
  fail_on_warning:
    description:
      - Whether a check that is V(warning) fails the host, too.
    type: bool
    default: false
  every_host:
    description:
      - Whether the checks of every host count, and not only those of the host that is judged. For a play that judges
        once for all, as after M(xorb.runbook.report_merge).
    type: bool
    default: false
extends_documentation_fragment:
  - xorb.runbook._action
seealso:
  - module: xorb.runbook.report
"""

EXAMPLES = r"""
- name: Fail on warnings, too
  xorb.runbook.verdict:
    report: "{{ platform_report }}"
    fail_on_warning: true
"""

RETURN = r"""
msg:
  description: What fails, in one line with the worst status, the first root cause, and the page of the report.
  returned: always
  type: str
  sample: 'CRITICAL: 3 failing by db/postgres.supervisor.state; see /var/lib/runbook/reports/daily-a1b2c3.html'
"""
