# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_info
short_description: Look at certificates in files and on ports
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - Reads whole trees of files in one call, and in them PEM with all that it holds, DER, PKCS#12, revocation lists and
    keys. Shakes hands with any number of ports that speak TLS, at once or after a request as PostgreSQL wants it.
  - Judges expiry, keys, chains, names, strength, revocation and permissions as checks, and lists each single finding
    with its file. A file that is no certificate is a finding.
  - Changes nothing, and runs no other program. The module fails only where nothing can be inspected, because its
    options are wrong or the library is missing.
  - The same checks are made by the kinds C(certificate), C(certificate_files) and C(tls) of a platform description.
requirements:
  - cryptography 38 or newer (Python library) on the host that runs the module
extends_documentation_fragment:
  - xorb.runbook._attributes
  - xorb.runbook._certificates.info
seealso:
  - module: xorb.runbook.probe
"""

EXAMPLES = r"""
- name: Look at every certificate of the platform
  xorb.runbook.certificate_info:
    paths: [/opt/shop/secrets/tls]
    excluded: [backups, "*.p12"]
    trust: /opt/shop/secrets/tls/ca/ca-chain.cert.pem
    crls: [/opt/shop/secrets/tls/ca/intermediate/crl/intermediate.crl.pem]
  register: inspected

- name: Show what is wrong with which file
  ansible.builtin.debug:
    msg: "{{ inspected.findings | map(attribute='message') | list }}"

- name: Compare what is served with what is on the disk, over TLS, PostgreSQL and Redis
  xorb.runbook.certificate_info:
    detail: full
    endpoints:
      - port: 443
        server_name: shop.example.com
        ca: /etc/nginx/tls/ca.pem
        certificate: /etc/nginx/tls/fullchain.pem
      - port: 5432
        starttls: postgres
        ca: /etc/postgresql/tls/ca.pem
        certificate: /etc/postgresql/tls/cert.pem
      - port: 6379
        ca: /etc/redis/tls/ca.pem
        client_cert: /etc/shop/monitor.pem
        client_key: /etc/shop/monitor-key.pem
  register: inspected

- name: Show how long each has left
  ansible.builtin.debug:
    msg: "{{ inspected.endpoints | map(attribute='days_left') | list }}"
"""

RETURN = r"""
checks:
  description:
    - The judgement of each aspect, as M(xorb.runbook.probe) returns it. The point is C(files) for all files together,
      and address and port for an endpoint.
  returned: success
  type: list
  elements: dict
  sample:
    - id: certificates.files.expiry
      name: certificates files expiry
      topic: certificates
      service: certificates
      host: ''
      owner: localhost
      target: localhost:/opt/shop/secrets/tls
      status: warning
      message: 'api/cert.pem: CN=api.example.com expires in 9.5 days, 2026-12-05 00:00 UTC'
      value: 9.5
      unit: days
      warning: 10.0
      critical: 5.0
      threshold_source: the runbook (7 days) and the certificate's lifetime
      remedy: ''
      blocked_by: ''
      observed_at: '2026-11-25T12:00:00.123Z'
      duration_ms: 4.6
      falling: true
      about: by= is=expiry certificate=2928dcbff3077c51a63acd1e7ddf94c0 chain=2928dcbff3077c51a63acd1e7ddf94c0
findings:
  description: Each single thing that is wrong or could not be found out, with its location.
  returned: success
  type: list
  elements: dict
  sample:
    - aspect: key
      status: critical
      location: api/key.pem
      position:
      message: does not match the certificate in api/cert.pem
  contains:
    aspect:
      description: The aspect of the check that it belongs to.
      returned: success
      type: str
      sample: key
    status:
      description: V(warning), V(unknown) or V(critical).
      returned: success
      type: str
      sample: critical
    location:
      description: The file, from the given folder on, or address and port.
      returned: success
      type: str
      sample: api/key.pem
    position:
      description: Number of the certificate in the file, counted from 1, where it is about one.
      returned: success
      type: int
      sample: 1
    message:
      description: One sentence with the evidence.
      returned: success
      type: str
      sample: does not match the certificate in api/cert.pem
summary:
  description: How much there is, and how much is wrong with it.
  returned: success
  type: dict
  sample:
    files: 24
    certificates: 31
    keys: 8
    revocation_lists: 1
    endpoints: 0
    expired: 0
    next_expiry: {subject: CN=api.example.com, ends: '2026-12-05T00:00:00Z', days_left: 9.5}
    findings: {critical: 1, unknown: 0, warning: 1}
certificates:
  description: Every certificate of every file, in the order of the files and of their contents.
  returned: when O(detail=full)
  type: list
  elements: dict
  sample:
    - file: /opt/shop/secrets/tls/api/cert.pem
      position: 1
      format: PEM
      subject: CN=api.example.com,OU=Services,O=Shop
      issuer: CN=Shop Intermediate CA,O=Shop
      names: [api.example.com, localhost, 127.0.0.1]
      serial: 0A1B2C3D
      fingerprint: 4b9dc3cf0f0b7fa3bcd9e5e4be28a3c7a9b4cbd0db6cc0e3b7a1b3bd5e0a91d2
      begins: '2026-11-05T00:00:00Z'
      ends: '2026-12-05T00:00:00Z'
      days_left: 9.5
      share_left: 0.317
      key_type: ecdsa-p256
      key_bits: 256
      signature_algorithm: ecdsa-with-SHA256
      usage: [digital_signature, serverAuth]
      authority: false
      self_signed: false
keys:
  description: Every private key, as far as it may be shown.
  returned: when O(detail=full)
  type: list
  elements: dict
  sample:
    - file: /opt/shop/secrets/tls/api/key.pem
      type: ecdsa-p256
      encrypted: false
      mode: '0400'
revocation_lists:
  description: Every revocation list.
  returned: when O(detail=full)
  type: list
  elements: dict
  sample:
    - file: ca/intermediate/crl/intermediate.crl.pem
      issuer: CN=Shop Intermediate CA,O=Shop
      number: 7
      begins: '2026-11-05T00:00:00Z'
      ends: '2026-12-05T00:00:00Z'
      revoked: 2
endpoints:
  description: What each port serves that shook hands, with the fields of a certificate as above.
  returned: when O(detail=full)
  type: list
  elements: dict
  sample:
    - address: localhost:443
      agreed: TLSv1.3, TLS_AES_256_GCM_SHA384, 256 bits
      subject: CN=api.example.com,OU=Services,O=Shop
      days_left: 9.5
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.xorb.runbook.plugins.module_utils._core import zip_imports

zip_imports.compile_once()

from ansible_collections.xorb.runbook.plugins.module_utils._core import drivers, surroundings
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import argument_spec
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.certificate_info import OPTIONS, inspect


def main() -> None:
    """Entry of the module."""
    surroundings.leave()
    module = AnsibleModule(
        argument_spec=argument_spec(OPTIONS),
        required_one_of=[("paths", "endpoints")],
        supports_check_mode=True,
    )
    try:
        drivers.load("cryptography.x509")
        result = inspect(module.params, owner="localhost")
    except RunbookError as exc:
        module.fail_json(msg=str(exc), **exc.details)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
