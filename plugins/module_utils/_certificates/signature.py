# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a key made a signature: valid, forged, or of a kind that the library here cannot verify.

The same for certificates and revocation lists and for every release of ``cryptography`` from 38 on, which differ in
what they verify themselves.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Callable

from .._core import drivers
from .._core.errors import RunbookError
from .der import children, content, object_identifier


class Signature(Enum):
    """What became of verifying a signature."""

    VALID = "valid"
    FORGED = "forged"
    UNVERIFIABLE = "unverifiable"


_PSS = "1.2.840.113549.1.1.10"
_MASK_GENERATION = "1.2.840.113549.1.1.8"

_HASHES = {
    "1.3.14.3.2.26": "sha1",
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
    "2.16.840.1.101.3.4.2.4": "sha224",
}

#: The kinds of keys that sign with an algorithm, by how its identifier begins.
_SIGNERS = (
    ("1.2.840.113549.1.1.", "rsa"),
    ("2.16.840.1.101.3.4.3.13", "rsa"),
    ("2.16.840.1.101.3.4.3.14", "rsa"),
    ("2.16.840.1.101.3.4.3.15", "rsa"),
    ("2.16.840.1.101.3.4.3.16", "rsa"),
    ("1.2.840.10045.4.", "elliptic"),
    ("2.16.840.1.101.3.4.3.9", "elliptic"),
    ("2.16.840.1.101.3.4.3.10", "elliptic"),
    ("2.16.840.1.101.3.4.3.11", "elliptic"),
    ("2.16.840.1.101.3.4.3.12", "elliptic"),
    ("1.2.840.10040.4.3", "dsa"),
    ("2.16.840.1.101.3.4.3.", "dsa"),
    ("1.3.101.112", "ed25519"),
    ("1.3.101.113", "ed448"),
)


def hash_of_pss(algorithm: bytes) -> str:
    """The hash of an algorithm (its AlgorithmIdentifier) that is RSA-PSS; empty where it is another one, or unknown."""
    try:
        return _pss(algorithm)[0] if identifier(algorithm) == _PSS else ""
    except (IndexError, KeyError, ValueError):
        return "unknown"


def identifier(algorithm: bytes) -> str:
    """The object identifier of an algorithm; raises IndexError where it has none."""
    return object_identifier(next(whole for _tag, whole in children(algorithm)))


#: Tags of the parameters of RSA-PSS.
_OF_HASH, _OF_MASK, _OF_SALT, _OF_TRAILER = 0xA0, 0xA1, 0xA2, 0xA3


def _pss(algorithm: bytes) -> tuple[str, str, int]:
    """The hash, that of the mask, and the length of the salt; raises where they are left out, as OpenSSL does."""
    (_tag, _identifier), (_also, parameters) = children(algorithm)
    given = {tag: content(whole) for tag, whole in children(parameters)}
    mask = "sha1"
    if _OF_MASK in given:
        (_tag, which), (_also, of_hash) = children(given[_OF_MASK])
        if object_identifier(which) != _MASK_GENERATION:
            raise ValueError("another generator of masks")
        mask = _hash(of_hash)
    salt = int.from_bytes(content(given[_OF_SALT]), "big") if _OF_SALT in given else 20
    if _OF_TRAILER in given and content(given[_OF_TRAILER]) != b"\x01":
        raise ValueError("another trailer")
    return (_hash(given[_OF_HASH]) if _OF_HASH in given else "sha1"), mask, salt


def _hash(algorithm: bytes) -> str:
    return _HASHES[identifier(algorithm)]


def verify(signed: Any, covered: bytes, algorithm: bytes, key: Any) -> Signature:
    """Whether a public key made the signature of a certificate or revocation list of the library.

    ``covered`` are the bytes that were signed, and ``algorithm`` is the AlgorithmIdentifier among them.
    """
    invalid = drivers.load("cryptography.exceptions").InvalidSignature
    try:
        kind = _signer(identifier(algorithm))
        if kind is None:
            return Signature.UNVERIFIABLE
        if kind != _kind(key):
            return Signature.FORGED
        _VERIFIERS.get(kind, _plain)(signed, covered, algorithm, key)
    except invalid:
        return Signature.FORGED
    except RunbookError:
        raise
    except Exception:  # noqa: BLE001 - what the library cannot do, it says in as many ways as it has releases
        return Signature.UNVERIFIABLE
    return Signature.VALID


def _signer(oid: str) -> str | None:
    return next((kind for begins, kind in _SIGNERS if oid.startswith(begins)), None)


def _kind(key: Any) -> str:
    if hasattr(key, "curve"):
        return "elliptic"
    name = type(key).__name__.lower()
    return next((kind for kind in ("rsa", "dsa", "ed25519", "ed448") if kind in name), name)


def _rsa(signed: Any, covered: bytes, algorithm: bytes, key: Any) -> None:
    padding = drivers.load("cryptography.hazmat.primitives.asymmetric.padding")
    if identifier(algorithm) != _PSS:
        key.verify(signed.signature, covered, padding.PKCS1v15(), signed.signature_hash_algorithm)
        return
    hashes = drivers.load("cryptography.hazmat.primitives.hashes")
    own, mask, salt = _pss(algorithm)
    scheme = padding.PSS(padding.MGF1(getattr(hashes, mask.upper())()), salt)
    key.verify(signed.signature, covered, scheme, getattr(hashes, own.upper())())


def _elliptic(signed: Any, covered: bytes, _algorithm: bytes, key: Any) -> None:
    ec = drivers.load("cryptography.hazmat.primitives.asymmetric.ec")
    key.verify(signed.signature, covered, ec.ECDSA(signed.signature_hash_algorithm))


def _dsa(signed: Any, covered: bytes, _algorithm: bytes, key: Any) -> None:
    key.verify(signed.signature, covered, signed.signature_hash_algorithm)


def _plain(signed: Any, covered: bytes, _algorithm: bytes, key: Any) -> None:
    key.verify(signed.signature, covered)


_VERIFIERS: dict[str, Callable[[Any, bytes, bytes, Any], None]] = {"rsa": _rsa, "elliptic": _elliptic, "dsa": _dsa}
