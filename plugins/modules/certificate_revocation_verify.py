# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_revocation_verify
short_description: Prove that revoked certificates are refused by every endpoint that has to refuse them
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - The pair that was replaced lies among the sets of its host still. It is presented to every port that lets the set
    in, and to a client that reads the revocation lists. The certificate in service is presented first, as a positive
    control, since a service that is down refuses every certificate, which proves nothing.
  - It changes nothing. End sessions before, on all hosts (M(xorb.runbook.certificate_sessions_end)); a port that ends
    one looks like a refusal.
  - Returns what it found as checks of the topic C(certificates), and fails for none of them.
extends_documentation_fragment:
  - xorb.runbook.certificate_sets.refused
options:
  revocations:
    description: The revocation lists that a client would read, in PEM.
    type: str
    required: true
attributes:
  check_mode:
    description: Can run in check mode without changing anything.
    support: full
    details:
      - It changes nothing in any mode.
  diff_mode:
    description: Shows what would change.
    support: none
  idempotent:
    description: Running it again changes nothing.
    support: full
requirements:
  - cryptography (Python library) on the host
  - Linux on the host
seealso:
  - module: xorb.runbook.certificate_sessions_end
  - module: xorb.runbook.certificate_revoke
  - module: xorb.runbook.certificate_trust
"""

EXAMPLES = r"""
- name: Prove that the old certificate of the API is refused
  xorb.runbook.certificate_revocation_verify:
    revocations: "{{ lookup('ansible.builtin.file', 'crl.pem') }}"
    certificates:
      - service: api
        point: client
        directory: /etc/api/tls
        names: [api.example.com]
        profile: client
        accepted_by: [{port: 443, address: www.example.com, path: /health}]
        old: [41C7]
"""

RETURN = r"""
checks:
  description: What was found, a check for each set with certificates that were revoked.
  returned: success
  type: list
  elements: dict
  sample:
    - id: api.client.refusal
      status: ok
      message: "www.example.com port 443: the revoked certificate 41C7: refused: HTTP 400 (The SSL certificate error)"
"""

from ansible_collections.xorb.runbook.plugins.module_utils._core import zip_imports

zip_imports.compile_once()

from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates.revocation_proof import (
    REVOKED_OPTIONS,
    prove,
)
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates.set import check_of, set_list
from ansible_collections.xorb.runbook.plugins.module_utils._act.module import Parameters, Result, run_inspect
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import Option

OPTIONS = {
    "certificates": set_list(REVOKED_OPTIONS),
    "revocations": Option("str", "The revocation lists, in PEM.", required=True),
}


def verify(parameters: Parameters) -> Result:
    """Present what was revoked to every endpoint that has to refuse it."""
    checks = [
        check_of(given, finding, given["directory"])
        for given in parameters["certificates"]
        for finding in prove(given, parameters["revocations"])
    ]
    return {"checks": [check.as_dict() for check in checks]}


def main() -> None:
    """Entry of the module."""
    run_inspect(OPTIONS, verify)


if __name__ == "__main__":
    main()
