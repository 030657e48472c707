# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_revocation
short_description: Decide for all hosts what is revoked, and revoke it
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - Reads what M(xorb.runbook.certificate_revoke) registered on every host. Nothing that is in service anywhere is
    revoked. Certificates of a host that did not answer count as in service, and others are left alone as long as nobody
    knows what it has.
  - The step C(preflight) refuses what could not be ended, prints what is going to be done, and writes down which
    certificates were in service when the incident was begun. The step C(revoke) revokes them, and makes the lists.
  - With the scope C(service), earlier certificates of the same common names are revoked as well, with C(all) everything
    that the CA issued, unless it is in service.
  - Works on the control node and contacts no host. Let every host run the step C(revoke); it is done once, and told by
    one of them.
options:
  step:
    description: What is to be done.
    type: str
    required: true
    choices: [preflight, revoke]
  reason:
    description:
      - Why they are revoked, as the list has it. One of C(unspecified), C(key_compromise), C(ca_compromise),
        C(affiliation_changed), C(superseded), C(cessation_of_operation) and C(privilege_withdrawn).
    type: str
    default: key_compromise
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
      - It prints what would be replaced, revoked and ended, and remembers nothing.
  diff_mode:
    description: Shows what would change.
    support: none
  idempotent:
    description: Running it again changes nothing.
    support: full
seealso:
  - module: xorb.runbook.certificate_revoke
  - module: xorb.runbook.certificate_authority
  - module: xorb.runbook.report
"""

EXAMPLES = r"""
- name: Revoke what nobody has in service any more
  xorb.runbook.certificate_revocation:
    step: revoke
    scope: service
    services: [api]
    incident: INC-42
    ca_dir: "{{ certificate_authority_dir }}"
    ca_passphrase: "{{ certificate_authority_passphrase }}"
  register: platform_act_certificate_revoke_authority
"""

RETURN = r"""
revoked:
  description: Serial numbers that this run revoked.
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
  description: What was revoked, by whom and why.
  returned: always
  type: list
  elements: dict
  sample:
    - at: "2026-11-23T18:30:00.000Z"
      host: web1
      procedure: certificate_revoke
      subject: nginx server
      what: certificate 41C7 is revoked
      why: key_compromise, scope service
      who: alice
      outcome: done
      incident: INC-42
"""
