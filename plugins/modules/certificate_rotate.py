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
  - Who issues is the CA in O(ca_dir), or O(issuer_command).
  - Afterwards it renews the revocation lists in the files I(crl) of the sets, where the CA in O(ca_dir) has newer ones
    or is due to make them (M(xorb.runbook.certificate_trust)).
  - Ends first what a run that was killed left half done, and fails where that takes a password that it is not told.
  - Register its result in a variable whose name begins with C(platform_act_), which is where M(xorb.runbook.report)
    looks for what was done, and where the hosts of later batches see that they are to be left alone.
options:
  services:
    description: Names of services of the platform description. An empty list means all of them.
    type: list
    elements: str
    default: []
  force:
    description: Whether certificates that are not due are replaced, too.
    type: bool
    default: false
  plan:
    description: Only tell which certificates would be replaced, and why. Check mode does the same.
    type: bool
    default: false
  incident:
    description: Why this is done, for the ledger. For example the number of a ticket.
    type: str
    default: ''
  ca_dir:
    description: Folder of the CA on the control node.
    type: path
  ca_passphrase:
    description: Passphrase of the CA's key.
    type: str
  ca_root_passphrase:
    description: Passphrase of its root's key, which signs the root's revocation list, where it is another one.
    type: str
  issuer_command:
    description:
      - Command on the control node that issues certificates in place of the CA, word by word.
      - It gets the request on its standard input, and in its environment C(CERTIFICATE_PROFILE),
        C(CERTIFICATE_COMMON_NAME), C(CERTIFICATE_NAMES) (with commas), C(CERTIFICATE_DAYS) and
        C(CERTIFICATE_ORGANIZATIONAL_UNIT).
      - It prints the certificate and its issuers in PEM, the root as well unless O(issuer_trust) has it.
    type: list
    elements: str
    default: []
  issuer_trust:
    description: Certificates in PEM that the other ends have to trust, for commands that do not print their root.
    type: str
    default: ''
  host_state_dir:
    description: Folder of the lock and the journal on the host. The same for whoever changes this host.
    type: path
    default: /var/lib/xorb-runbook
attributes:
  action:
    description: Indicates that this has an action plugin that runs on the control node.
    support: full
  check_mode:
    description: Can run in check mode without changing anything.
    support: full
    details:
      - It prints which certificates would be replaced, and why.
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
  xorb.runbook.certificate_rotate:
    ca_dir: "{{ certificate_authority_dir }}"
    ca_passphrase: "{{ certificate_authority_passphrase }}"
  become: true
  register: platform_act_certificate_rotate
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
"""
