# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Builds what a CA signs: certificates of authorities and of services, and lists of revoked ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from . import register
from .crypto import NameOID, ec, ed448, ed25519, hashes, rsa, x509
from .issuance import DAY, PROFILES, Wish
from .register import Row

#: Certificates and lists begin this much in the past, because clocks are never quite together.
CLOCK_GRACE = timedelta(minutes=5)

KEY_TYPES: dict[str, Callable[[], Any]] = {
    "rsa-2048": lambda: rsa.generate_private_key(65537, 2048),
    "rsa-3072": lambda: rsa.generate_private_key(65537, 3072),
    "rsa-4096": lambda: rsa.generate_private_key(65537, 4096),
    "ecdsa-p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ecdsa-p384": lambda: ec.generate_private_key(ec.SECP384R1()),
}

#: What the subject of a certificate takes over from its issuer's.
INHERITED = (
    NameOID.COUNTRY_NAME,
    NameOID.STATE_OR_PROVINCE_NAME,
    NameOID.LOCALITY_NAME,
    NameOID.ORGANIZATION_NAME,
)

#: Hashes by the size of an elliptic curve; everything else is signed with SHA-256.
_HASHES: dict[int, hashes.HashAlgorithm] = {384: hashes.SHA384(), 521: hashes.SHA512()}


@dataclass(frozen=True)
class Signer:
    """A certificate of an authority with its key."""

    certificate: x509.Certificate
    key: Any


def new_key(key_type: str) -> Any:
    """A private key. Raises `RunbookError` for a type that is not in the table."""
    if key_type not in KEY_TYPES:
        raise RunbookError(f"key_type: expected one of {', '.join(KEY_TYPES)}, got {key_type!r}")
    return KEY_TYPES[key_type]()


def key_type_of(certificate: x509.Certificate) -> str:
    """The type of a certificate's key by the name that it has here, or the nearest one."""
    key = certificate.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey):
        return "ecdsa-p256" if key.curve.key_size <= 256 else "ecdsa-p384"  # noqa: PLR2004
    if isinstance(key, rsa.RSAPublicKey):
        return next((f"rsa-{bits}" for bits in (2048, 3072) if key.key_size <= bits), "rsa-4096")
    return "ecdsa-p256"


def authority_certificate(
    subject: x509.Name, key: Any, *, days: float, serial: int, now: datetime, signer: Signer | None = None
) -> x509.Certificate:
    """The certificate of a root, or with a ``signer`` that of an intermediate that may sign no other authority."""
    by = key if signer is None else signer.key
    begins, ends = now - CLOCK_GRACE, now + days * DAY
    if signer:
        _require_valid(signer.certificate, now)
        begins = max(begins, signer.certificate.not_valid_before_utc)
        ends = min(ends, signer.certificate.not_valid_after_utc)
    builder = (
        _builder(subject, key.public_key(), serial, signer, not_before=begins, not_after=ends)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0 if signer else None), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
    )
    return builder.sign(by, _hash(by))


def service_certificate(
    wanted: Wish, public_key: Any, *, serial: int, now: datetime, signer: Signer
) -> x509.Certificate:
    """The certificate of a service or of a client. It never outlives its issuer."""
    issuer = signer.certificate
    _require_valid(issuer, now)
    inherited = [attribute for attribute in issuer.subject if attribute.oid in INHERITED]
    own = ((NameOID.ORGANIZATIONAL_UNIT_NAME, wanted.organizational_unit), (NameOID.COMMON_NAME, wanted.common_name))
    subject = x509.Name([*inherited, *(x509.NameAttribute(oid, value) for oid, value in own)])
    # Only an RSA key can wrap another one, and only clients that offer such old ciphers have it do so.
    wraps = "server" in wanted.profile or wanted.profile == "both"
    builder = (
        _builder(
            subject,
            public_key,
            serial,
            signer,
            not_before=max(now - CLOCK_GRACE, issuer.not_valid_before_utc),
            not_after=min(now + wanted.days * DAY, issuer.not_valid_after_utc),
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(key_encipherment=wraps and isinstance(public_key, rsa.RSAPublicKey)), critical=True)
        .add_extension(x509.ExtendedKeyUsage(PROFILES[wanted.profile]), critical=False)
        .add_extension(x509.SubjectAlternativeName(wanted.names), critical=False)
    )
    return builder.sign(signer.key, _hash(signer.key))


def _require_valid(issuer: x509.Certificate, now: datetime) -> None:
    begins, ends = issuer.not_valid_before_utc, issuer.not_valid_after_utc
    if not begins <= now < ends:
        raise RunbookError(
            f"the CA {issuer.subject.rfc4514_string()} is valid from {begins:%Y-%m-%d %H:%M} to {ends:%Y-%m-%d %H:%M} "
            f"UTC, and now it is {now:%Y-%m-%d %H:%M}: nothing was issued"
        )


def revocation_list(
    rows: Iterable[Row], *, number: int, days: float, now: datetime, signer: Signer
) -> x509.CertificateRevocationList:
    """The list of everything that a register has as revoked."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(signer.certificate.subject)
        .last_update(now - CLOCK_GRACE)
        .next_update(now + days * DAY)
        .add_extension(x509.CRLNumber(number), critical=False)
        .add_extension(_authority_key(signer.certificate), critical=False)
    )
    for row in rows:
        if row.revoked:
            builder = builder.add_revoked_certificate(_revoked(row, now))
    return builder.sign(signer.key, _hash(signer.key))


def _revoked(row: Row, now: datetime) -> x509.RevokedCertificate:
    builder = x509.RevokedCertificateBuilder().serial_number(row.number).revocation_date(row.revoked_at or now)
    flag = register.flag(row.reason)
    return (builder.add_extension(x509.CRLReason(flag), critical=False) if flag else builder).build()


def _builder(
    subject: x509.Name,
    public_key: Any,
    serial: int,
    signer: Signer | None,
    *,
    not_before: datetime,
    not_after: datetime,
) -> x509.CertificateBuilder:
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(public_key)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signer.certificate.subject if signer else subject)
        .public_key(public_key)
        .serial_number(serial)
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(_authority_key(signer.certificate) if signer else authority, critical=False)
    )


def _authority_key(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    """The issuer's key as the issuer itself names it: programs differ in how they make that name."""
    try:
        named = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key())  # type: ignore[arg-type]
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(named)


def _usage(*, key_cert_sign: bool = False, crl_sign: bool = False, key_encipherment: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        key_encipherment=key_encipherment,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _hash(key: Any) -> Any:
    if isinstance(key, (ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey)):
        return None
    size = key.key_size if isinstance(key, ec.EllipticCurvePrivateKey) else 0
    return _HASHES.get(size, hashes.SHA256())
