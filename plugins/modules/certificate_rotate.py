# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_rotate
short_description: Replace the certificates of a host that are due, without a moment in which none is in service
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - Takes the sets of certificates that the platform description gives to this host, asks the host which are due
    (M(xorb.runbook.certificate_request)), has them issued on the control node, and lets the host put them into service
    (M(xorb.runbook.certificate_deploy)). That is two round trips, whatever the number of certificates.
  - The issuer is the CA in O(ca_dir), or O(issuer_command).
  - Afterwards it renews the revocation lists in the files I(crl) of the sets, where the CA in O(ca_dir) has newer ones
    or is due to make them (M(xorb.runbook.certificate_trust)).
  - Ends first what a run that was killed left half done, and fails where that takes a password that it is not given.
  - The role of its name gives all options. It registers the results in C(certificate_rotate_result_plan) and
    C(certificate_rotate_result_replace), where M(xorb.runbook.report) reads what was done, and where the hosts of later
    batches see that they are to be left alone.
options:
  step:
    description:
      - V(plan) prints which certificates and lists would be replaced, and why. V(replace) replaces them, unless that
        has failed on another host of the play.
    type: str
    required: true
    choices: [plan, replace]
  services:
    description: Names of services of the platform description. An empty list means all of them.
    type: list
    required: true
    elements: str
  force:
    description: Whether certificates that are not due are replaced, too.
    type: bool
    required: true
  incident:
    description: Why this is done, for the ledger. For example the number of a ticket.
    type: str
    required: true
  ca_dir:
    description: Folder of the CA on the control node; empty where a command issues.
    type: path
    required: true
  ca_passphrase:
    description: Passphrase of the CA's key.
    type: str
    required: true
  ca_root_passphrase:
    description: Passphrase of its root's key, which signs the root's revocation list, where it is another one.
    type: str
    required: true
  issuer_command:
    description:
      - Command on the control node that issues certificates in place of the CA, word by word.
      - It gets the request on its standard input, and in its environment C(CERTIFICATE_PROFILE),
        C(CERTIFICATE_COMMON_NAME), C(CERTIFICATE_NAMES) (with commas), C(CERTIFICATE_DAYS) and
        C(CERTIFICATE_ORGANIZATIONAL_UNIT).
      - It prints the certificate and its issuers in PEM, the root as well unless O(issuer_trust) has it.
    type: list
    required: true
    elements: str
  issuer_trust:
    description: Certificates in PEM that the other ends have to trust, for commands that do not print their root.
    type: str
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
      - It ends with the step V(plan).
  diff_mode:
    description: Shows which certificates are replaced.
    support: full
  idempotent:
    description: Running it again changes nothing.
    support: full
    details:
      - Unless O(force) is set.
seealso:
  - module: xorb.runbook.certificate_request
  - module: xorb.runbook.certificate_deploy
  - module: xorb.runbook.report
"""

EXAMPLES = r"""
- name: Replace what is due
  ansible.builtin.import_role:
    name: xorb.runbook.certificate_rotate
  vars:
    certificate_rotate_step: replace
    certificate_rotate_ca_dir: /srv/ca
"""

RETURN = r"""
acts:
  description: Whether there is something to be done, or was.
  returned: always
  type: bool
  sample: true
due:
  description: The sets that are due, with the certificate that they have now.
  returned: always
  type: list
  elements: dict
  sample:
    - service: nginx
      point: server
      serial: 41C7
      not_after: 2026-11-30 08:00 UTC
      reasons: ["CN=www.example.com expires in 6.2 days, 2026-11-30 08:00 UTC"]
actions:
  description: What was done, for the report and the ledger.
  returned: always
  type: list
  elements: dict
  sample:
    - at: '2026-11-23T18:30:00.123Z'
      host: web1
      procedure: certificate_rotate
      subject: nginx server
      what: certificate 5E2A is in service until 2026-12-23 18:30 UTC, in place of 41C7 (systemctl reload nginx.service)
      why: CN=www.example.com expires in 6.2 days, 2026-11-30 08:00 UTC
      who: alex
      outcome: done
      incident: ''
checks:
  description: What was proved of what was done, in the form of the checks of a report.
  returned: always
  type: list
  elements: dict
  sample: []
"""
