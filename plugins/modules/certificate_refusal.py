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
"""

from collections.abc import Iterator
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates import revocation_proof
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates.revocation_proof import REFUSAL_OPTIONS
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates.set import SET_OPTIONS
from ansible_collections.xorb.runbook.plugins.module_utils._act.options import RUN_OPTIONS
from ansible_collections.xorb.runbook.plugins.module_utils._core import surroundings
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import Check, Finding
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import argument_spec
from ansible_collections.xorb.runbook.plugins.module_utils._core.time import timestamp


def run(params: dict[str, Any], *, check_mode: bool) -> Iterator[Check]:
    """End sessions first: one that reconnects with what it had is refused, or seen to be accepted."""
    for given in params["certificates"] if not check_mode else ():
        for finding in revocation_proof.end_sessions(given, params["revoked"]):
            yield _check(given, finding)
    for given in params["certificates"]:
        for finding in revocation_proof.prove(given, params["revocations"]):
            yield _check(given, finding)


def _check(given: dict[str, Any], finding: Finding) -> Check:
    return Check(
        id=f"{given['service']}.{given['point']}.{finding.aspect}",
        name=f"{given['service']} {given['point']} {finding.aspect}",
        topic="certificates",
        service=given["service"],
        host="",
        owner="",
        target=given["directory"],
        status=finding.status,
        message=finding.message,
        value=finding.value,
        observed_at=timestamp(),
    )


def main() -> None:
    """Entry of the module."""
    surroundings.leave()
    module = AnsibleModule(
        argument_spec={
            "certificates": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": argument_spec({**SET_OPTIONS, **REFUSAL_OPTIONS}),
            },
            "revoked": {"type": "list", "elements": "str", "default": []},
            "revocations": {"type": "str", "required": True},
            **argument_spec(RUN_OPTIONS),
        },
        supports_check_mode=True,
    )
    try:
        checks = list(run(module.params, check_mode=module.check_mode))
    except RunbookError as exc:
        module.fail_json(msg=str(exc), **exc.details)
    changed = any(check.id.endswith(f".{revocation_proof.SESSIONS}") and check.value for check in checks)
    module.exit_json(changed=changed, checks=[check.as_dict() for check in checks])


if __name__ == "__main__":
    main()
