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
  - Fails the host when a check that it is judged by is V(critical) or V(unknown).
  - A check that is silenced, acknowledged, or has not failed often enough does not count, see M(xorb.runbook.report).
  - Needs no connection, so it judges a host that cannot be reached, too. Make it the last task of the play.
  - A task costs a process for each host. A host that is not in C(judged_by) of the report has nothing to be judged by,
    and M(ansible.builtin.meta) lets go of it without one.
options:
  judged_by:
    description:
      - What the report says that the host is judged by, C(judged_by) of M(xorb.runbook.report).
      - A play that judges once for all, as after M(xorb.runbook.report_merge), gives what there is of every host.
      - Without it the task fails; an empty list is a host that nothing fails of.
    type: list
    elements: dict
  fail_on_warning:
    description:
      - Whether a check that is V(warning) fails the host, too.
    type: bool
    default: false
  page:
    description:
      - Path of the report's page, for the sentence of a host that fails.
    type: str
    default: ''
extends_documentation_fragment:
  - xorb.runbook._action
seealso:
  - module: xorb.runbook.report
"""

EXAMPLES = r"""
# In a role, as the last tasks of the play.
- name: Let go of the hosts that have nothing to be judged by
  ansible.builtin.meta: end_role
  when: inventory_hostname not in platform_report.judged_by

- name: Fail on warnings, too
  xorb.runbook.verdict:
    judged_by: "{{ platform_report.judged_by[inventory_hostname] }}"
    fail_on_warning: true
"""

RETURN = r"""
msg:
  description: What fails, in one line with the worst status, the first root cause, and the page of the report.
  returned: always
  type: str
  sample: 'CRITICAL: 3 failing by db/postgres.supervisor.state; see /var/lib/runbook/reports/daily-a1b2c3.html'
"""
