# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_refusal
short_description: End the sessions of revoked certificates, and prove that these are refused
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - The pair that was replaced lies among the sets of its host still. It is shown to every port that lets the set in,
    and to a client that reads the revocation lists. The certificate in service is shown first, since a service that is
    down refuses everybody, which proves nothing.
  - Sessions that were opened with a revoked certificate outlive it. PostgreSQL knows them and ends them. Redis does not
    tell one from another, and ends those of all clients, which connect anew.
  - Says what it found as checks of the topic C(certificates), and fails for none of them.
extends_documentation_fragment:
  - xorb.runbook.certificate_sets.refused
options:
  revoked:
    description:
      - Serial numbers, in hexadecimal digits, whose sessions are ended, whichever host's certificates they are.
    type: list
    elements: str
    default: []
  revocations:
    description: The revocation lists that a client would read, in PEM.
    type: str
    required: true
attributes:
  check_mode:
    description: Can run in check mode without changing anything.
    support: full
    details:
      - It ends no session then.
  diff_mode:
    description: Shows what would change.
    support: none
  idempotent:
    description: Running it again changes nothing.
    support: partial
    details:
      - Redis ends the sessions of its clients every time.
requirements:
  - cryptography (Python library) on the host
  - psycopg2 (Python library) on the host, where sessions of PostgreSQL are ended
  - redis (Python library) on the host, where sessions of Redis are ended
seealso:
  - module: xorb.runbook.certificate_revoke
  - module: xorb.runbook.certificate_trust
"""

EXAMPLES = r"""
- name: Prove that the old certificate of the API is refused
  xorb.runbook.certificate_refusal:
    revocations: "{{ lookup('ansible.builtin.file', 'crl.pem') }}"
    revoked: [41C7]
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
  description: What was found, a check for each set.
  returned: always
  type: list
  elements: dict
  sample:
    - id: api.client.refusal
      status: ok
      message: "www.example.com port 443: the revoked certificate 41C7: refused: HTTP 400 (The SSL certificate error)"
recovered:
  description: What a run that was killed had left half done, and what became of it.
  returned: always
  type: list
  elements: str
  sample: []
"""

from collections.abc import Iterator

from ansible_collections.xorb.runbook.plugins.module_utils._core import zip_imports

zip_imports.compile_once()

from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates import revocation_proof
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates.revocation_proof import REFUSAL_OPTIONS
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates.set import check_of, set_list
from ansible_collections.xorb.runbook.plugins.module_utils._act.journal import Journal
from ansible_collections.xorb.runbook.plugins.module_utils._act.module import Parameters, Recovered, Result, run_act
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import Check
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import Option

OPTIONS = {
    "certificates": set_list(REFUSAL_OPTIONS),
    "revoked": Option("list", "Serial numbers of the certificates that were revoked.", elements="str", default=[]),
    "revocations": Option("str", "The revocation lists, in PEM.", required=True),
}


def plan(parameters: Parameters) -> Result:
    """Show what was revoked to every service that has to refuse it; no session is ended."""
    return _result(list(_proofs(parameters)))


def apply(parameters: Parameters, _journal: Journal, _recovered: Recovered) -> Result:
    """End sessions first: one that reconnects with what it had is refused, or seen to be accepted."""
    ended = [
        check_of(given, finding, given["directory"])
        for given in parameters["certificates"]
        for finding in revocation_proof.end_sessions(given, parameters["revoked"])
    ]
    return _result([*ended, *_proofs(parameters)])


def _proofs(parameters: Parameters) -> Iterator[Check]:
    for given in parameters["certificates"]:
        for finding in revocation_proof.prove(given, parameters["revocations"]):
            yield check_of(given, finding, given["directory"])


def _result(checks: list[Check]) -> Result:
    changed = any(check.id.endswith(f".{revocation_proof.SESSIONS}") and check.value for check in checks)
    return {"changed": changed, "checks": [check.as_dict() for check in checks]}


def main() -> None:
    """Entry of the module."""
    run_act("certificate_refusal", OPTIONS, plan=plan, apply=apply)


if __name__ == "__main__":
    main()
