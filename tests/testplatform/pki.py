# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A small CA for demo hosts and tests, and certificates of it: good ones and deliberately bad ones.

``python pki.py DIRECTORY --address 192.0.2.12`` makes what is missing or half way to its end, and prints one line for
each pair that it made, and one for the list of revoked certificates. Nothing printed means nothing changed.
``python pki.py DIRECTORY --sign`` issues for a request as ``certificate_issuer_command`` of the collection is asked to.
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
CRL_DAYS = 90
NAMES = ("api", "api.xorb.enterprise", "xorb.enterprise", "web", "localhost")


@dataclasses.dataclass(frozen=True)
class Leaf:
    """A pair to issue: its file names, when it begins and ends (days from now), and whether it is renewed.

    A server has DNS names and the given addresses, a client has none. The unit stands in the subject: the platform lets
    clients in by it.
    """

    name: str
    common_name: str
    names: tuple[str, ...] = ()
    unit: str = "Services"
    begins: int = 0
    ends: int = 90
    renewed: bool = True
    revoked: bool = False

    @property
    def is_client(self) -> bool:
        """Return whether it is for the client's end of a connection."""
        return not self.names


LEAVES = (
    Leaf("server", "api.xorb.enterprise", names=NAMES),
    Leaf("expired", "api.xorb.enterprise", names=NAMES, begins=-40, ends=-1, renewed=False),
    Leaf("postgres", "postgres.xorb.local", names=("postgres", "postgres.xorb.local", "db", "localhost")),
    Leaf("redis", "redis.xorb.local", names=("redis", "redis.xorb.local", "db", "localhost")),
    Leaf("client", "monitor-client.xorb.local", unit="Clients"),
    Leaf("client-expired", "monitor-client.xorb.local", unit="Clients", begins=-40, ends=-1, renewed=False),
    Leaf("client-revoked", "monitor-client.xorb.local", unit="Clients", revoked=True),
    # As the platform's own script issues it: it shakes hands, and is in the wrong unit.
    Leaf("client-service", "monitor-client.xorb.local"),
)


@dataclasses.dataclass(frozen=True)
class Pair:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: Key


def subject(common_name: str, unit: str = "Services") -> x509.Name:
    """Return the platform's form of a subject."""
    parts = ((NameOID.ORGANIZATION_NAME, "XORB Platform"), (NameOID.ORGANIZATIONAL_UNIT_NAME, unit))
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
    """Issue a certificate: a server's for its names and the given addresses, or a client's for its common name."""
    key = ec.generate_private_key(ec.SECP256R1())
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in leaf.names or (leaf.common_name,)]
    if not leaf.is_client:
        names += [x509.IPAddress(ipaddress.ip_address(address)) for address in ("127.0.0.1", *addresses)]
    purpose = ExtendedKeyUsageOID.CLIENT_AUTH if leaf.is_client else ExtendedKeyUsageOID.SERVER_AUTH
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject(leaf.common_name, leaf.unit))
        .issuer_name(authority.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # an hour of grace for clocks that are not quite together
        .not_valid_before(now + leaf.begins * DAY - datetime.timedelta(hours=1))
        .not_valid_after(now + leaf.ends * DAY)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
    )
    return Pair(builder.sign(authority.key, hashes.SHA256()), key)


def make_revocations(authority: Pair, revoked: t.Iterable[int], *, now: datetime.datetime) -> bytes:
    """Make the list of the serial numbers that are revoked, in PEM."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        # an hour of grace for clocks that are not quite together
        .last_update(now - datetime.timedelta(hours=1))
        .next_update(now + CRL_DAYS * DAY)
    )
    for serial in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now).build()
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(authority.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def revocations_stand(path: Path, authority: Pair, revoked: set[int], *, now: datetime.datetime) -> bool:
    """Return whether a list of revoked certificates can stay: of this CA, with these, and in its first half."""
    try:
        found = x509.load_pem_x509_crl(path.read_bytes())
    except (OSError, ValueError):
        return False
    ours = found.is_signature_valid(authority.key.public_key())
    return ours and {one.serial_number for one in found} == revoked and now < found.last_update_utc + CRL_DAYS / 2 * DAY


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
    put(directory / f"{name}-key.pem", key)
    put(directory / f"{name}.pem", certificate)


def put(path: Path, content: bytes) -> None:
    """Write a file in one step, readable by its owner only."""
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
    if identifier != wanted or not (leaf.is_client or found >= set(addresses)):
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
    revoked: set[int] = set()
    for leaf in LEAVES:
        pair = read(directory, leaf.name)
        if pair is None or not stands(pair, leaf, authority, addresses, now=now):
            pair = issue(authority, leaf, addresses, now=now)
            write(directory, leaf.name, pair)
            made.append(leaf.name)
        if leaf.revoked:
            revoked.add(pair.certificate.serial_number)
    if not revocations_stand(directory / "crl.pem", authority, revoked, now=now):
        put(directory / "crl.pem", make_revocations(authority, revoked, now=now))
        made.append("crl")
    return made


def sign(
    authority: Pair, request: x509.CertificateSigningRequest, wanted: t.Mapping[str, str], *, now: datetime.datetime
) -> x509.Certificate:
    """Issue what ``certificate_issuer_command`` is asked for: the key of a request, all else from its environment."""
    profile = wanted["CERTIFICATE_PROFILE"]
    purposes = {"server": ExtendedKeyUsageOID.SERVER_AUTH, "client": ExtendedKeyUsageOID.CLIENT_AUTH}
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject(wanted["CERTIFICATE_COMMON_NAME"], "Clients" if profile == "client" else "Services"))
        .issuer_name(authority.certificate.subject)
        .public_key(request.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + float(wanted["CERTIFICATE_DAYS"]) * DAY)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(authority=False), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([oid for name, oid in purposes.items() if profile in (name, "both")]), critical=False
        )
        .add_extension(
            x509.SubjectAlternativeName([general_name(name) for name in wanted["CERTIFICATE_NAMES"].split(",")]),
            critical=False,
        )
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
    )
    return builder.sign(authority.key, hashes.SHA256())


def general_name(text: str) -> x509.GeneralName:
    """Return an address or a DNS name."""
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def answer(directory: Path, *, now: datetime.datetime) -> int:
    """Issue for the request on the standard input; print the chain."""
    authority = read(directory, "ca")
    if authority is None:
        print(f"{directory}: there is no CA", file=sys.stderr)
        return 1
    request = x509.load_pem_x509_csr(sys.stdin.buffer.read())
    for certificate in (sign(authority, request, os.environ, now=now), authority.certificate):
        print(certificate.public_bytes(serialization.Encoding.PEM).decode(), end="")
    return 0


def main(words: t.Sequence[str]) -> int:
    """Make the files; print the names of those made. With ``--sign``, issue for the request on the standard input."""
    parser = argparse.ArgumentParser(description="A small CA for demo hosts and tests.")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--address", action="append", default=[], help="an address that the server is reached by")
    parser.add_argument("--sign", action="store_true", help="issue for the request on the standard input")
    arguments = parser.parse_args(words)
    now = datetime.datetime.now(tz=datetime.UTC)
    if arguments.sign:
        return answer(arguments.directory, now=now)
    for name in ensure(arguments.directory, arguments.address, now=now):
        print(name)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
