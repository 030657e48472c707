# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Keys, revocation lists and chains of certificates: what files hold, and how it belongs together."""

from __future__ import annotations

import binascii
import contextlib
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import cached_property
from typing import Any

from .._core import drivers
from .certificate import (
    UNKNOWN_KEY,
    Certificate,
    KeyType,
    Unreadable,
    complaint,
    element,
    is_signed,
    moment,
    name_of,
    to_pem,
    unsupported,
    x509,
)


class Encrypted(Unreadable):
    """A key or a PKCS#12 file that none of the given passphrases opens."""


# -- Keys -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Key:
    """A private key, reduced to what may be known of it; nothing here can sign."""

    #: SubjectPublicKeyInfo; empty where the key is encrypted and no passphrase opens it.
    public_key: bytes
    type: KeyType = UNKNOWN_KEY
    encrypted: bool = False

    @property
    def readable(self) -> bool:
        """Whether it could be opened."""
        return bool(self.public_key)

    def matches(self, certificate: Certificate) -> bool:
        """Whether a certificate is of this key."""
        if not self.public_key:
            return False
        if self.public_key == certificate.public_key:
            return True
        # The same key can be written in more than one way: compare as the library writes it.
        try:
            return self.public_key == _public_bytes(certificate.x509.public_key())
        except (ValueError, unsupported()):
            return False


def load_key(data: bytes, passphrases: Sequence[str] = ()) -> Key:
    """The private key in PEM or DER.

    An encrypted one that no passphrase opens is returned without its public part.
    Raises `Unreadable` where there is no key.
    """
    serialization = drivers.load("cryptography.hazmat.primitives.serialization")
    load = serialization.load_pem_private_key if b"-----BEGIN " in data else serialization.load_der_private_key
    if b"BEGIN OPENSSH PRIVATE KEY" in data:
        raise Unreadable("an OpenSSH key, which TLS does not use")
    encrypted = False
    for passphrase in (None, *(text.encode() for text in passphrases)):
        try:
            loaded = _load_unchecked(load, data, passphrase)
        except TypeError:  # how the library says that a passphrase is missing, or that there is nothing to open
            encrypted = encrypted or passphrase is None
        except (ValueError, unsupported()) as exc:
            if not encrypted:
                raise Unreadable(f"no usable private key: {complaint(exc)}") from exc
        else:
            public = loaded.public_key()
            return Key(_public_bytes(public), KeyType.of(public), encrypted)
    return Key(b"", encrypted=True)


def _load_unchecked(load: Any, data: bytes, passphrase: bytes | None) -> Any:
    """Load a key without proving its primes, which takes the library up to a tenth of a second for each."""
    try:
        return load(data, passphrase, unsafe_skip_rsa_key_validation=True)
    except TypeError as exc:
        if "unsafe_skip_rsa_key_validation" not in str(exc):  # came with cryptography 39
            raise
    return load(data, passphrase)


def _public_bytes(public_key: Any) -> bytes:
    serialization = drivers.load("cryptography.hazmat.primitives.serialization")
    written: bytes = public_key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return written


# -- Revocation lists --------------------------------------------------------------------------------------------------


class RevocationList:
    """A CRL: who is revoked, and from when to when it says so."""

    def __init__(self, der: bytes) -> None:
        """Parse the bytes; raises `Unreadable` where they are no CRL."""
        self.der = der
        try:
            self.x509: Any = x509().load_der_x509_crl(der)
        except ValueError as exc:
            raise Unreadable(f"no revocation list: {complaint(exc)}") from exc

    @cached_property
    def pem(self) -> str:
        """The list as text."""
        return to_pem("X509 CRL", self.der)

    @cached_property
    def issuer(self) -> str:
        """Who issued it, as RFC 4514 writes it."""
        return name_of(self.x509, "issuer", self.raw_issuer)

    @cached_property
    def raw_issuer(self) -> bytes:
        """The issuer as its bytes, to compare."""
        written: bytes = self.x509.issuer.public_bytes()
        return written

    @cached_property
    def begins(self) -> datetime:
        """When it was made, UTC."""
        return moment(self.x509, "last_update")

    @cached_property
    def ends(self) -> datetime | None:
        """When the next one is due, UTC; nothing where it does not say."""
        aware = getattr(self.x509, "next_update_utc", None)
        naive = None if hasattr(self.x509, "next_update_utc") else self.x509.next_update
        return aware or (naive.replace(tzinfo=timezone.utc) if naive else None)

    @cached_property
    def number(self) -> int | None:
        """Its number, where it has one."""
        try:
            return int(self.x509.extensions.get_extension_for_class(x509().CRLNumber).value.crl_number)
        except (ValueError, x509().ExtensionNotFound):
            return None

    @cached_property
    def revoked(self) -> dict[int, Any]:
        """What is revoked, by serial number."""
        return {entry.serial_number: entry for entry in self.x509}

    def is_signed_by(self, issuer: Certificate) -> bool:
        """Whether this authority made it."""
        try:
            return bool(self.x509.is_signature_valid(issuer.x509.public_key()))
        except (TypeError, ValueError, unsupported(), drivers.load("cryptography.exceptions").InvalidSignature):
            return False


