# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is requested of an issuer, and what it hands out: the same for the CA of the collection and an outside one."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Protocol

from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from .crypto import ExtendedKeyUsageOID, ec, ed448, ed25519, rsa, serialization, x509

#: What a certificate is for, by the name of its profile.
PROFILES = {
    "server": (ExtendedKeyUsageOID.SERVER_AUTH,),
    "client": (ExtendedKeyUsageOID.CLIENT_AUTH,),
    "both": (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH),
}
#: The organizational unit by which a platform distinguishes its services from its clients.
UNITS = {"server": "Services", "client": "Clients", "both": "Services"}

DAY = timedelta(days=1)
#: RSA keys below this many bits are refused.
WEAKEST_RSA = 2048
#: What public exponent an RSA key has to have at least.
LEAST_EXPONENT = 65537
#: Bits below which an elliptic curve is refused.
WEAKEST_CURVE = 256
#: The limit that X.509 sets for a common name and for an organizational unit.
LONGEST_COMMON_NAME = 64
LONGEST_DNS_NAME = 253
#: Underscores are no host names, but names of containers.
LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.IGNORECASE)


@dataclass(frozen=True)
class Wish:
    """A certificate as it is wanted, validated by `wish`."""

    profile: str
    common_name: str
    names: tuple[x509.GeneralName, ...]
    days: float
    organizational_unit: str

    @property
    def words(self) -> list[str]:
        """The names as texts."""
        return [str(name.value) for name in self.names]


@dataclass(frozen=True)
class Issued:
    """A certificate with all that has to stand beside it; everything is PEM.

    ``chain`` are the issuers up to but without the root, ``fullchain`` is the certificate with them, ``ca`` is what the
    other end has to trust. ``serial`` is hexadecimal as in the register: capitals, an even number of digits.
    """

    certificate: str
    chain: str
    fullchain: str
    ca: str
    serial: str
    not_after: datetime


class Issuer(Protocol):
    """What makes a certificate out of a request."""

    def issue(
        self,
        csr: str,
        *,
        profile: str,
        names: Sequence[str],
        common_name: str = "",
        days: float = 30,
        organizational_unit: str = "",
    ) -> Issued:
        """Issue a certificate; raises `RunbookError`."""


def wish(
    *, profile: str, names: Sequence[str], common_name: str = "", days: float = 30, organizational_unit: str = ""
) -> Wish:
    """A validated wish. Raises `RunbookError` naming the key that is wrong."""
    if profile not in PROFILES:
        raise RunbookError(f"profile: expected one of {', '.join(PROFILES)}, got {profile!r}")
    if not names:
        raise RunbookError(
            "names: at least one DNS name or address is needed; without one, no client can check whose it is"
        )
    parsed = {name.value: name for name in (_name(index, text) for index, text in enumerate(names))}
    if days <= 0:
        raise RunbookError(f"days: expected more than 0, got {days}")
    return Wish(
        profile=profile,
        common_name=_label("common_name", common_name or str(next(iter(parsed)))),
        names=tuple(parsed.values()),
        days=days,
        organizational_unit=_label("organizational_unit", organizational_unit or UNITS[profile]),
    )


def _label(key: str, text: str) -> str:
    if not 0 < len(text) <= LONGEST_COMMON_NAME or not text.isprintable() or text != text.strip():
        raise RunbookError(f"{key}: expected 1 to {LONGEST_COMMON_NAME} printable characters, got {text!r}")
    return text


def _name(index: int, text: object) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(str(text)))
    except ValueError:
        pass
    name = str(text).lower()
    # A wildcard stands for the first label and never for all of a name.
    labels = (name.removeprefix("*.") if name.count(".") > 1 else name).split(".")
    if len(name) > LONGEST_DNS_NAME or not all(map(LABEL.fullmatch, labels)):
        hint = "" if name.isascii() else " (write other letters as xn--...)"
        raise RunbookError(f"names[{index}]: {text!r} is neither a DNS name nor an address{hint}")
    if labels[-1].isdigit():
        raise RunbookError(f"names[{index}]: {text!r} is no address, and no DNS name ends in a number")
    return x509.DNSName(name)


def read_request(csr: str) -> x509.CertificateSigningRequest:
    """A request whose sender has the key, and whose key is strong enough. Raises `RunbookError`."""
    try:
        request = x509.load_pem_x509_csr(csr.encode())
        signed = request.is_signature_valid
        key = request.public_key()
    except Exception as exc:
        raise RunbookError(f"csr: this is no certificate signing request in PEM ({_first_line(exc)})") from exc
    if not signed:
        raise RunbookError("csr: its signature does not match its key, so its sender does not have that key")
    weakness = weakness_of(key)
    if weakness:
        raise RunbookError(f"csr: {weakness}")
    return request


def weakness_of(key: object) -> str:
    """Why a public key is not to be certified; nothing where it may be."""
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < WEAKEST_RSA:
            return f"an RSA key of {key.key_size} bits is too weak; {WEAKEST_RSA} is the least"
        if key.public_numbers().e < LEAST_EXPONENT:
            return f"an RSA key with the exponent {key.public_numbers().e} is too weak; {LEAST_EXPONENT} is the least"
        return ""
    if isinstance(key, ec.EllipticCurvePublicKey):
        weak = key.curve.key_size < WEAKEST_CURVE
        return f"a key on the curve {key.curve.name} is too weak; secp256r1 is the least" if weak else ""
    if isinstance(key, (ed25519.Ed25519PublicKey, ed448.Ed448PublicKey)):
        return ""
    return f"a key of the type {type(key).__name__} cannot be used for TLS"


def read_certificates(text: str | bytes, what: str) -> list[x509.Certificate]:
    """Every certificate of a PEM text, in its order. Raises `RunbookError` where there is none."""
    try:
        return x509.load_pem_x509_certificates(text.encode() if isinstance(text, str) else text)
    except ValueError as exc:
        raise RunbookError(f"{what}: no certificate in PEM ({_first_line(exc)})") from exc


def is_issuer_of(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    """Whether one certificate was signed with the key of another."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except Exception:  # noqa: BLE001 - ValueError, TypeError and InvalidSignature all mean no
        return False
    return True


def is_self_signed(certificate: x509.Certificate) -> bool:
    """Whether a certificate vouches for itself."""
    return certificate.subject == certificate.issuer and is_issuer_of(certificate, certificate)


def pem(certificates: Iterable[x509.Certificate]) -> str:
    """Certificates as one PEM text."""
    return "".join(each.public_bytes(serialization.Encoding.PEM).decode() for each in certificates)


def serial_text(number: int) -> str:
    """A serial number as the register writes it."""
    digits = f"{number:X}"
    return digits if len(digits) % 2 == 0 else f"0{digits}"


def now_utc() -> datetime:
    """This moment, in whole seconds as certificates have them."""
    return datetime.now(timezone.utc).replace(microsecond=0)


def _first_line(exc: Exception) -> str:
    lines = str(exc).strip().splitlines()
    return lines[0][:120] if lines else type(exc).__name__
