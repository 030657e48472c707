# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_revoke
short_description: Do on one host what a revocation needs, step by step
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - Takes the sets of certificates that the platform description gives to this host. With the step C(plan) it tells what
    is in service; C(replace) puts replacements into service as M(xorb.runbook.certificate_rotate) does, each service by
    itself; C(distribute) puts the revocation lists into service (M(xorb.runbook.certificate_trust)); C(sessions) ends
    those that were opened with what was revoked (M(xorb.runbook.certificate_sessions_end)), and C(prove) presents the
    old pair to every endpoint that has to refuse it (M(xorb.runbook.certificate_revocation_verify)). Let all hosts end
    sessions before any of them proves.
  - What is revoked is decided between C(replace) and C(distribute) by M(xorb.runbook.certificate_revocation), of what
    all hosts told.
  - Ends first what a run that was killed left half done.
  - Register its result in C(platform_act_certificate_revoke_plan), C(platform_act_certificate_revoke),
    C(platform_act_certificate_revoke_distribute), C(platform_act_certificate_revoke_sessions) and
    C(platform_act_certificate_revoke_prove), in the order of the steps. M(xorb.runbook.certificate_revocation) reads
    the first two, M(xorb.runbook.report) all of them.
options:
  step:
    description: What is to be done.
    type: str
    required: true
    choices: [plan, replace, distribute, sessions, prove]
  host_state_dir:
    description: Folder of the lock and the journal on the host. The same for whoever changes this host.
    type: path
    default: /var/lib/xorb-runbook
extends_documentation_fragment:
  - xorb.runbook._revocation
attributes:
  action:
    description: Indicates that this has an action plugin that runs on the control node.
    support: full
  check_mode:
    description: Can run in check mode without changing anything.
    support: full
    details:
      - Check mode ends with the step C(plan).
  diff_mode:
    description: Shows what would change.
    support: none
  idempotent:
    description: Running it again changes nothing.
    support: partial
    details:
      - Redis ends the sessions of its clients every time.
seealso:
  - module: xorb.runbook.certificate_revocation
  - module: xorb.runbook.certificate_rotate
  - module: xorb.runbook.certificate_trust
  - module: xorb.runbook.certificate_sessions_end
  - module: xorb.runbook.certificate_revocation_verify
  - module: xorb.runbook.report
"""

EXAMPLES = r"""
- name: Put replacements into service
  xorb.runbook.certificate_revoke:
    step: replace
    scope: service
    services: [api]
    incident: INC-42
    ca_dir: "{{ certificate_authority_dir }}"
    ca_passphrase: "{{ certificate_authority_passphrase }}"
  become: true
  register: platform_act_certificate_revoke
"""

RETURN = r"""
acts:
  description: Whether there is something to be done, or was.
  returned: always
  type: bool
  sample: true
sets:
  description:
    - The sets of this host, of all services, with the certificate that each has in service; for the steps C(plan) and
      C(replace). Null where that could not be found out after a replacement.
  returned: always
  type: list
  elements: dict
  sample:
    - service: nginx
      point: server
      serial: 41C7
      common_name: www.example.com
      targeted: true
      reads_lists: true
      sessions: ""
actions:
  description: What was done, by whom and why, and how it ended; C(outcome) is C(done) where it is in force.
  returned: always
  type: list
  elements: dict
  sample:
    - at: "2026-11-23T18:30:00.000Z"
      host: web1
      procedure: certificate_revoke
      subject: nginx server
      what: "certificate 5E2A is in service until 2026-12-23 18:30 UTC, in place of 41C7 (systemctl reload nginx)"
      why: the one before is to be revoked, scope all
      who: alice
      outcome: done
      incident: INC-42
checks:
  description: What the step C(prove) found, in the form of the checks of a report.
  returned: always
  type: list
  elements: dict
  sample:
    - id: api.client.refusal
      status: ok
      message: "www.example.com port 443: the revoked certificate 41C7: refused: HTTP 400 (The SSL certificate error)"
"""
