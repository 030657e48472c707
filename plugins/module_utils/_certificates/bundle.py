# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Private keys, and what files hold: certificates, keys and revocation lists in PEM, DER and PKCS#12."""

from __future__ import annotations

import contextlib
import ssl
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .._core import drivers
from .certificate import UNKNOWN_KEY, Certificate, KeyType, parsed
from .der import Unreadable, children, element
from .pem import Block, blocks
from .revocation import RevocationList

#: Seconds that one look spends on opening what is encrypted: passphrases are made to be slow to try.
UNLOCKING = 10.0


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
        loaded = certificate.loaded_key
        try:
            return loaded is not None and self.public_key == parsed("its key", lambda: _public_bytes(loaded))
        except Unreadable:
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
        loaded, fault = _opened_key(load, data, passphrase)
        if loaded is not None:
            return _key_of(loaded, encrypted=encrypted)
        if not fault:
            encrypted = encrypted or passphrase is None
        elif not encrypted:
            raise Unreadable(fault)
    return Key(b"", encrypted=True)


def _key_of(loaded: Any, *, encrypted: bool) -> Key:
    """What may be known of a private key of the library."""
    public = loaded.public_key()
    return Key(parsed("no usable private key", lambda: _public_bytes(public)), KeyType.of(public), encrypted)


def _opened_key(load: Any, data: bytes, passphrase: bytes | None) -> tuple[Any, str]:
    """The key, or why there is none; without a reason, a passphrase is missing, or there is nothing to open."""

    def attempt() -> Any:
        try:
            return _load_unchecked(load, data, passphrase)
        except TypeError:  # how the library says so
            return None

    try:
        return parsed("no usable private key", attempt), ""
    except Unreadable as exc:
        return None, str(exc)


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


# -- What a file holds -------------------------------------------------------------------------------------------------


@dataclass
class Content:
    """What was found in the bytes of a file; ``faults`` are what was there and could not be read."""

    form: str = ""
    certificates: list[Certificate] = field(default_factory=list)
    keys: list[Key] = field(default_factory=list)
    crls: list[RevocationList] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    #: Those of the faults that say nothing against the file: another program may well be able to read it.
    doubts: set[str] = field(default_factory=set)
    #: It could not be opened, which says nothing about what is inside.
    locked: bool = False

    def doubt(self, fault: str) -> None:
        """Note what could not be read, and may be sound."""
        self.faults.append(fault)
        self.doubts.add(fault)