# -- Chains ------------------------------------------------------------------------------------------------------------


def order_fault(bundle: Sequence[Certificate]) -> str:
    """What is wrong with the order of a bundle: each must be issued by the next; empty where nothing is."""
    for position, (certificate, issuer) in enumerate(zip(bundle, bundle[1:]), start=1):
        if certificate.issued_by(issuer):
            continue
        if any(certificate.issued_by(other) for other in bundle):
            return f"wrong order: the issuer of number {position} is not the next but elsewhere"
        return f"broken: number {position} was not issued by number {position + 1}"
    return ""


def chain_fault(
    leaf: Certificate,
    others: Iterable[Certificate],
    trusted: Sequence[Certificate],
    *,
    now: datetime,
) -> str:
    """Why there is no valid path from a certificate to one that is trusted; empty where there is one.

    ``others`` may stand between. Signatures, dates, the right to issue and path lengths are looked at; name
    constraints and policies are left to those who connect. As with OpenSSL's partial chains, an intermediate that is
    trusted ends the path.
    """
    by_subject: dict[bytes, list[Certificate]] = {}
    for candidate in dict.fromkeys((*trusted, *others)):
        by_subject.setdefault(candidate.raw_subject, []).append(candidate)
    trusts = frozenset(trusted)
    told: list[str] = []

    def climbs(certificate: Certificate, below: tuple[Certificate, ...]) -> bool:
        if certificate in trusts:
            return True
        for issuer in by_subject.get(certificate.raw_issuer, ()):
            if issuer in below or issuer == certificate:
                continue
            fault = _issuing_fault(certificate, issuer, authorities=len(below), now=now)
            if fault:
                told.append(fault)
            elif climbs(issuer, (*below, issuer)):
                return True
        if certificate.self_issued:
            told.append(f"{common(certificate.subject)} is self-signed and not trusted")
        elif certificate.raw_issuer not in by_subject:
            told.append(f"the issuer {common(certificate.issuer)} is missing")
        return False

    return "" if climbs(leaf, ()) else told[0] if told else "no path to a trusted certificate"


def _issuing_fault(certificate: Certificate, issuer: Certificate, *, authorities: int, now: datetime) -> str:
    """Why ``issuer`` is none for a certificate, with so many authorities between it and the leaf."""
    fault = ""
    if not is_signed(certificate, issuer):
        fault = f"did not sign {common(certificate.subject)}"
    elif not issuer.is_authority:
        fault = "is no certificate authority"
    elif issuer.key_usage and "key_cert_sign" not in issuer.key_usage:
        fault = "may not sign certificates"
    elif issuer.path_length is not None and authorities > issuer.path_length:
        fault = f"allows {issuer.path_length} authorities below itself, there are {authorities}"
    elif now < issuer.begins:
        fault = f"is not valid before {issuer.begins:%Y-%m-%d %H:%M} UTC"
    elif issuer.ends <= now:
        fault = f"expired on {issuer.ends:%Y-%m-%d}"
    return f"{common(issuer.subject)} {fault}" if fault else ""


def common(subject: str) -> str:
    """The common name in a subject, or all of it where there is none: short enough for a sentence."""
    for part in subject.split(","):
        if part.startswith("CN="):
            return part
    return subject or "(no subject)"


# -- What a file holds -------------------------------------------------------------------------------------------------


@dataclass
class Content:
    """What was found in the bytes of a file; ``faults`` are what was there and could not be read."""

    form: str = ""
    certificates: list[Certificate] = field(default_factory=list)
    keys: list[Key] = field(default_factory=list)
    crls: list[RevocationList] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    #: It could not be opened, which says nothing about what is inside.
    locked: bool = False


