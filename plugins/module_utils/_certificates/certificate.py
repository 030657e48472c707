# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One certificate: what it says, what it is for, and which authority signed it.

This file, `signature`, `revocation` and `bundle` alone know the library ``cryptography``, from release 38 on. What has
to be known of ten thousand certificates is read when it is needed, and once. Whatever the library refuses in one of
them is a fault of that one: see `parsed`.
"""

from __future__ import annotations

import binascii
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cached_property
from typing import Any, Callable, TypeVar

from .._core import drivers
from .._core.errors import RunbookError
from .der import Unreadable, element
from .names import DistinguishedName, canonical, covers
from .signature import Signature, hash_of_pss, verify

Answer = TypeVar("Answer")

DAY = timedelta(days=1)

#: What OpenSSL calls the curves that certificates have.
CURVES = {"secp256r1": "p256", "secp384r1": "p384", "secp521r1": "p521"}

#: Where a certificate's own fields begin: version, serial, signature, issuer, validity, subject, public key.
_SERIAL, _SIGNATURE, _ISSUER, _VALIDITY, _SUBJECT, _PUBLIC_KEY = range(6)

#: Critical extensions that OpenSSL knows (``X509_supported_extension``). With any other it refuses a certificate, and
#: so does everything that is built on it; those for addresses of networks are not judged here.
_KNOWN_EXTENSIONS = frozenset(
    {
        "2.16.840.1.113730.1.1",  # Netscape's type of certificate
        "2.5.29.15",  # key usage
        "2.5.29.17",  # subject alternative name
        "2.5.29.19",  # basic constraints
        "2.5.29.30",  # name constraints
        "2.5.29.31",  # distribution points of revocation lists
        "2.5.29.32",  # policies
        "2.5.29.33",  # policy mappings
        "2.5.29.36",  # policy constraints
        "2.5.29.37",  # extended key usage
        "2.5.29.54",  # inhibit any policy
        "1.3.6.1.5.5.7.48.1.5",  # not to be checked by OCSP
    }
)

_NONE: frozenset[str] = frozenset()

_SERVER_AUTH, _CLIENT_AUTH = "serverAuth", "clientAuth"

#: What else allows a use, from before there was a standard, and what the key of a leaf has to be allowed for it.
_OLD_USES = {_SERVER_AUTH: frozenset({"1.3.6.1.4.1.311.10.3.3", "2.16.840.1.113730.4.1"})}
_KEY_USES = {
    _SERVER_AUTH: frozenset({"digital_signature", "key_encipherment", "key_agreement"}),
    _CLIENT_AUTH: frozenset({"digital_signature", "key_agreement"}),
}


class Certificate:
    """One certificate, whatever file has it: two with the same bytes are the same."""

    def __init__(self, der: bytes) -> None:
        """Parse the bytes; raises `Unreadable` where they are no certificate."""
        self.der = der
        parsed("no certificate", self._read)

    def _read(self) -> None:
        """Read what nothing can be known of a certificate without."""
        self.x509: Any = x509().load_der_x509_certificate(self.der)
        #: From when to when it is valid, UTC.
        self.begins, self.ends = moment(self.x509, "not_valid_before"), moment(self.x509, "not_valid_after")
        # Taken out of the bytes: comparing names and keys that the library has made objects of costs many times more,
        # and this has to be done for every certificate.
        self._parts = _certificate_parts(self.der)

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

    @property
    def lifetime(self) -> timedelta:
        """From its first to its last moment."""
        return self.ends - self.begins

    def days_left(self, now: datetime) -> float:
        """Days until it expires, negative after that: to judge, and not rounded."""
        return (self.ends - now) / DAY

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

    @property
    def raw_subject(self) -> bytes:
        """The subject as its bytes."""
        return self._parts[_SUBJECT]

    @property
    def raw_issuer(self) -> bytes:
        """The issuer as its bytes."""
        return self._parts[_ISSUER]

    @property
    def subject_name(self) -> DistinguishedName:
        """The subject, to compare."""
        return canonical(self.raw_subject)

    @property
    def issuer_name(self) -> DistinguishedName:
        """The issuer, to compare."""
        return canonical(self.raw_issuer)

    @property
    def public_key(self) -> bytes:
        """The public key (SubjectPublicKeyInfo) as its bytes, to compare."""
        return self._parts[_PUBLIC_KEY]

    @cached_property
    def loaded_key(self) -> Any:
        """The public key as the library has it; nothing where it knows none of its kind."""
        try:
            return parsed("its key", self.x509.public_key)
        except Unreadable:
            return None

    @cached_property
    def key(self) -> KeyType:
        """Kind and size of its key."""
        return UNKNOWN_KEY if self.loaded_key is None else KeyType.of(self.loaded_key)

    @cached_property
    def signature_hash(self) -> str:
        """Name of the hash that was signed, for example ``sha256``; empty where the signature has none of its own."""
        algorithm = self._parts[_SIGNATURE]
        found = _HASHES.get(algorithm)
        if found is None:
            found = _HASHES[algorithm] = hash_of_pss(algorithm) or self._hash_of_the_library()
        return found

    def _hash_of_the_library(self) -> str:
        try:
            algorithm = parsed("its signature", lambda: self.x509.signature_hash_algorithm)
        except Unreadable:
            return "unknown"
        return str(algorithm.name) if algorithm else ""

    @cached_property
    def signature_algorithm(self) -> str:
        """Name of the signature's algorithm, for example ``ecdsa-with-SHA256``."""
        return _name_of_oid(self.x509.signature_algorithm_oid)

    @cached_property
    def _read_extensions(self) -> tuple[dict[str, Any], frozenset[str], str]:
        try:
            found = parsed(
                "its extensions cannot be read",
                lambda: [(one.oid.dotted_string, one.critical, one.value) for one in self.x509.extensions],
            )
        except Unreadable as exc:
            return {}, _NONE, str(exc)
        unknown = [oid for oid, critical, _value in found if critical and oid not in _KNOWN_EXTENSIONS]
        return {oid: value for oid, _critical, value in found}, frozenset(unknown) if unknown else _NONE, ""

    @property
    def damage(self) -> str:
        """Why its extensions cannot be read; empty where they can."""
        return self._read_extensions[2]

    @property
    def unknown_critical(self) -> frozenset[str]:
        """Its critical extensions that OpenSSL does not know, which is why it refuses the certificate."""
        return self._read_extensions[1]

    def extension(self, oid: str) -> Any:
        """The value of an extension; nothing where there is none, or none that can be read (see `damage`)."""
        return self._read_extensions[0].get(oid)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The subject alternative names: DNS names and addresses as text, other kinds with their kind before them."""
        found = self.extension("2.5.29.17")
        return () if found is None else tuple([_alternative(name) for name in found])

    def _names_of(self, kind: str) -> list[str]:
        """The alternative names of one kind."""
        found = self.extension("2.5.29.17") or ()
        return [_alternative(name) for name in found if type(name).__name__ == kind]

    @property
    def has_names(self) -> bool:
        """Whether it has any alternative name."""
        found = self.extension("2.5.29.17")
        return found is not None and len(found) > 0

    @property
    def names_a_host(self) -> bool:
        """Whether it has a name or an address that clients connect to."""
        return bool(self._names_of(_DNS) or self._names_of(_ADDRESS))

    @cached_property
    def is_authority(self) -> bool:
        """Whether it may issue others; roots of the first version, which has no extensions, could not say so."""
        constraints = self.extension("2.5.29.19")
        if constraints is None:
            return self._is_of_first_version and self.self_issued
        return bool(constraints.ca)

    @property
    def _is_of_first_version(self) -> bool:
        outer, _ends = element(self.der, 0)
        inner, _ends = element(self.der, outer)
        return self.der[inner] != _VERSION_TAG

    @cached_property
    def path_length(self) -> int | None:
        """How many authorities may stand between it and a leaf; nothing where any number may."""
        constraints = self.extension("2.5.29.19")
        return constraints.path_length if constraints else None

    @cached_property
    def self_issued(self) -> bool:
        """Whether it names itself as its issuer, as roots do, and authorities that change their key."""
        if self.raw_subject == self.raw_issuer:
            return True
        return _may_be_alike(self.raw_subject[-1], self.raw_issuer[-1]) and self.subject_name == self.issuer_name

    @property
    def self_signed(self) -> bool:
        """Whether its own key signed it."""
        return self.self_issued and self.signed_by(self) is not Signature.FORGED

    @property
    def is_root(self) -> bool:
        """Whether it is an authority over which there is none."""
        return self.is_authority and self.self_signed

    @cached_property
    def extended_usage(self) -> tuple[str, ...]:
        """What it may be used for, for example ``serverAuth``; empty where the extension is missing, meaning all."""
        found = self.extension("2.5.29.37")
        if found is None:
            return ()
        return tuple(_name_of_oid(oid) for oid in found)

    @cached_property
    def key_usage(self) -> tuple[str, ...]:
        """What its key may be used for, for example ``key_cert_sign``; empty where it has no such extension."""
        found = self.extension("2.5.29.15")
        if found is None:
            return ()
        allowed = [name for name in _KEY_USAGES if getattr(found, name)]
        if found.key_agreement:
            allowed += [name for name in ("encipher_only", "decipher_only") if getattr(found, name)]
        return tuple(allowed)

    def allows(self, purpose: str) -> bool:
        """Whether it may be used so; one that says nothing may be used for anything.

        As with OpenSSL, ``anyExtendedKeyUsage`` stands for none of the uses that are named.
        """
        usage = self.extended_usage
        return not usage or purpose in usage or not _OLD_USES.get(purpose, frozenset()).isdisjoint(usage)

    def misuse(self, purpose: str) -> str:
        """Why a client or server with this certificate is refused for its use; empty where it is not."""
        if not self.allows(purpose):
            return f"may not be used for {purpose}, only for {', '.join(self.extended_usage)}"
        if self.key_usage and _KEY_USES[purpose].isdisjoint(self.key_usage):
            return f"may not be used for {purpose}: its key is for {', '.join(self.key_usage)} alone"
        return ""

    def covers(self, name: str) -> bool:
        """Whether a client that connects to this name or address accepts it: alternative names only, as in RFC 6125."""
        return covers(self._names_of(_DNS), self._names_of(_ADDRESS), name)

    def missing_names(self, names: Iterable[str]) -> list[str]:
        """Those of some names that it does not cover."""
        return [name for name in names if not self.covers(name)]

    @cached_property
    def _signed_by(self) -> dict[bytes, Signature]:
        return {}

    def signed_by(self, issuer: Certificate) -> Signature:
        """Whether the key of another certificate signed this one; each key is tried once."""
        found = self._signed_by.get(issuer.public_key)
        if found is None:
            found = self._signed_by[issuer.public_key] = self._verified(issuer)
        return found

    def _verified(self, issuer: Certificate) -> Signature:
        if issuer.loaded_key is None:
            return Signature.UNVERIFIABLE
        return verify(self.x509, self.x509.tbs_certificate_bytes, self._parts[_SIGNATURE], issuer.loaded_key)

    def names_as_issuer(self, other: Certificate) -> bool:
        """Whether another certificate has the name that this one has as its issuer's."""
        return self.raw_issuer == other.raw_subject or self.issuer_name == other.subject_name

    def issued_by(self, issuer: Certificate) -> bool:
        """Whether ``issuer`` signed it: its name and its signature say so."""
        return self.names_as_issuer(issuer) and self.signed_by(issuer) is Signature.VALID


