# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One certificate: what it says, whom it is for, and who signed it.

This file and `bundle` alone know the library ``cryptography``, from release 38 on. What has to be known of ten
thousand certificates is read when it is asked for, and once.
"""

from __future__ import annotations

import binascii
import contextlib
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cached_property
from ipaddress import ip_address
from typing import Any

from .._core import drivers
from .._core.errors import RunbookError

DAY = timedelta(days=1)

#: What OpenSSL calls the curves that certificates have.
CURVES = {"secp256r1": "p256", "secp384r1": "p384", "secp521r1": "p521"}

#: Where a certificate's own fields begin: version, serial, signature, issuer, validity, subject, public key.
_SERIAL, _SIGNATURE, _ISSUER, _VALIDITY, _SUBJECT, _PUBLIC_KEY = range(6)


class Unreadable(RunbookError):
    """Bytes that are not what they should be; the message says what is wrong with them."""


class Certificate:
    """One certificate, whoever has it: two with the same bytes are the same."""

    def __init__(self, der: bytes) -> None:
        """Parse the bytes; raises `Unreadable` where they are no certificate."""
        self.der = der
        try:
            self.x509: Any = x509().load_der_x509_certificate(der)
        except ValueError as exc:
            raise Unreadable(f"no certificate: {complaint(exc)}") from exc

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
        return name_of(self.x509, "subject", self.raw_subject)

    @cached_property
    def issuer(self) -> str:
        """Who issued it, as RFC 4514 writes it."""
        return name_of(self.x509, "issuer", self.raw_issuer)

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
        except (ValueError, unsupported()):
            return UNKNOWN_KEY

    @cached_property
    def signature_hash(self) -> str:
        """Name of the hash that was signed, for example ``sha256``; empty where the signature has none of its own."""
        try:
            algorithm = self.x509.signature_hash_algorithm
        except unsupported():
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
        except (ValueError, x509().DuplicateExtension) as exc:
            return f"its extensions cannot be read: {complaint(exc)}"
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
        return self.raw_issuer == issuer.raw_subject and is_signed(self, issuer)


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


UNKNOWN_KEY = KeyType("unknown", 0)


def moment(certificate: Any, name: str) -> datetime:
    """A date of something of the library, aware of its zone.

    The names without ``_utc`` are naive and go away in later releases; those with it came with cryptography 42.
    """
    aware: datetime | None = getattr(certificate, f"{name}_utc", None)
    return aware or getattr(certificate, name).replace(tzinfo=timezone.utc)


#: Names as text by their bytes: writing one costs as much as parsing a whole certificate, and few issue them all.
_NAMES: dict[bytes, str] = {}


def name_of(certificate: Any, which: str, raw: bytes) -> str:
    told = _NAMES.get(raw)
    if told is None:
        try:
            told = str(getattr(certificate, which).rfc4514_string())
        except ValueError as exc:  # an encoding that the library refuses
            told = f"(unreadable: {complaint(exc)})"
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


def is_signed(certificate: Certificate, issuer: Certificate) -> bool:
    invalid = drivers.load("cryptography.exceptions").InvalidSignature
    try:
        if hasattr(certificate.x509, "verify_directly_issued_by"):  # came with cryptography 40
            certificate.x509.verify_directly_issued_by(issuer.x509)
        else:
            _verify(certificate.x509, issuer.x509.public_key(), issuer.key.kind)
    except (invalid, TypeError, ValueError, unsupported()):
        return False
    return True


def _verify(certificate: Any, public_key: Any, kind: str) -> None:
    """Raise InvalidSignature where the key did not sign the certificate."""
    signed = (certificate.signature, certificate.tbs_certificate_bytes)
    if kind == "rsa":
        padding = drivers.load("cryptography.hazmat.primitives.asymmetric.padding")
        public_key.verify(*signed, padding.PKCS1v15(), certificate.signature_hash_algorithm)
    elif kind == "ecdsa":
        ec = drivers.load("cryptography.hazmat.primitives.asymmetric.ec")
        public_key.verify(*signed, ec.ECDSA(certificate.signature_hash_algorithm))
    elif kind == "dsa":
        public_key.verify(*signed, certificate.signature_hash_algorithm)
    else:
        public_key.verify(*signed)


def to_pem(label: str, der: bytes) -> str:
    """Bytes as a PEM block."""
    body = binascii.b2a_base64(der, newline=False).decode("ascii")
    lines = "\n".join(body[start : start + 64] for start in range(0, len(body), 64))
    return f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n"


# -- A little DER ------------------------------------------------------------------------------------------------------


def element(der: bytes, start: int) -> tuple[int, int]:
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
    outer, _ends = element(der, 0)
    position, _ends = element(der, outer)
    if der[position] == 0xA0:  # noqa: PLR2004 - the version, which is left out where it is the first
        _begins, position = element(der, position)
    parts = []
    for _part in range(_PUBLIC_KEY + 1):
        _begins, ends = element(der, position)
        parts.append(der[position:ends])
        position = ends
    return parts


# -- The library -------------------------------------------------------------------------------------------------------


def x509() -> Any:
    return drivers.load("cryptography.x509")


def unsupported() -> type[Exception]:
    unsupported: type[Exception] = drivers.load("cryptography.exceptions").UnsupportedAlgorithm
    return unsupported


def complaint(exc: Exception) -> str:
    """What the library said, in one short line."""
    return " ".join(str(exc).split())[:120] or type(exc).__name__
