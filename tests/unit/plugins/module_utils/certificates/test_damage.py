# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Thousands of damaged certificates, lists and keys: each costs its own file's check, and nothing else.

What is damaged, and where, is the same in every run (`SEED`).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_network

from ansible_collections.xorb.runbook.plugins.module_utils._certificates.bundle import Content, Reader
from ansible_collections.xorb.runbook.plugins.module_utils._certificates.certificate import Certificate, to_pem
from ansible_collections.xorb.runbook.plugins.module_utils._certificates.files import File
from ansible_collections.xorb.runbook.plugins.module_utils._certificates.holdings import Holdings
from ansible_collections.xorb.runbook.plugins.module_utils._certificates.judge import judge
from ansible_collections.xorb.runbook.plugins.module_utils._certificates.summary import good_findings
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.certificate_info import fields
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from tests.support.issuing import CLIENT, ENCODING, SERVER, Issued, general_name, root
from tests.support.odd_certificates import authority, certificate, key, key_usage, pss_chain, revocations, subject

SEED = 20260602
NOW = datetime.now(UTC)
TOP = root()
BETWEEN = TOP.authority("Intermediate")
LEAF = BETWEEN.issue("localhost", names=["localhost", "127.0.0.1"])


def rich() -> Issued:
    """A certificate with everything that is read of one."""
    names = [general_name(one) for one in ("a.example.com", "10.1.1.1", "::1")]
    names += [
        x509.RFC822Name("a@example.com"),
        x509.UniformResourceIdentifier("https://a.example.com"),
        x509.DirectoryName(subject("inside")),
        x509.RegisteredID(x509.ObjectIdentifier("1.2.3")),
        x509.OtherName(x509.ObjectIdentifier("1.2.3"), b"\x05\x00"),
    ]
    identifier = x509.AuthorityKeyIdentifier
    extensions = [
        authority(path_length=1),
        key_usage("key_cert_sign", "crl_sign", "key_agreement", "decipher_only"),
        (x509.ExtendedKeyUsage([SERVER, CLIENT]), False),
        (x509.SubjectAlternativeName(names), False),
        (x509.SubjectKeyIdentifier.from_public_key(key(1).public_key()), False),
        (identifier(b"12345678", [x509.DirectoryName(subject("above"))], 7), False),
        (x509.NameConstraints([x509.DNSName("example.com")], [x509.IPAddress(ip_network("10.0.0.0/8"))]), True),
        (x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier("1.2.3"), ["text"])]), False),
        (x509.CRLDistributionPoints([x509.DistributionPoint(names[4:5], None, None, None)]), False),
    ]
    return certificate(subject("rich"), key(1), TOP.certificate.subject, TOP.key, extensions)


def originals() -> list[tuple[str, bytes]]:
    """What is damaged, with the label that it has in PEM."""
    revoked = [(7, x509.ReasonFlags.key_compromise)]
    part = x509.IssuingDistributionPoint(None, None, True, False, None, False, False)
    extensions = [(x509.CRLNumber(7), False), (part, True)]
    made = revocations(BETWEEN.certificate.subject, BETWEEN.key, revoked, extensions)
    form = (ENCODING.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return [
        *[("CERTIFICATE", rich().der)] * 4,
        ("CERTIFICATE", LEAF.der),
        ("CERTIFICATE", BETWEEN.der),
        ("CERTIFICATE", pss_chain()[1]),
        *[("X509 CRL", made.public_bytes(ENCODING.DER))] * 2,
        ("PRIVATE KEY", LEAF.key.private_bytes(*form)),
    ]


def damaged(number: int) -> Iterator[bytes]:
    """Bytes that were changed in one place, or a few, in DER and in PEM."""
    chance, every = random.Random(SEED), originals()  # noqa: S311 - the same in every run
    for _time in range(number):
        label, der = chance.choice(every)
        changed = bytearray(der)
        for _place in range(chance.choice((1, 1, 1, 2, 5))):
            at = chance.randrange(len(changed))
            # One bit, a byte of another kind, one that is missing or one too many.
            how = chance.randrange(5)
            if how < 2:
                changed[at] ^= 1 << chance.randrange(8)
            elif how == 2:
                changed[at] = chance.choice((0x00, 0x03, 0x0C, 0x13, 0x1E, 0x30, 0x7F, 0x80, 0xA0, 0xFF))
            elif how == 3:
                del changed[at]
            else:
                changed.insert(at, chance.randrange(256))
        yield to_pem(label, bytes(changed)).encode() if chance.random() < 0.5 else bytes(changed)


def file_of(name: str, data: bytes, reader: Reader) -> File:
    return File(f"/{name}", name, reader.content(data), mode=0o400)


def good(reader: Reader) -> list[File]:
    made = BETWEEN.crl().public_bytes(ENCODING.PEM)
    every = {"cert.pem": LEAF.pem, "key.pem": LEAF.key_pem, "fullchain.pem": LEAF.pem + BETWEEN.pem, "crl.pem": made}
    return [file_of(f"good/{name}", data, reader) for name, data in every.items()]


def judged(files: list[File]) -> list[tuple[str, str, str]]:
    """What is said of the good files."""
    holdings = Holdings(files, NOW, trusted=[Certificate(TOP.der), Certificate(BETWEEN.der)])
    assert set(good_findings(holdings)) == {
        "readable", "expiry", "key", "chain", "names", "strength", "revocation", "permissions"
    }  # fmt: skip
    return [(one.aspect, one.status, one.file) for one in judge(holdings) if one.file.startswith("good/")]


def test_damage_costs_its_own_file_alone() -> None:
    reader, batch = Reader(), 100
    cases = list(damaged(4000))
    read = 0
    for begins in range(0, len(cases), batch):
        files = []
        for number, data in enumerate(cases[begins : begins + batch], start=begins):
            file = file_of(f"bad{number}/cert.pem", data, reader)
            held: Content = file.content
            assert held.faults or held.certificates or held.crls or held.keys, data
            for one in held.certificates:
                assert fields(one, NOW)["fingerprint"]
                read += 1
            files.append(file)
        assert judged([*good(reader), *files]) == [], (SEED, begins)
    assert read > 500
    print(SEED, read)