def _name_of_oid(oid: Any) -> str:
    """What the library calls an object identifier, or its numbers where it has no name for it."""
    name = getattr(oid, "_name", _NAMELESS)
    return str(oid.dotted_string if name == _NAMELESS else name)


_NAMELESS = "Unknown OID"


def _may_be_alike(last: int, other: int) -> bool:
    """Whether names may be equal that end so: most are not, and to compare them as a whole costs more than this.

    A letter of ASCII is the last byte of every type of string; whatever is no ASCII depends on the type.
    """
    plain = range(0x21, 0x7F)
    return last not in plain or other not in plain or last | 0x20 == other | 0x20


_DNS, _ADDRESS = "DNSName", "IPAddress"

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


#: Names of hashes by the algorithms of signatures: there are few, and each is the answer for thousands.
_HASHES: dict[bytes, str] = {}

#: Names as text by their bytes: writing one costs as much as parsing a whole certificate, and few issue them all.
_NAMES: dict[bytes, str] = {}


def name_of(certificate: Any, which: str, raw: bytes) -> str:
    """The subject or issuer of something of the library, as RFC 4514 writes it."""
    text = _NAMES.get(raw)
    if text is None:
        try:
            text = parsed("unreadable", lambda: str(getattr(certificate, which).rfc4514_string()))
        except Unreadable as exc:  # an encoding, or a kind of value, that the library refuses
            text = f"({exc})"
        _NAMES[raw] = text
    return text


