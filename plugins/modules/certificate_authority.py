# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_authority
short_description: Make, adopt or fix a small certificate authority on the control node
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - Makes a root and an intermediate with encrypted keys where there is no CA, in a directory that C(openssl ca) works
    with, too. Adopts a CA of that layout that openssl made. Puts right what is not as it should be, such as modes,
    links and lists of revoked certificates that are past half of their time.
  - A CA that exists keeps its keys and certificates, whatever the options say about new ones. C(index.txt) is the
    register of everything that was issued.
  - Runs at the same time wait for each other. A run that was killed is finished by the next one, or leaves nothing.
  - Needs cryptography 42 or newer on the control node. Passphrases are never given to another program.
options:
  directory:
    description:
      - Where the CA is on the control node. It is made if it does not exist. A folder that holds something else is
        refused.
    type: path
    required: true
  passphrase:
    description:
      - Encrypts the key of the intermediate, and that of the root unless O(root_passphrase) does.
      - At least 8 characters.
    type: str
    required: true
  root_passphrase:
    description:
      - Encrypts the key of the root, where that has a passphrase of its own.
    type: str
  name:
    description:
      - What a new CA is called. C(Shop) makes C(Shop Root CA) and C(Shop Intermediate CA).
    type: str
    required: true
  subject:
    description:
      - The rest of the subject of a new CA. What it issues inherits all of it but the organizational unit.
    type: dict
    suboptions:
      country:
        description: Two letters.
        type: str
      state:
        description: State or province.
        type: str
      locality:
        description: City.
        type: str
      organization:
        description: Organization.
        type: str
      organizational_unit:
        description: Organizational unit of the CA itself.
        type: str
  key_type:
    description:
      - The keys of a new CA.
    type: str
    choices: [rsa-2048, rsa-3072, rsa-4096, ecdsa-p256, ecdsa-p384]
    default: rsa-4096
  root_days:
    description:
      - For how many days a new root is valid.
    type: int
    default: 3650
  intermediate_days:
    description:
      - For how many days a new intermediate is valid. It never outlives its root.
    type: int
    default: 1825
  crl_days:
    description:
      - For how many days a list of revoked certificates is valid. A new one is made after half of that.
    type: int
    default: 30
  allow_throwaway:
    description:
      - Whether the directory may be inside a container that takes it along when it ends. Only a test wants that.
    type: bool
    default: false
attributes:
  action:
    description: Indicates that this has an action plugin that runs on the control node.
    support: full
  check_mode:
    description: Can run in check mode without changing anything.
    support: full
  diff_mode:
    description: Can show what would change.
    support: full
    details:
      - It lists every change, never a secret.
  idempotent:
    description: Running it again changes nothing.
    support: full
"""

EXAMPLES = r"""
- name: Make the platform's CA
  xorb.runbook.certificate_authority:
    directory: /srv/shop/ca
    passphrase: "{{ vault_certificate_authority_passphrase }}"
    name: Shop
    subject:
      country: CH
      organization: Shop Ltd
      organizational_unit: Security
  delegate_to: localhost
  run_once: true

- name: Adopt the CA that a script made with openssl, whose root has a passphrase of its own
  xorb.runbook.certificate_authority:
    directory: /opt/shop/secrets/tls/ca
    passphrase: "{{ vault_certificate_authority_passphrase }}"
    root_passphrase: "{{ vault_certificate_authority_root_passphrase }}"
    name: Shop
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
msg:
  description: What became of the CA, in one sentence; in check mode, what would be done.
  returned: success
  type: str
  sample: 'The CA in /srv/shop/ca is present: issues until 2031-11-25; certificates: 12 valid, 3 expired, 1 revoked.'
outcome:
  description: Whether the CA was V(created), V(adopted) or was V(present) already.
  returned: success
  type: str
  sample: present
changes:
  description: Everything that was changed, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample: ["make a CRL of the intermediate: it is past half of its time"]
directory:
  description: Where the CA is.
  returned: success
  type: str
  sample: /srv/shop/ca
ca:
  description: Path of what every host has to trust. In a rotation of the CA, it holds the old one and the new one.
  returned: success
  type: str
  sample: /srv/shop/ca/ca.pem
chain:
  description: Path of the chain of the active CA, the intermediate first.
  returned: success
  type: str
  sample: /srv/shop/ca/ca-chain.cert.pem
phase:
  description: How far a rotation of the CA is, V(standby) where there is none, V(prepared) or V(activated).
  returned: when nothing is left to be done in check mode
  type: str
  sample: standby
certificates:
  description: How many certificates the register has as V(valid), V(expired) and V(revoked).
  returned: when nothing is left to be done in check mode
  type: dict
  sample: {"valid": 12, "expired": 3, "revoked": 1}
root:
  description: The root.
  returned: when nothing is left to be done in check mode
  type: dict
  contains: &authority
    subject:
      description: Its subject.
      type: str
    serial:
      description: Its serial number, in hexadecimal.
      type: str
    fingerprint:
      description: The SHA-256 of its certificate.
      type: str
    not_before:
      description: When it began, UTC.
      type: str
    not_after:
      description: When it ends, UTC.
      type: str
    days_left:
      description: Days until then.
      type: float
  sample:
    subject: CN=Shop Root CA,OU=Security,O=Shop Ltd,C=CH
    serial: 148533E38BF16EB93C0E5938A557FDBB5548FAEE
    fingerprint: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    not_before: "2026-11-25T10:00:00Z"
    not_after: "2036-11-22T10:05:00Z"
    days_left: 3650.0
intermediate:
  description: The intermediate, which issues.
  returned: when nothing is left to be done in check mode
  type: dict
  contains: *authority
  sample:
    subject: CN=Shop Intermediate CA,OU=Security,O=Shop Ltd,C=CH
    serial: 3C0E5938A557FDBB5548FAEE148533E38BF16EB9
    fingerprint: 60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752
    not_before: "2026-11-25T10:00:00Z"
    not_after: "2031-11-24T10:05:00Z"
    days_left: 1825.0
crls:
  description: The lists of revoked certificates.
  returned: when nothing is left to be done in check mode
  type: list
  elements: dict
  contains:
    level:
      description: Whose list it is, V(root) or V(intermediate).
      type: str
    path:
      description: Where it is.
      type: str
    number:
      description: Its number, larger than that of every earlier one.
      type: int
    next_update:
      description: Until when it can be used, UTC.
      type: str
  sample:
    - level: intermediate
      path: /srv/shop/ca/intermediate/crl/intermediate.crl.pem
      number: 7
      next_update: "2026-12-25T10:00:00Z"
"""
