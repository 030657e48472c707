# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_request
short_description: Find out which certificates are due, and make the key and the request of the next ones
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - Inspects any number of sets of certificates on the host, and returns of each whether it has to be replaced, and why.
  - For each that is due, a private key is made on the host, kept where no other user can read it, and a request for its
    certificate is returned. The key never leaves the host.
  - Finishes or rolls back first what a run that was killed left half done.
  - What is in service is not touched. M(xorb.runbook.certificate_deploy) puts the new certificate into service.
options:
  force:
    description: Whether sets that are not due are replaced, too.
    type: bool
    default: false
  only_decide:
    description: Only inspect and decide. Nothing is made and nothing is recovered, as in check mode.
    type: bool
    default: false
extends_documentation_fragment:
  - xorb.runbook.certificate_sets
attributes:
  check_mode:
    description: Can run in check mode without changing anything.
    support: full
  diff_mode:
    description: Shows which sets would be replaced, and why.
    support: full
  idempotent:
    description: Running it again changes nothing.
    support: full
    details:
      - A pending key is used again until its certificate is in service.
requirements:
  - cryptography (Python library) on the host
seealso:
  - module: xorb.runbook.certificate_deploy
  - module: xorb.runbook.certificate_rotate
"""

EXAMPLES = r"""
- name: Ask for a certificate where one is due
  xorb.runbook.certificate_request:
    certificates:
      - service: nginx
        point: server
        directory: /etc/nginx/tls
        names: [www.example.com, 192.0.2.12]
  register: requested
"""

RETURN = r"""
certificates:
  description:
    - What was found of each set. Its C(lists) are the revocation lists in its file I(crl), each with its issuer and its
      number, and C(trusts) are the authorities in its file C(ca) where there are lists. Names are hexadecimal DER.
  returned: success
  type: list
  elements: dict
  sample:
    - service: nginx
      point: server
      due: true
      reasons: ["CN=www.example.com expires in 6.2 days, 2026-11-30 08:00 UTC"]
      serial: 41C7
      subject: CN=www.example.com
      not_after: 2026-11-30 08:00 UTC
      csr: "-----BEGIN CERTIFICATE REQUEST-----..."
      key_made: true
      lists: [{issuer: '301031', number: 7}]
      trusts: ['301031']
recovered:
  description: What a run that was killed had left half done, and how it was ended.
  returned: success
  type: list
  elements: str
  sample: []
unfinished:
  description: What a run that was killed left half done and is not ended yet.
  returned: success
  type: list
  elements: str
  sample: []
pending:
  description:
    - What of that is not ended by a run with these sets, because ending it takes the password of a set that is none of
      them, or because it is of another kind.
  returned: success
  type: list
  elements: str
  sample: []
"""

from collections.abc import Sequence
from datetime import datetime, timezone

from ansible_collections.xorb.runbook.plugins.module_utils._core import zip_imports

zip_imports.compile_once()

from ansible_collections.xorb.runbook.plugins.module_utils._act import journal as journals
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates import recovery
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates.request import Requested, request
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates.set import set_list
from ansible_collections.xorb.runbook.plugins.module_utils._act.journal import Entry, Journal
from ansible_collections.xorb.runbook.plugins.module_utils._act.module import Parameters, Recovered, Result, run_act
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import Option

OPTIONS = {
    "certificates": set_list({}),
    "force": Option("bool", "Replace every set, whatever state it is in.", default=False),
    "only_decide": Option("bool", "Decide what is due, and make nothing.", default=False),
}


def requested(parameters: Parameters, *, check_mode: bool) -> list[Requested]:
    """What was found of every set, and what is requested of the issuer where one is due."""
    now = datetime.now(timezone.utc)
    given = parameters["certificates"]
    return [request(one, force=parameters["force"], now=now, check_mode=check_mode) for one in given]


def plan(parameters: Parameters) -> Result:
    """Decide which sets are due."""
    found = requested(parameters, check_mode=True)
    left = journals.unfinished(parameters["state_dir"])
    pending = recovery.pending(left, parameters["certificates"])
    return {"changed": any(one.due for one in found), **_result(found, left, pending)}


def apply(parameters: Parameters, _journal: Journal, recovered: Recovered) -> Result:
    """Decide which sets are due, and make keys and requests for them."""
    found = requested(parameters, check_mode=False)
    return {"changed": any(one.key_made for one in found), **_result(found, recovered.left, recovered.left)}


def _result(found: Sequence[Requested], left: Sequence[Entry], pending: Sequence[Entry]) -> Result:
    due = {f"{one.service} {one.point}": "; ".join(one.reasons) for one in found if one.due}
    return {
        "certificates": [one.as_dict() for one in found],
        "unfinished": [entry.summary for entry in left],
        "pending": [entry.summary for entry in pending],
        "diff": {"before": dict.fromkeys(due, "in service"), "after": due},
    }


def main() -> None:
    """Entry of the module."""
    run_act(
        "certificate_request",
        OPTIONS,
        plan=plan,
        apply=apply,
        recoveries=lambda parameters: recovery.recoveries(parameters["certificates"]),
        plan_option="only_decide",
    )


if __name__ == "__main__":
    main()
