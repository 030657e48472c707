# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A small CA for demo hosts and tests, and server certificates of it: good ones and deliberately bad ones.

``python pki.py DIRECTORY --address 192.0.2.12`` makes what is missing or half way to its end, and prints one line for
each pair that it made. Nothing printed means nothing changed.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import ipaddress
import os
import sys
import typing as t
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = ec.EllipticCurvePrivateKey
DAY = datetime.timedelta(days=1)
CA_DAYS = 3650
NAMES = ("api", "api.xorb.enterprise", "xorb.enterprise", "web", "localhost")


@dataclasses.dataclass(frozen=True)
class Leaf:
    """A pair to issue: its file names, when it begins and ends (days from now), and whether it is renewed."""

    name: str
    begins: int
    ends: int
    renewed: bool = True


LEAVES = (
    Leaf("server", begins=0, ends=90),
    Leaf("expired", begins=-40, ends=-1, renewed=False),
)


@dataclasses.dataclass(frozen=True)
class Pair:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: Key


def subject(common_name: str) -> x509.Name:
    """Return the platform's form of a subject."""
    parts = ((NameOID.ORGANIZATION_NAME, "XORB Platform"), (NameOID.ORGANIZATIONAL_UNIT_NAME, "Services"))
    attributes = [x509.NameAttribute(oid, value) for oid, value in parts]
    return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def make_authority(*, now: datetime.datetime) -> Pair:
    """Make a root that may sign leaves only; it began long ago, so that it covers the expired ones too."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = subject("XORB Demo CA")
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 365 * DAY)
        .not_valid_after(now + CA_DAYS * DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return Pair(builder.sign(key, hashes.SHA256()), key)


def issue(authority: Pair, leaf: Leaf, addresses: t.Sequence[str], *, now: datetime.datetime) -> Pair:
    """Issue a server certificate for the platform's names and the given addresses."""
    key = ec.generate_private_key(ec.SECP256R1())
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in NAMES]
    names += [x509.IPAddress(ipaddress.ip_address(address)) for address in ("127.0.0.1", *addresses)]
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject("api.xorb.enterprise"))
        .issuer_name(authority.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # an hour of grace for clocks that are not quite together
        .not_valid_before(now + leaf.begins * DAY - datetime.timedelta(hours=1))
        .not_valid_after(now + leaf.ends * DAY)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
    )
    return Pair(builder.sign(authority.key, hashes.SHA256()), key)


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def read(directory: Path, name: str) -> Pair | None:
    """Return a pair from its files; none when one is missing or they do not belong together."""
    try:
        certificate = x509.load_pem_x509_certificate((directory / f"{name}.pem").read_bytes())
        key = serialization.load_pem_private_key((directory / f"{name}-key.pem").read_bytes(), password=None)
    except (OSError, ValueError):
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        return None
    return Pair(certificate, key)


def write(directory: Path, name: str, pair: Pair) -> None:
    """Write a pair, each file in one step, the key readable by its owner only."""
    key = pair.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    certificate = pair.certificate.public_bytes(serialization.Encoding.PEM)
    for path, content in ((directory / f"{name}-key.pem", key), (directory / f"{name}.pem", certificate)):
        beside = path.with_suffix(".new")
        beside.unlink(missing_ok=True)
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        beside.replace(path)


def stands(pair: Pair, leaf: Leaf, authority: Pair, addresses: t.Sequence[str], *, now: datetime.datetime) -> bool:
    """Return whether an issued pair can stay: of this CA, for these addresses, and in its first half."""
    extension = pair.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    found = {str(address) for address in extension.value.get_values_for_type(x509.IPAddress)}
    identifier = pair.certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    wanted = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    if identifier != wanted or not found >= set(addresses):
        return False
    begin, end = pair.certificate.not_valid_before_utc, pair.certificate.not_valid_after_utc
    return not leaf.renewed or now < begin + (end - begin) / 2


def ensure(directory: Path, addresses: t.Sequence[str], *, now: datetime.datetime) -> list[str]:
    """Make what is missing or due; return the names of what was made."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    made: list[str] = []
    authority = read(directory, "ca")
    if authority is None:
        authority = make_authority(now=now)
        write(directory, "ca", authority)
        made.append("ca")
    for leaf in LEAVES:
        pair = read(directory, leaf.name)
        if pair is None or not stands(pair, leaf, authority, addresses, now=now):
            write(directory, leaf.name, issue(authority, leaf, addresses, now=now))
            made.append(leaf.name)
    return made


def main(words: t.Sequence[str]) -> int:
    """Make the files; print the names of those made."""
    parser = argparse.ArgumentParser(description="A small CA for demo hosts and tests.")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--address", action="append", default=[], help="an address that the server is reached by")
    arguments = parser.parse_args(words)
    for name in ensure(arguments.directory, arguments.address, now=datetime.datetime.now(tz=datetime.UTC)):
        print(name)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
