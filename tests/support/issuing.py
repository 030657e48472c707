# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Certificates of every kind, good and bad, as a test wants them: nothing here is said that is not written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = timedelta(days=1)
SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
SHA256 = hashes.SHA256()
ENCODING = serialization.Encoding


def new_key() -> Any:
    """A key that is quickly made."""
    return ec.generate_private_key(ec.SECP256R1())


def name(common: str) -> x509.Name:
    """A subject."""
    parts = ((NameOID.ORGANIZATION_NAME, "Test"), (NameOID.COMMON_NAME, common))
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])


def key_pem(key: Any, passphrase: bytes | None = None) -> bytes:
    """A key as PEM, encrypted where there is a passphrase."""
    form = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    written: bytes = key.private_bytes(ENCODING.PEM, serialization.PrivateFormat.PKCS8, form)
    return written


@dataclass(frozen=True)
class Issued:
    """A certificate with its key, and the one who may issue others where it is an authority."""

    certificate: x509.Certificate
    key: Any

    @property
    def pem(self) -> bytes:
        """The certificate as PEM."""
        return self.certificate.public_bytes(ENCODING.PEM)

    @property
    def der(self) -> bytes:
        """The certificate as DER."""
        return self.certificate.public_bytes(ENCODING.DER)

    @property
    def key_pem(self) -> bytes:
        """The key as PEM."""
        return key_pem(self.key)

    def issue(
        self,
        common: str = "leaf",
        *,
        names: Sequence[str] | None = None,
        begins: timedelta = -DAY,
        ends: timedelta = 89 * DAY,
        usage: Iterable[Any] | None = (SERVER,),
        key: Any = None,
        algorithm: Any = SHA256,
    ) -> Issued:
        """A leaf; its common name is its one alternative name unless others are given."""
        key = key or new_key()
        builder = _builder(common, self.certificate.subject, key, begins, ends)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        covered = [common] if names is None else names
        if covered:
            alternatives = x509.SubjectAlternativeName([general_name(one) for one in covered])
            builder = builder.add_extension(alternatives, critical=False)
        if usage is not None:
            builder = builder.add_extension(x509.ExtendedKeyUsage(list(usage)), critical=False)
        return Issued(builder.sign(self.key, algorithm), key)

    def authority(self, common: str, *, ends: timedelta = 1825 * DAY, path_length: int | None = 0) -> Issued:
        """An authority below this one."""
        key = new_key()
        builder = _builder(common, self.certificate.subject, key, -DAY, ends)
        return Issued(_authority(builder, path_length).sign(self.key, SHA256), key)

    def crl(
        self,
        *revoked: Issued,
        begins: timedelta = -DAY,
        ends: timedelta = 29 * DAY,
        key: Any = None,
        number: int = 7,
    ) -> x509.CertificateRevocationList:
        """A list of what is revoked, from one time to another, both counted from now."""
        now = datetime.now(UTC)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(now + begins)
            .next_update(now + ends)
            .add_extension(x509.CRLNumber(number), critical=False)
        )
        for one in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(one.certificate.serial_number)
            entry = entry.revocation_date(now + begins)
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(key or self.key, SHA256)


def crl_pem(*lists: x509.CertificateRevocationList) -> str:
    """Lists as PEM."""
    return "".join(one.public_bytes(ENCODING.PEM).decode() for one in lists)


def root(
    common: str = "Root", *, begins: timedelta = -DAY, ends: timedelta = 3650 * DAY, path_length: int | None = None
) -> Issued:
    """An authority over which there is none."""
    key = new_key()
    builder = _authority(_builder(common, name(common), key, begins, ends), path_length)
    return Issued(builder.sign(key, SHA256), key)


def self_signed(common: str = "self") -> Issued:
    """A leaf that nobody vouches for but itself."""
    key = new_key()
    builder = _builder(common, name(common), key, -DAY, 89 * DAY)
    builder = builder.add_extension(x509.SubjectAlternativeName([general_name(common)]), critical=False)
    return Issued(builder.sign(key, SHA256), key)


def general_name(text: str) -> x509.GeneralName:
    """A DNS name or an address."""
    try:
        return x509.IPAddress(ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _authority(builder: x509.CertificateBuilder, path_length: int | None) -> x509.CertificateBuilder:
    return builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)


def _builder(common: str, issuer: x509.Name, key: Any, begins: timedelta, ends: timedelta) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name(common))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
    )