class Reader:
    """Reads bytes, and parses a certificate that it meets again only once: every folder has a copy of the CA.

    To open what is encrypted it spends ``unlocking`` seconds in all, and leaves the rest locked.
    """

    def __init__(self, passphrases: Sequence[str] = (), *, unlocking: float = UNLOCKING) -> None:
        self._passphrases = tuple(passphrases)
        self._known: dict[bytes, Certificate] = {}
        self._unlocking, self._spent = unlocking, 0.0

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

    # -- PEM

    def _read_pem(self, data: bytes, found: Content) -> None:
        labels = set()
        for number, block in enumerate(blocks(data), start=1):
            labels.add(block.label)
            try:
                self._read_block(block, found)
            except Unreadable as exc:
                fault = f"block {number} ({block.label or 'unfinished'}): {exc}"
                if not block.fault and _openssl_reads(block):
                    found.doubt(f"{fault}; OpenSSL reads it")
                else:
                    found.faults.append(fault)
        if found.certificates or found.keys or found.crls or found.faults:
            return
        if not labels & _KNOWN_LABELS:
            found.faults.append("holds no certificate, key or revocation list")
        elif labels & _MAY_HOLD_CERTIFICATES:
            found.doubt("holds nothing but PKCS#7, which is not read")

    def _read_block(self, block: Block, found: Content) -> None:
        label = block.label
        if block.fault:
            raise Unreadable(block.fault)
        # Headers are of no concern where nothing is read from the block, and the library's where it is a key.
        decoded = b"" if label not in _CERTIFICATES and block.has_headers else block.decoded()
        if label.endswith("PRIVATE KEY"):
            found.keys.append(self._key(block.whole))
        elif label in _CERTIFICATES:
            found.certificates.append(self.certificate(_outermost(decoded, label)))
        elif label == "X509 CRL":
            found.crls.append(RevocationList(block.decoded()))
        elif label not in _KNOWN_LABELS:
            raise Unreadable("of a kind that is not read")

    def _key(self, data: bytes) -> Key:
        """A private key; where it is encrypted, opened as long as there is time for it."""
        begun = time.monotonic()
        try:
            return load_key(data, self._passphrases if self._spent < self._unlocking else ())
        finally:
            self._spent += time.monotonic() - begun if self._passphrases else 0.0

    # -- DER

    def _read_binary(self, data: bytes, found: Content) -> None:
        found.form = "DER"
        if data.startswith(b"\xfe\xed\xfe\xed"):
            found.form = "JKS"
            found.faults.append("is a Java keystore, which is not read; PKCS#12 is")
            return
        if _looks_like_pkcs12(data):
            found.form = "PKCS#12"
            self._read_pkcs12(data, found)
            return
        with contextlib.suppress(Unreadable):
            found.certificates.append(self.certificate(data))
            return
        with contextlib.suppress(Unreadable):
            found.crls.append(RevocationList(data))
            return
        with contextlib.suppress(Unreadable):
            found.keys.append(self._key(data))
            return
        found.form = ""
        if openssl_reads(data):
            found.doubt("is a certificate that OpenSSL reads, and the library here does not")
        else:
            found.faults.append("is no certificate, key or revocation list")

    def _read_pkcs12(self, data: bytes, found: Content) -> None:
        if self._spent >= self._unlocking:
            found.locked = True
            found.doubt(f"is PKCS#12 that was not opened: {self._unlocking:g} s were spent on opening others")
            return
        begun = time.monotonic()
        opened, passphrase = self._opened_pkcs12(data)
        self._spent += time.monotonic() - begun
        if opened is None:
            found.locked = True
            found.doubt("is PKCS#12 that none of the given passphrases opens")
            return
        serialization = drivers.load("cryptography.hazmat.primitives.serialization")
        encoding = serialization.Encoding.DER
        for one in [opened.cert, *opened.additional_certs]:
            if one:
                try:
                    found.certificates.append(self.certificate(one.certificate.public_bytes(encoding)))
                except Unreadable as exc:
                    found.doubt(f"PKCS#12: {exc}")
        if opened.key is not None:
            found.keys.append(_key_of(opened.key, encrypted=bool(passphrase)))

    def _opened_pkcs12(self, data: bytes) -> tuple[Any, bytes | None]:
        """What a passphrase opens, and which; nothing where none does."""
        pkcs12 = drivers.load("cryptography.hazmat.primitives.serialization.pkcs12")
        for passphrase in (None, b"", *(text.encode() for text in self._passphrases)):
            with warnings.catch_warnings():  # files of others are not always as strict as the library would like
                warnings.simplefilter("ignore")
                try:
                    return parsed("PKCS#12", lambda: pkcs12.load_pkcs12(data, passphrase)), passphrase  # noqa: B023 - at once
                except Unreadable:
                    continue
        return None, None


_CERTIFICATES = frozenset({"CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"})

#: Blocks that may hold certificates which are not read.
_MAY_HOLD_CERTIFICATES = frozenset({"PKCS7", "PKCS #7 SIGNED DATA", "CMS"})

#: Labels of PEM blocks that belong beside certificates and say nothing to judge: all of OpenSSL's (``pem.h``).
_KNOWN_LABELS = _MAY_HOLD_CERTIFICATES | {
    "CERTIFICATE REQUEST",
    "NEW CERTIFICATE REQUEST",
    "ATTRIBUTE CERTIFICATE",
    "PUBLIC KEY",
    "RSA PUBLIC KEY",
    "DSA PUBLIC KEY",
    "ECDSA PUBLIC KEY",
    "DH PARAMETERS",
    "X9.42 DH PARAMETERS",
    "DSA PARAMETERS",
    "EC PARAMETERS",
    "SM2 PARAMETERS",
    "PARAMETERS",
    "SSL SESSION PARAMETERS",
}


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


def _openssl_reads(block: Block) -> bool:
    try:
        return block.label in _CERTIFICATES and openssl_reads(_outermost(block.decoded(), block.label))
    except Unreadable:
        return False


def openssl_reads(der: bytes) -> bool:
    """Whether OpenSSL takes some bytes for a certificate, whatever the library makes of them."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=der)
    except (OSError, ValueError):
        return False
    return True


def _outermost(der: bytes, label: str) -> bytes:
    """The first element alone: OpenSSL's trusted certificates have settings of its own behind."""
    if label != "TRUSTED CERTIFICATE":
        return der
    try:
        return der[: element(der, 0)[1]]
    except IndexError:
        return der


#: How PKCS#12 begins: with its version, which is the third.
_VERSION = b"\x02\x01\x03"


def _looks_like_pkcs12(der: bytes) -> bool:
    """Whether it begins as PKCS#12 does: a sequence of the version 3 and something of PKCS#7."""
    try:
        return der[:1] == b"\x30" and next(children(der))[1] == _VERSION
    except (IndexError, StopIteration):
        return False
