# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Certificates and revocation lists with whatever extensions and names a test wants, sound or not."""

from __future__ import annotations

import ssl
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID

from tests.support.issuing import DAY, SHA256, Issued, general_name, new_key

UTF8, PRINTABLE, BMP = _ASN1Type.UTF8String, _ASN1Type.PrintableString, _ASN1Type.BMPString

#: An extension, and whether it is critical.
Extension = tuple[x509.ExtensionType, bool]


@cache
def key(number: int) -> Any:
    """One of some keys that are made once: making one costs more than all the rest."""
    del number
    return new_key()


def subject(common: str, organization: str = "Test", kind: Any = UTF8) -> x509.Name:
    """A subject in a type of string."""
    parts = ((NameOID.ORGANIZATION_NAME, organization), (NameOID.COMMON_NAME, common))
    return x509.Name([x509.NameAttribute(oid, value, _type=kind) for oid, value in parts])


def certificate(
    name: x509.Name,
    own: Any,
    issuer: x509.Name,
    signer: Any,
    extensions: Iterable[Extension] = (),
    *,
    begins: timedelta = -DAY,
    ends: timedelta = 60 * DAY,
    serial: int | None = None,
) -> Issued:
    """A certificate as it is said, without any judgement."""
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(own.public_key())
        .serial_number(serial or x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
    )
    for value, critical in extensions:
        builder = builder.add_extension(value, critical)
    return Issued(builder.sign(signer, SHA256), own)


def authority(*, ca: bool = True, path_length: int | None = None) -> Extension:
    """Basic constraints."""
    return x509.BasicConstraints(ca=ca, path_length=path_length), True


def key_usage(*allowed: str) -> Extension:
    """What a key may be used for, and nothing else."""
    every = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{one: one in allowed for one in every}), True


def unknown(*, critical: bool = True) -> Extension:
    """An extension that nobody knows."""
    return x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.5"), b"\x05\x00"), critical


def names_of(*names: str) -> Extension:
    """Alternative names."""
    return x509.SubjectAlternativeName([general_name(one) for one in names]), False


def revocations(
    issuer: x509.Name,
    signer: Any,
    revoked: Sequence[tuple[int, x509.ReasonFlags | None]] = (),
    extensions: Iterable[Extension] = (),
    *,
    begins: timedelta = -DAY,
    ends: timedelta = 29 * DAY,
) -> x509.CertificateRevocationList:
    """A list of serial numbers with their reasons."""
    now = datetime.now(UTC)
    builder = x509.CertificateRevocationListBuilder(issuer).last_update(now + begins).next_update(now + ends)
    for value, critical in extensions:
        builder = builder.add_extension(value, critical)
    for serial, reason in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now + begins)
        if reason is not None:
            entry = entry.add_extension(x509.CRLReason(reason), critical=False)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(signer, SHA256)


@cache
def pss_chain() -> tuple[bytes, bytes]:
    """A root and a leaf, each signed by RSA-PSS: by openssl, since old releases of the library cannot."""
    pss = ("-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32")
    new = ("-newkey", "rsa:2048", "-nodes")
    names = ("-addext", "subjectAltName=DNS:pss")
    with tempfile.TemporaryDirectory() as folder:

        def openssl(*words: str) -> None:
            subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

        openssl("req", "-x509", *new, *pss, "-keyout", "ca.key", "-out", "ca", "-subj", "/CN=pss root", "-days", "90")
        openssl("req", *new, *names, "-keyout", "key", "-out", "csr", "-subj", "/CN=pss")
        sign = ("x509", "-req", "-in", "csr", "-CA", "ca", "-CAkey", "ca.key", "-copy_extensions", "copy", *pss)
        openssl(*sign, "-days", "90", "-out", "leaf")
        top, leaf = (ssl.PEM_cert_to_DER_cert((Path(folder) / name).read_text()) for name in ("ca", "leaf"))
    return top, leaf
