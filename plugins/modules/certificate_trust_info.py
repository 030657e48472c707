# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_trust_info
short_description: Find out which authorities the services of a host trust, by files and by presenting certificates
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - Returns of each set of certificates by which of some authorities its certificate was issued, and which of them it
    trusts; and of each file of authorities which of them it holds.
  - Where a pair is given with a set, it is presented to every port that lets the set in as a client, to every port that
    serves the set and requests a certificate of its clients, and to a client with the authorities of the set. So it is
    proved that an authority is trusted, or is not any more, before a service relies on it.
  - A server that completes every handshake and refuses the request that follows gets a request for its path C(/), and
    its answer is compared with what a stranger gets.
  - Returns what it found as checks of the topic C(certificates), and fails for none of them.
extends_documentation_fragment:
  - xorb.runbook.certificate_sets.shown
options:
  authorities:
    description: The authorities that are of interest, roots and intermediates, in PEM.
    type: str
    required: true
  files:
    description: Files of authorities that belong to no set.
    type: list
    elements: dict
    default: []
    suboptions:
      service:
        description: Service that reads it.
        type: str
        required: true
      point:
        description: What of that service reads it.
        type: str
        required: true
      path:
        description: The file.
        type: path
        required: true
      accepted:
        description: A pair that every endpoint has to accept.
        type: dict
        suboptions: &pair
          certificate:
            description: A certificate and its issuers, but for the root, in PEM.
            type: str
            required: true
          key:
            description: "Its key, without a passphrase: PKCS8 as DER, in base64."
            type: str
            required: true
      refused:
        description: A pair that no endpoint may accept. It proves something only beside I(accepted).
        type: dict
        suboptions: *pair
  revocations:
    description: The revocation lists that a client would read, in PEM. Without them, its trust alone decides.
    type: str
  check_ports:
    description: Whether each port has to serve the certificate that is in the files of its set.
    type: bool
    default: false
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
  - module: xorb.runbook.certificate_trust
  - module: xorb.runbook.certificate_authority_rotate
"""

EXAMPLES = r"""
- name: Find out whether nginx trusts the next CA
  xorb.runbook.certificate_trust_info:
    authorities: "{{ lookup('ansible.builtin.file', 'next-ca.pem') }}"
    certificates:
      - service: nginx
        point: server
        directory: /etc/nginx/tls
        names: [www.example.com]
        served_by: [{port: 443, server_name: www.example.com}]
"""

RETURN = r"""
certificates:
  description:
    - What was found of each set. C(issuer) and C(trusts) are SHA-256 fingerprints among O(authorities), C(foreign) are
      the other authorities that it trusts, in PEM, and C(fault) is what a port serves instead of what is in the files.
  returned: success
  type: list
  elements: dict
  sample:
    - service: nginx
      point: server
      serial: 5E2A
      issuer: 2bd806c97f0e00af1a1fc3328fa763a9269723c8db8fac4f93af71db186d6e90
      has_trust: true
      reads_lists: true
      trusts: [2bd806c97f0e00af1a1fc3328fa763a9269723c8db8fac4f93af71db186d6e90]
      foreign: ""
      fault: ""
files:
  description: What was found in each file.
  returned: success
  type: list
  elements: dict
  sample:
    - service: api
      point: https
      path: /etc/api/ca.pem
      trusts: [2bd806c97f0e00af1a1fc3328fa763a9269723c8db8fac4f93af71db186d6e90]
      foreign: ""
checks:
  description: Whether each pair was accepted, or refused, as it should be.
  returned: success
  type: list
  elements: dict
  sample:
    - id: nginx.server.acceptance
      status: ok
      message: "port 443: HTTP 404, where a stranger gets HTTP 400 (The SSL certificate error)"
unfinished:
  description: What a run that was killed left half done and is not ended yet.
  returned: success
  type: list
  elements: str
  sample: []
"""

from collections.abc import Iterator, Sequence

from ansible_collections.xorb.runbook.plugins.module_utils._core import zip_imports

zip_imports.compile_once()

from ansible_collections.xorb.runbook.plugins.module_utils._act import journal
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates import trust_info, trust_proof
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates.set import check_of, set_list
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates.trust_info import FILE_OPTIONS
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates.trust_proof import SHOWN_OPTIONS
from ansible_collections.xorb.runbook.plugins.module_utils._act.module import Parameters, Result, run_inspect
from ansible_collections.xorb.runbook.plugins.module_utils._certificates.bundle import load_bundle
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import Check
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import Given, Option

OPTIONS = {
    "certificates": set_list(SHOWN_OPTIONS),
    "files": Option(
        "list",
        "Files of authorities that belong to no set.",
        elements="dict",
        default=[],
        options={**FILE_OPTIONS, **SHOWN_OPTIONS},
    ),
    "authorities": Option("str", "The authorities that are of interest, in PEM.", required=True),
    "revocations": Option("str", "The revocation lists that a client would read, in PEM."),
    "check_ports": Option(
        "bool", "Whether each port has to serve the certificate in the files of its set.", default=False
    ),
}


def inspect(parameters: Parameters) -> Result:
    """Read the files, and present the pairs that are given."""
    authorities = load_bundle(parameters["authorities"].encode())
    check_ports = parameters["check_ports"]
    sets, files = parameters["certificates"], parameters["files"]
    return {
        "certificates": [trust_info.of_set(given, authorities, check_ports=check_ports) for given in sets],
        "files": [trust_info.of_file(given, authorities) for given in files],
        "checks": [check.as_dict() for check in _checks(sets, files, parameters["revocations"])],
        "unfinished": [entry.summary for entry in journal.unfinished(parameters["state_dir"])],
    }


def _checks(sets: Sequence[Given], files: Sequence[Given], revocations: str | None) -> Iterator[Check]:
    for given in sets:
        for finding in trust_proof.prove_set(given, revocations):
            yield check_of(given, finding, given["directory"])
    for given in files:
        for finding in trust_proof.prove_file(given, revocations):
            yield check_of(given, finding, given["path"])


def main() -> None:
    """Entry of the module."""
    run_inspect(OPTIONS, inspect)


if __name__ == "__main__":
    main()