class Reader:
    """Reads bytes, and parses a certificate that it meets again only once: every folder has a copy of the CA."""

    def __init__(self, passphrases: Sequence[str] = ()) -> None:
        self._passphrases = tuple(passphrases)
        self._known: dict[bytes, Certificate] = {}

    def certificate(self, der: bytes) -> Certificate:
        """The certificate of these bytes."""
        known = self._known.get(der)
        if known is None:
            known = self._known[der] = Certificate(der)
        return known

    def content(self, data: bytes) -> Content:
        """Everything that some bytes hold; what is wrong with them becomes faults."""
        found = Content()
        if not data.strip():
            found.faults.append("is empty")
        elif b"-----BEGIN " in data:
            found.form = "PEM"
            self._read_pem(data, found)
        else:
            self._read_binary(data, found)
        return found

    def _read_pem(self, data: bytes, found: Content) -> None:
        for number, (label, block, whole) in enumerate(pem_blocks(data), start=1):
            try:
                self._read_block(label, block, whole, found)
            except Unreadable as exc:
                found.faults.append(f"block {number} ({label or 'unfinished'}): {exc}")
        if not (found.certificates or found.keys or found.crls or found.faults or _holds_known(data)):
            found.faults.append("holds no certificate, key or revocation list")

    def _read_block(self, label: str, block: bytes, whole: bytes, found: Content) -> None:
        if not label:
            raise Unreadable("it has no end")
        if label.endswith("PRIVATE KEY"):
            found.keys.append(load_key(whole, self._passphrases))
        elif label in ("CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"):
            found.certificates.append(self.certificate(_outermost(_decoded(block), label)))
        elif label == "X509 CRL":
            found.crls.append(RevocationList(_decoded(block)))
        elif label not in _KNOWN_LABELS:
            raise Unreadable("of a kind that is not read")

    def _read_binary(self, data: bytes, found: Content) -> None:
        found.form = "DER"
        if data.startswith(b"\xfe\xed\xfe\xed"):
            found.form = "JKS"
            found.faults.append("is a Java keystore, which is not read; PKCS#12 is")
            return
        with contextlib.suppress(Unreadable):
            found.certificates.append(self.certificate(data))
            return
        with contextlib.suppress(Unreadable):
            found.crls.append(RevocationList(data))
            return
        try:
            self._read_pkcs12(data, found)
            return
        except Encrypted as exc:
            found.form, found.locked = "PKCS#12", True
            found.faults.append(str(exc))
            return
        except Unreadable:
            pass
        with contextlib.suppress(Unreadable):
            found.keys.append(load_key(data, self._passphrases))
            return
        found.form = ""
        found.faults.append("is no certificate, key or revocation list")

    def _read_pkcs12(self, data: bytes, found: Content) -> None:
        if not _looks_like_pkcs12(data):
            raise Unreadable("no PKCS#12")
        pkcs12 = drivers.load("cryptography.hazmat.primitives.serialization.pkcs12")
        serialization = drivers.load("cryptography.hazmat.primitives.serialization")
        for passphrase in (None, b"", *(text.encode() for text in self._passphrases)):
            try:
                with warnings.catch_warnings():  # files of others are not always as strict as the library would like
                    warnings.simplefilter("ignore")
                    opened = pkcs12.load_pkcs12(data, passphrase)
            except (ValueError, TypeError, unsupported()):
                continue
            found.form = "PKCS#12"
            held = [opened.cert, *opened.additional_certs]
            encoding = serialization.Encoding.DER
            found.certificates += [self.certificate(one.certificate.public_bytes(encoding)) for one in held if one]
            if opened.key is not None:
                public = opened.key.public_key()
                found.keys.append(Key(_public_bytes(public), KeyType.of(public), encrypted=bool(passphrase)))
            return
        raise Encrypted("is PKCS#12 that none of the given passphrases opens")


#: Labels of PEM blocks that belong beside certificates and say nothing to judge.
_KNOWN_LABELS = frozenset(
    {"CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST", "PUBLIC KEY", "DH PARAMETERS", "EC PARAMETERS"}
)


def _holds_known(data: bytes) -> bool:
    return any(label in _KNOWN_LABELS for label, _block, _whole in pem_blocks(data))


def load_bundle(data: bytes) -> list[Certificate]:
    """Every certificate in some PEM or DER bytes, in their order.

    Raises `Unreadable` where there is none, or anything that cannot be read.
    """
    found = Reader().content(data)
    if found.faults:
        raise Unreadable("; ".join(found.faults))
    if not found.certificates:
        raise Unreadable("holds no certificate")
    return found.certificates


def pem_blocks(data: bytes) -> Iterator[tuple[str, bytes, bytes]]:
    """Yield each block as its label, its body and the whole; one that has no end has no label."""
    start = data.find(b"-----BEGIN ")
    while start >= 0:
        label_ends = data.find(b"-----", start + 11)
        label = data[start + 11 : label_ends] if label_ends > 0 else b""
        marker = b"-----END " + label + b"-----"
        ends = data.find(marker, label_ends) if label and b"\n" not in label else -1
        following = data.find(b"-----BEGIN ", start + 11)
        if ends < 0 or 0 <= following < ends:
            yield "", b"", b""
            start = following
            continue
        yield label.decode("ascii", "replace"), data[label_ends + 5 : ends], data[start : ends + len(marker)] + b"\n"
        start = following


def _decoded(block: bytes) -> bytes:
    try:
        return binascii.a2b_base64(block)
    except binascii.Error as exc:
        raise Unreadable(f"its base64 is damaged: {exc}") from exc


def _outermost(der: bytes, label: str) -> bytes:
    """The first element alone: OpenSSL's trusted certificates have settings of its own behind."""
    if label != "TRUSTED CERTIFICATE":
        return der
    try:
        return der[: element(der, 0)[1]]
    except IndexError:
        return der


def _looks_like_pkcs12(der: bytes) -> bool:
    """Whether it begins as PKCS#12 does: a sequence of the version 3 and something of PKCS#7."""
    try:
        content, _ends = element(der, 0)
        return der[0] == 0x30 and der[content : content + 3] == b"\x02\x01\x03"  # noqa: PLR2004 - a sequence
    except IndexError:
        return False
