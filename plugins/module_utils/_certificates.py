# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Certificates, keys and revocation lists: what files hold, what each says, and how they belong together.

The only place that knows the library ``cryptography``, from release 38 on. What has to be known of ten thousand
certificates is read when it is asked for, and once.
"""

from __future__ import annotations

import binascii
import contextlib
import hashlib
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import cached_property
from ipaddress import ip_address
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils import _drivers
from ansible_collections.xorb.runbook.plugins.module_utils._errors import RunbookError

DAY = timedelta(days=1)

#: What OpenSSL calls the curves that certificates have.
CURVES = {"secp256r1": "p256", "secp384r1": "p384", "secp521r1": "p521"}

#: Where a certificate's own fields begin: version, serial, signature, issuer, validity, subject, public key.
_SERIAL, _SIGNATURE, _ISSUER, _VALIDITY, _SUBJECT, _PUBLIC_KEY = range(6)


class Unreadable(RunbookError):
    """Bytes that are not what they should be; the message says what is wrong with them."""


class Encrypted(Unreadable):
    """A key or a PKCS#12 file that none of the given passphrases opens."""


# -- Certificates -----------------------------------------------------------------------------------------------------


class Certificate:
    """One certificate, whoever has it: two with the same bytes are the same."""

    def __init__(self, der: bytes) -> None:
        """Parse the bytes; raises `Unreadable` where they are no certificate."""
        self.der = der
        try:
            self.x509: Any = _x509().load_der_x509_certificate(der)
        except ValueError as exc:
            raise Unreadable(f"no certificate: {_told(exc)}") from exc

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Certificate) and self.der == other.der

    def __hash__(self) -> int:
        return hash(self.der)

    @cached_property
    def pem(self) -> str:
        """The certificate as text."""
        return to_pem("CERTIFICATE", self.der)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the whole, in hexadecimal digits."""
        return hashlib.sha256(self.der).hexdigest()

    @cached_property
    def serial(self) -> str:
        """Serial number in hexadecimal digits, an even number of them, as openssl prints it."""
        digits = f"{self.x509.serial_number:X}"
        return digits if len(digits) % 2 == 0 else f"0{digits}"

    @cached_property
    def begins(self) -> datetime:
        """When it becomes valid, UTC."""
        return moment(self.x509, "not_valid_before")

    @cached_property
    def ends(self) -> datetime:
        """When it expires, UTC."""
        return moment(self.x509, "not_valid_after")

    @property
    def lifetime(self) -> timedelta:
        """From its first to its last moment."""
        return self.ends - self.begins

    def days_left(self, now: datetime) -> float:
        """Days until it expires, negative after that."""
        return round((self.ends - now) / DAY, 1)

    def share_left(self, now: datetime) -> float:
        """The share of its lifetime that is still to come, from 0 to 1."""
        return round(min(max((self.ends - now) / max(self.lifetime, timedelta(seconds=1)), 0.0), 1.0), 3)

    @cached_property
    def subject(self) -> str:
        """Whose it is, as RFC 4514 writes it."""
        return _name(self.x509, "subject", self.raw_subject)

    @cached_property
    def issuer(self) -> str:
        """Who issued it, as RFC 4514 writes it."""
        return _name(self.x509, "issuer", self.raw_issuer)

    @cached_property
    def _parts(self) -> list[bytes]:
        # Taken out of the bytes: comparing names and keys that the library has made objects of costs many times more,
        # and this has to be done for every certificate.
        return _certificate_parts(self.der)

    @property
    def raw_subject(self) -> bytes:
        """The subject as its bytes, to compare."""
        return self._parts[_SUBJECT]

    @property
    def raw_issuer(self) -> bytes:
        """The issuer as its bytes, to compare."""
        return self._parts[_ISSUER]

    @property
    def public_key(self) -> bytes:
        """The public key (SubjectPublicKeyInfo) as its bytes, to compare."""
        return self._parts[_PUBLIC_KEY]

    @cached_property
    def key(self) -> KeyType:
        """Kind and size of its key."""
        try:
            return KeyType.of(self.x509.public_key())
        except (ValueError, _unsupported()):
            return KeyType("unknown", 0)

    @cached_property
    def signature_hash(self) -> str:
        """Name of the hash that was signed, for example ``sha256``; empty where the signature has none of its own."""
        try:
            algorithm = self.x509.signature_hash_algorithm
        except _unsupported():
            return "unknown"
        return str(algorithm.name) if algorithm else ""

    @cached_property
    def signature_algorithm(self) -> str:
        """Name of the signature's algorithm, for example ``ecdsa-with-SHA256``."""
        oid = self.x509.signature_algorithm_oid
        name = getattr(oid, "_name", "Unknown OID")
        return str(oid.dotted_string if name == "Unknown OID" else name)

    @cached_property
    def _extensions(self) -> dict[str, Any]:
        return {extension.oid.dotted_string: extension.value for extension in self.x509.extensions}

    @cached_property
    def damage(self) -> str:
        """Why its extensions cannot be read; empty where they can."""
        try:
            self._extensions.get("")
        except (ValueError, _x509().DuplicateExtension) as exc:
            return f"its extensions cannot be read: {_told(exc)}"
        return ""

    def _extension(self, oid: str) -> Any:
        """The value of an extension; nothing where there is none, or none that can be read (see `damage`)."""
        return None if self.damage else self._extensions.get(oid)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The subject alternative names: DNS names and addresses as text, other kinds with their kind before them."""
        found = self._extension("2.5.29.17")
        return () if found is None else tuple(_alternative(name) for name in found)

    @property
    def has_names(self) -> bool:
        """Whether it has any alternative name."""
        found = self._extension("2.5.29.17")
        return found is not None and len(found) > 0

    @cached_property
    def is_authority(self) -> bool:
        """Whether it may issue others."""
        constraints = self._extension("2.5.29.19")
        return bool(constraints and constraints.ca)

    @cached_property
    def path_length(self) -> int | None:
        """How many authorities may stand between it and a leaf; nothing where any number may."""
        constraints = self._extension("2.5.29.19")
        return constraints.path_length if constraints else None

    @property
    def self_issued(self) -> bool:
        """Whether it names itself as its issuer, as roots do."""
        return self.raw_subject == self.raw_issuer

    @property
    def is_root(self) -> bool:
        """Whether it is an authority over which there is none."""
        return self.is_authority and self.self_issued

    @cached_property
    def extended_usage(self) -> tuple[str, ...]:
        """What it may be used for, for example ``serverAuth``; empty where nothing is said, which means anything."""
        found = self._extension("2.5.29.37")
        if found is None:
            return ()
        return tuple(getattr(oid, "_name", None) or oid.dotted_string for oid in found)

    @cached_property
    def key_usage(self) -> tuple[str, ...]:
        """What its key may be used for, for example ``key_cert_sign``; empty where nothing is said."""
        found = self._extension("2.5.29.15")
        if found is None:
            return ()
        allowed = [name for name in _KEY_USAGES if getattr(found, name)]
        if found.key_agreement:
            allowed += [name for name in ("encipher_only", "decipher_only") if getattr(found, name)]
        return tuple(allowed)

    def allows(self, purpose: str) -> bool:
        """Whether it may be used so; one that says nothing may be used for anything."""
        return not self.extended_usage or purpose in self.extended_usage or "anyExtendedKeyUsage" in self.extended_usage

    def covers(self, name: str) -> bool:
        """Whether a client that connects to this name or address accepts it: alternative names only, as in RFC 6125."""
        wanted = _normal(name)
        return any(_matches(_normal(pattern), wanted) for pattern in self.names)

    def missing_names(self, names: Iterable[str]) -> list[str]:
        """Those of some names that it does not cover."""
        return [name for name in names if not self.covers(name)]

    def issued_by(self, issuer: Certificate) -> bool:
        """Whether ``issuer`` signed it: its name and its signature say so."""
        return self.raw_issuer == issuer.raw_subject and _is_signed(self, issuer)


_KEY_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
)


@dataclass(frozen=True)
class KeyType:
    """Kind of a key (``rsa``, ``ecdsa``, ``ed25519``, …) and its size in bits."""

    kind: str
    bits: int
    curve: str = ""

    def __str__(self) -> str:
        """As the option ``key_type`` of the description has it."""
        if self.kind == "ecdsa":
            return f"ecdsa-{CURVES.get(self.curve, self.curve)}"
        return f"{self.kind}-{self.bits}" if self.kind in ("rsa", "dsa") else self.kind

    @classmethod
    def of(cls, public_key: Any) -> KeyType:
        """The type of a public key of the library."""
        curve = getattr(public_key, "curve", None)
        if curve is not None:
            return cls("ecdsa", public_key.key_size, curve.name)
        name = type(public_key).__name__.lower()
        kind = next((known for known in ("rsa", "dsa", "ed25519", "ed448") if known in name), name)
        return cls(kind, getattr(public_key, "key_size", 0))


def moment(certificate: Any, name: str) -> datetime:
    """A date of something of the library, aware of its zone.

    The names without ``_utc`` are naive and go away in later releases; those with it came with cryptography 42.
    """
    aware: datetime | None = getattr(certificate, f"{name}_utc", None)
    return aware or getattr(certificate, name).replace(tzinfo=timezone.utc)


#: Names as text by their bytes: writing one costs as much as parsing a whole certificate, and few issue them all.
_NAMES: dict[bytes, str] = {}


def _name(certificate: Any, which: str, raw: bytes) -> str:
    told = _NAMES.get(raw)
    if told is None:
        try:
            told = str(getattr(certificate, which).rfc4514_string())
        except ValueError as exc:  # an encoding that the library refuses
            told = f"(unreadable: {_told(exc)})"
        _NAMES[raw] = told
    return told


def _alternative(name: Any) -> str:
    kind, value = type(name).__name__, name.value
    if kind in ("DNSName", "IPAddress"):
        return str(value)
    if kind == "DirectoryName":
        value = value.rfc4514_string()
    elif kind in ("OtherName", "RegisteredID"):
        value = getattr(name, "type_id", value)
        value = getattr(value, "dotted_string", value)
    return f"{kind}:{value}"


def _normal(name: str) -> str:
    """A name as it is compared: addresses in their one spelling, DNS names in small letters and ASCII."""
    try:
        return str(ip_address(name))
    except ValueError:
        pass
    with contextlib.suppress(UnicodeError):
        name = name.encode("idna").decode("ascii") if not name.isascii() else name
    return name.lower().rstrip(".")


def _matches(pattern: str, wanted: str) -> bool:
    if pattern == wanted:
        return True
    # A star stands for one whole label, the first, and never for an address.
    if not pattern.startswith("*.") or wanted.startswith("*."):
        return False
    first, _dot, rest = wanted.partition(".")
    return bool(first) and rest == pattern[2:] and not rest.replace(".", "").isdigit()


# -- Keys -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Key:
    """A private key, reduced to what may be known of it; nothing here can sign."""

    #: SubjectPublicKeyInfo; empty where the key is encrypted and no passphrase opens it.
    public_key: bytes
    type: KeyType = KeyType("unknown", 0)
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
        except (ValueError, _unsupported()):
            return False


def load_key(data: bytes, passphrases: Sequence[str] = ()) -> Key:
    """The private key in PEM or DER.

    An encrypted one that no passphrase opens is returned without its public part.
    Raises `Unreadable` where there is no key.
    """
    serialization = _drivers.load("cryptography.hazmat.primitives.serialization")
    load = serialization.load_pem_private_key if b"-----BEGIN " in data else serialization.load_der_private_key
    if b"BEGIN OPENSSH PRIVATE KEY" in data:
        raise Unreadable("an OpenSSH key, which TLS does not use")
    encrypted = False
    for passphrase in (None, *(text.encode() for text in passphrases)):
        try:
            loaded = _load_unchecked(load, data, passphrase)
        except TypeError:  # how the library says that a passphrase is missing, or that there is nothing to open
            encrypted = encrypted or passphrase is None
        except (ValueError, _unsupported()) as exc:
            if not encrypted:
                raise Unreadable(f"no usable private key: {_told(exc)}") from exc
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
    serialization = _drivers.load("cryptography.hazmat.primitives.serialization")
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
            self.x509: Any = _x509().load_der_x509_crl(der)
        except ValueError as exc:
            raise Unreadable(f"no revocation list: {_told(exc)}") from exc

    @cached_property
    def pem(self) -> str:
        """The list as text."""
        return to_pem("X509 CRL", self.der)

    @cached_property
    def issuer(self) -> str:
        """Who issued it, as RFC 4514 writes it."""
        return _name(self.x509, "issuer", self.raw_issuer)

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
            return int(self.x509.extensions.get_extension_for_class(_x509().CRLNumber).value.crl_number)
        except (ValueError, _x509().ExtensionNotFound):
            return None

    @cached_property
    def revoked(self) -> dict[int, Any]:
        """What is revoked, by serial number."""
        return {entry.serial_number: entry for entry in self.x509}

    def is_signed_by(self, issuer: Certificate) -> bool:
        """Whether this authority made it."""
        try:
            return bool(self.x509.is_signature_valid(issuer.x509.public_key()))
        except (TypeError, ValueError, _unsupported(), _drivers.load("cryptography.exceptions").InvalidSignature):
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
    if not _is_signed(certificate, issuer):
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


def _is_signed(certificate: Certificate, issuer: Certificate) -> bool:
    invalid = _drivers.load("cryptography.exceptions").InvalidSignature
    try:
        if hasattr(certificate.x509, "verify_directly_issued_by"):  # came with cryptography 40
            certificate.x509.verify_directly_issued_by(issuer.x509)
        else:
            _verify(certificate.x509, issuer.x509.public_key(), issuer.key.kind)
    except (invalid, TypeError, ValueError, _unsupported()):
        return False
    return True


def _verify(certificate: Any, public_key: Any, kind: str) -> None:
    """Raise InvalidSignature where the key did not sign the certificate."""
    signed = (certificate.signature, certificate.tbs_certificate_bytes)
    if kind == "rsa":
        padding = _drivers.load("cryptography.hazmat.primitives.asymmetric.padding")
        public_key.verify(*signed, padding.PKCS1v15(), certificate.signature_hash_algorithm)
    elif kind == "ecdsa":
        ec = _drivers.load("cryptography.hazmat.primitives.asymmetric.ec")
        public_key.verify(*signed, ec.ECDSA(certificate.signature_hash_algorithm))
    elif kind == "dsa":
        public_key.verify(*signed, certificate.signature_hash_algorithm)
    else:
        public_key.verify(*signed)


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
        pkcs12 = _drivers.load("cryptography.hazmat.primitives.serialization.pkcs12")
        serialization = _drivers.load("cryptography.hazmat.primitives.serialization")
        for passphrase in (None, b"", *(text.encode() for text in self._passphrases)):
            try:
                with warnings.catch_warnings():  # files of others are not always as strict as the library would like
                    warnings.simplefilter("ignore")
                    opened = pkcs12.load_pkcs12(data, passphrase)
            except (ValueError, TypeError, _unsupported()):
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


def to_pem(label: str, der: bytes) -> str:
    """Bytes as a PEM block."""
    body = binascii.b2a_base64(der, newline=False).decode("ascii")
    lines = "\n".join(body[start : start + 64] for start in range(0, len(body), 64))
    return f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n"


def _decoded(block: bytes) -> bytes:
    try:
        return binascii.a2b_base64(block)
    except binascii.Error as exc:
        raise Unreadable(f"its base64 is damaged: {exc}") from exc


# -- A little DER ------------------------------------------------------------------------------------------------------


def _element(der: bytes, start: int) -> tuple[int, int]:
    """Where the content of the element at ``start`` begins and ends; raises IndexError past the end."""
    length = der[start + 1]
    content = start + 2
    if length >= 0x80:  # noqa: PLR2004 - the long form: so many bytes follow that hold the length
        count = length & 0x7F
        length = int.from_bytes(der[content : content + count], "big")
        content += count
    return content, content + length


def _certificate_parts(der: bytes) -> list[bytes]:
    """The fields of a certificate that the library has found to be one, from the serial number to the public key."""
    outer, _ends = _element(der, 0)
    position, _ends = _element(der, outer)
    if der[position] == 0xA0:  # noqa: PLR2004 - the version, which is left out where it is the first
        _begins, position = _element(der, position)
    parts = []
    for _part in range(_PUBLIC_KEY + 1):
        _begins, ends = _element(der, position)
        parts.append(der[position:ends])
        position = ends
    return parts


def _outermost(der: bytes, label: str) -> bytes:
    """The first element alone: OpenSSL's trusted certificates have settings of its own behind."""
    if label != "TRUSTED CERTIFICATE":
        return der
    try:
        return der[: _element(der, 0)[1]]
    except IndexError:
        return der


def _looks_like_pkcs12(der: bytes) -> bool:
    """Whether it begins as PKCS#12 does: a sequence of the version 3 and something of PKCS#7."""
    try:
        content, _ends = _element(der, 0)
        return der[0] == 0x30 and der[content : content + 3] == b"\x02\x01\x03"  # noqa: PLR2004 - a sequence
    except IndexError:
        return False


# -- The library -------------------------------------------------------------------------------------------------------


def _x509() -> Any:
    return _drivers.load("cryptography.x509")


def _unsupported() -> type[Exception]:
    unsupported: type[Exception] = _drivers.load("cryptography.exceptions").UnsupportedAlgorithm
    return unsupported


def _told(exc: Exception) -> str:
    """What the library said, in one short line."""
    return " ".join(str(exc).split())[:120] or type(exc).__name__
