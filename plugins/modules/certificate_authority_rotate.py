# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_authority_rotate
short_description: Take a step in the replacement of the CA, on a host or for all of them
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - The playbook C(certificate_authority_rotate) takes the steps in their order, on all hosts that have to do with the
    CA. Of the two CAs, one stays and the other one goes; with O(rollback) it is the old one that stays.
  - How far a rotation is follows from the phase that the CA keeps and from what the hosts have. A step that has
    nothing left to do changes nothing.
  - Every set of certificates that the platform description has is a consumer, and so is every file of authorities that
    a check reads (C(ca), C(trust)), where it holds a certificate of the CA.
  - A step does nothing where an earlier one failed anywhere. The role of its name gives all options. It registers the
    results in C(certificate_authority_rotate_result_) and the step's name, where the other steps and
    M(xorb.runbook.report) read them.
options:
  step:
    description:
      - What is to be done. V(plan) asks the host, V(preflight) refuses or shows what is to be done and makes the next
        CA.
      - V(trust) lets every consumer trust both, V(prove) shows certificates of the one that stays to every consumer,
        and V(activate) lets it issue.
      - V(reissue) replaces the certificates of the other one, V(gather) and V(gate) find out whether a consumer needs
        it still.
      - V(withdraw) lets every consumer trust the one that stays alone, V(refuse) shows certificates of the other one to
        every consumer. In an incident, V(sessions) ends those that were opened with certificates of it. V(close) ends
        the rotation.
      - V(preflight), V(activate), V(gate) and V(close) are taken by the first host of the play, for all of them.
    type: str
    required: true
    choices: [plan, preflight, trust, prove, activate, reissue, gather, gate, withdraw, refuse, sessions, close]
  serial:
    description:
      - Serial number of the intermediate that is to be replaced. Without it no rotation is begun, and one that is under
        way goes on. With the one of a CA that was replaced already, nothing is done.
    type: str
    required: true
  levels:
    description: What is replaced, C(root) and C(intermediate) or the intermediate alone.
    type: list
    required: true
    elements: str
  scope:
    description:
      - In an incident, in place of O(serial) and O(levels). The CA that issued when O(incident) was first worked on is
        the one that is replaced, with its root or without it. Sessions that were opened with its certificates end.
    type: str
    required: true
    choices: ['', intermediate, root]
  reason:
    description:
      - Why the old intermediate is revoked where its root stays, as the root's list says it, with the words of
        M(xorb.runbook.certificate_revoke). An incident keeps the reason that it began with.
    type: str
    required: true
  rollback:
    description: Whether a rotation that is under way is rolled back.
    type: bool
    required: true
  abandon_outstanding:
    description:
      - Whether the old CA is withdrawn though certificates of it are valid that are of no described service.
    type: bool
    required: true
  incident:
    description: Why this is done, for the ledger. For example the number of a ticket. Needed with O(scope).
    type: str
    required: true
  ca_dir:
    description: Folder of the CA on the control node.
    type: path
    required: true
  ca_passphrase:
    description: Passphrase of the CA's keys.
    type: str
    required: true
  ca_root_passphrase:
    description: Passphrase of the root's key, where it has its own.
    type: str
    required: true
  state_dir:
    description: Folder on the control node in which incidents are remembered. Without it, the platform's.
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
      - The step V(preflight) prints which phase comes, and what becomes of every consumer.
  diff_mode:
    description: Shows what would change.
    support: none
  idempotent:
    description: Running it again changes nothing.
    support: full
seealso:
  - module: xorb.runbook.certificate_authority
  - module: xorb.runbook.certificate_rotate
  - module: xorb.runbook.certificate_trust
  - module: xorb.runbook.certificate_trust_info
  - module: xorb.runbook.report
"""

EXAMPLES = r"""
- name: Find out which CAs this host trusts
  ansible.builtin.import_role:
    name: xorb.runbook.certificate_authority_rotate
  vars:
    certificate_authority_rotate_step: plan
"""

RETURN = r"""
acts:
  description: Whether there is something to be done, or was.
  returned: always
  type: bool
  sample: true
stage:
  description:
    - What is to be done, as V(preflight) and V(gate) decided. One of V(idle), V(begin) (in check mode), V(spread) and
      V(withdraw); empty from other steps.
  returned: always
  type: str
  sample: spread
consumers:
  description: What M(xorb.runbook.certificate_trust_info) returned from the host, from V(plan) and V(gather).
  returned: always
  type: dict
  sample: {certificates: [], files: [], checks: [], unfinished: []}
sessions:
  description: Whose sessions end in an incident, from V(plan).
  returned: always
  type: list
  elements: str
  sample: []
checks:
  description: What V(prove) and V(refuse) proved, and whether V(sessions) ended them, for the report.
  returned: always
  type: list
  elements: dict
  sample: []
actions:
  description: What was done, for the report and the ledger.
  returned: always
  type: list
  elements: dict
  sample:
    - at: '2026-11-23T18:30:00.123Z'
      host: web1
      procedure: certificate_authority_rotate
      subject: nginx server
      what: trusts Shop Intermediate CA G2 (5E2A77C1) beside Shop Intermediate CA (41C7D02B) (nginx is run)
      why: "the CA is replaced: Shop Intermediate CA G2 (5E2A77C1) in place of Shop Intermediate CA (41C7D02B)"
      who: alex
      outcome: done
      incident: ''
"""
