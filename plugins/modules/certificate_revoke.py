# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_revoke
short_description: Take one step of a revocation, on a host or for all of them
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - Revokes certificates whose keys may be known, after their replacement. Nothing that is in service anywhere is
    revoked. Certificates of a host that did not answer count as in service, and others are left alone as long as it is
    not known what it has.
  - With the scope C(service), earlier certificates of the same common names are revoked as well, with C(all) everything
    that the CA issued, unless it is in service.
  - Ends first what a run that was killed left half done.
  - The role of its name gives all options. It registers the results in C(certificate_revoke_result_) and the step's
    name, where the other steps and M(xorb.runbook.report) read them.
options:
  step:
    description:
      - V(plan) finds out what the host has in service. V(preflight) refuses what could not be ended, prints what is
        going to be done, and writes down which certificates were in service when the incident was begun.
      - V(replace) puts replacements into service as M(xorb.runbook.certificate_rotate) does, each service by itself.
        V(revoke) revokes the old certificates and makes the lists, V(distribute) puts the lists into service
        (M(xorb.runbook.certificate_trust)).
      - V(sessions) ends those that were opened with what was revoked, and V(prove) shows the old pair to every endpoint
        that has to refuse it. Let all hosts end sessions before any of them proves.
      - V(preflight) and V(revoke) are taken by the first host of the play, for all of them.
    type: str
    required: true
    choices: [plan, preflight, replace, revoke, distribute, sessions, prove]
  scope:
    description:
      - C(service) revokes the certificates of O(services), C(all) everything that the CA issued.
      - The scopes C(intermediate) and C(root) are a matter of M(xorb.runbook.certificate_authority_rotate).
    type: str
    required: true
  services:
    description: Names of services of the platform description, with the scope C(service) alone.
    type: list
    required: true
    elements: str
  incident:
    description: What the incident is called. A run with the same one goes on where an earlier one ended.
    type: str
    required: true
  reason:
    description:
      - Why they are revoked, as the list has it. One of C(unspecified), C(key_compromise), C(ca_compromise),
        C(affiliation_changed), C(superseded), C(cessation_of_operation) and C(privilege_withdrawn).
    type: str
    required: true
  ca_dir:
    description: Folder of the CA on the control node.
    type: path
    required: true
  ca_passphrase:
    description: Passphrase of the CA's key.
    type: str
    required: true
  state_dir:
    description:
      - Folder on the control node in which incidents are remembered. Where it is empty, the folder of the platform in
        the user's state folder.
    type: path
    required: true
  host_state_dir:
    description: Folder of the lock and the journal on the host. The same for every run that changes this host.
    type: path
    required: true
attributes:
  action:
    description: Indicates that this has an action plugin that runs on the control node.
    support: full
  check_mode:
    description: Can run in check mode without changing anything.
    support: full
    details:
      - It ends with the step V(preflight), which prints what would be replaced, revoked and ended.
  diff_mode:
    description: Shows what would change.
    support: none
  idempotent:
    description: Running it again changes nothing.
    support: partial
    details:
      - Redis ends the sessions of its clients every time.
seealso:
  - module: xorb.runbook.certificate_authority_rotate
  - module: xorb.runbook.certificate_rotate
  - module: xorb.runbook.certificate_trust
  - module: xorb.runbook.certificate_sessions_end
  - module: xorb.runbook.certificate_revocation_verify
  - module: xorb.runbook.report
"""

EXAMPLES = r"""
- name: Put replacements into service
  ansible.builtin.import_role:
    name: xorb.runbook.certificate_revoke
  vars:
    certificate_revoke_step: replace
    certificate_revoke_scope: service
    certificate_revoke_services: [api]
    certificate_revoke_incident: INC-42
"""

RETURN = r"""
acts:
  description: Whether there is something to be done, or was.
  returned: always
  type: bool
  sample: true
sets:
  description:
    - The sets of this host, of all services, with the certificate that each has in service; for the steps V(plan) and
      V(replace). Null from other steps, and where that could not be found out after a replacement.
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
revoked:
  description: Serial numbers that V(revoke) revoked in this run.
  returned: always
  type: list
  elements: str
  sample: [41C7]
planned:
  description: Serial numbers that are revoked, or that would be once their replacements are in service.
  returned: always
  type: list
  elements: str
  sample: [41C7]
kept:
  description: Serial numbers that are not revoked since they are still in service, by host, service and set.
  returned: always
  type: dict
  sample: {"web2 nginx server": "41C8"}
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
  description: What V(sessions) and V(prove) found, in the form of the checks of a report.
  returned: always
  type: list
  elements: dict
  sample:
    - id: api.client.refusal
      status: ok
      message: "www.example.com port 443: the revoked certificate 41C7: refused: HTTP 400 (The SSL certificate error)"
"""