def _alternative(name: Any) -> str:
    kind, value = type(name).__name__, name.value
    if kind in (_DNS, _ADDRESS):
        return str(value)
    try:
        if kind == "DirectoryName":
            value = parsed("unreadable", value.rfc4514_string)
    except Unreadable as exc:
        value = f"({exc})"
    if kind in ("OtherName", "RegisteredID"):
        value = getattr(name, "type_id", value)
        value = getattr(value, "dotted_string", value)
    return f"{kind}:{value}"


def to_pem(label: str, der: bytes) -> str:
    """Bytes as a PEM block."""
    body = binascii.b2a_base64(der, newline=False).decode("ascii")
    lines = "\n".join(body[start : start + 64] for start in range(0, len(body), 64))
    return f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n"


#: The tag of the version, which is left out where it is the first.
_VERSION_TAG = 0xA0


def _certificate_parts(der: bytes) -> list[bytes]:
    """The fields of a certificate that the library has found to be one, from the serial number to the public key."""
    outer, _ends = element(der, 0)
    position, _ends = element(der, outer)
    if der[position] == _VERSION_TAG:
        _begins, position = element(der, position)
    parts = []
    for _part in range(_PUBLIC_KEY + 1):
        _begins, ends = element(der, position)
        parts.append(der[position:ends])
        position = ends
    return parts


# -- The library -------------------------------------------------------------------------------------------------------


def x509() -> Any:
    """The library's module for certificates."""
    return drivers.load("cryptography.x509")


def parsed(what: str, question: Callable[[], Answer]) -> Answer:
    """What the library answers; raises `Unreadable`, beginning with ``what``, whatever the library raises.

    What it refuses is no reason to lose anything else, and its refusals have no common base: what is a ValueError in
    one release is an InvalidVersion, a KeyError or a panic of its Rust in another.
    """
    try:
        return question()
    except RunbookError:
        raise
    except BaseException as exc:
        if not isinstance(exc, Exception) and type(exc).__name__ != "PanicException":
            raise
        raise Unreadable(f"{what}: {complaint(exc)}") from exc


def complaint(exc: BaseException) -> str:
    """The library's message, in one short line."""
    return " ".join(str(exc).split())[:120] or type(exc).__name__
