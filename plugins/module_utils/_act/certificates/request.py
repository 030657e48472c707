# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which sets of certificates have to be replaced, and why; and the key and the request of the next one.

The private key is made here, on the host that uses it, and never leaves it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_address
from typing import Any

from ..._certificates import spec
from ..._certificates.bundle import Reader, load_key
from ..._certificates.der import Unreadable
from ..._certificates.examine import differences, holdings_of, read_crl
from ..._certificates.files import File
from ..._certificates.holdings import CertificateFinding
from ..._certificates.judge import judge
from ..._core import drivers
from ..._core.checks import CRITICAL, OK
from ..._core.options import Given
from .set_content import leaf_of, read_set
from .store import PENDING_KEY, PENDING_REQUEST, CertificateSets, layout_of


@dataclass(frozen=True)
class Requested:
    """What was found of one set, and what is requested of the issuer where it is due."""

    service: str
    point: str
    due: bool
    reasons: list[str] = field(default_factory=list)
    serial: str = ""
    subject: str = ""
    not_after: str = ""
    csr: str = ""
    key_made: bool = False
    #: The revocation lists in service, and where there are some, the trusted authorities; by the bytes of their names.
    lists: list[dict[str, Any]] = field(default_factory=list)
    trusts: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """As a module returns it."""
        return dict(self.__dict__)


def reasons(given: Given, files: Mapping[str, File], now: datetime) -> list[str]:
    """Why a set has to be replaced: what is wrong with it and would not be with a new one."""
    crls, _findings = read_crl(given.get("crl"), Reader())
    holdings = holdings_of(given, files, crls, now)
    leaf = leaf_of(files)
    positions = {(file.name, position) for file, position in holdings.positions.get(leaf, ())} if leaf else set()
    own = {file.name for file in files.values()}
    found = [*judge(holdings), *differences(given, files)]
    # What the service trusts stays trusted, so what is wrong with an authority would be wrong afterwards.
    trust = files["ca"].name if "ca" in files else ""
    remaining = [
        one for one in found if one.file == trust and one.position and (one.file, one.position) not in positions
    ]
    why = [_reason(one) for one in found if one not in remaining and _calls_for_replacement(one, own, positions)]
    return list(dict.fromkeys(why))


def _calls_for_replacement(finding: CertificateFinding, own: set[str], leaf: set[tuple[str, int]]) -> bool:
    """Whether a new certificate fixes it; that the issuer's own ends, or that a list is stale, it does not."""
    if finding.aspect == "expiry":
        return finding.status != OK and (finding.file, finding.position) in leaf
    return finding.status == CRITICAL and finding.file in own


def _reason(finding: CertificateFinding) -> str:
    # The same certificate lies in several files, and is one reason.
    return finding.message if finding.aspect == "expiry" else f"{finding.file} {finding.message}"


def request(given: Given, *, force: bool, now: datetime, check_mode: bool) -> Requested:
    """Find out whether a set is due, and if it is, make the key and the request of the next one.

    A key that is pending already is used again where it is of the right type. In check mode nothing is made.
    Raises `RunbookError`.
    """
    files = read_set(spec.paths(given))
    leaf = leaf_of(files)
    why = reasons(given, files, now)
    if force and not why:
        why = ["it is forced"]
    csr, made = "", False
    lists = _lists(given)
    trusted = files["ca"].certificates if lists and "ca" in files else []
    if why and not check_mode:
        csr, made = _requested(given)
    return Requested(
        service=given["service"],
        point=given["point"],
        due=bool(why),
        reasons=why,
        serial=leaf.serial if leaf else "",
        subject=leaf.subject if leaf else "",
        not_after=f"{leaf.ends:%Y-%m-%d %H:%M} UTC" if leaf else "",
        csr=csr,
        key_made=made,
        lists=lists,
        trusts=[one.raw_subject.hex() for one in trusted],
    )


def _lists(given: Given) -> list[dict[str, Any]]:
    """The revocation lists in service; none where there is no file, or nothing in it that can be read."""
    found, _findings = read_crl(given.get("crl"), Reader())
    return [{"issuer": one.raw_issuer.hex(), "number": one.number or 0} for _path, one in found]


def _requested(given: Given) -> tuple[str, bool]:
    """The request for the pending key, and whether either was made anew."""
    with _opened(given) as sets:
        pending = sets.pending()
        key = pending.get(PENDING_KEY, b"")
        reused = _fits(key, given)
        key = key if reused else new_key(given["key_type"])
        present = pending.get(PENDING_REQUEST, b"")
        if reused and _requests_the_same(present, key, given):
            return present.decode(), False
        made = signing_request(key, given)
        sets.keep_pending(key, made)
        return made.decode(), True


def _opened(given: Given) -> CertificateSets:
    return CertificateSets(layout_of(given))


def _fits(key: bytes, given: Given) -> bool:
    if not key:
        return False
    try:
        return bool(str(load_key(key).type) == given["key_type"])
    except Unreadable:  # cut off while it was written
        return False


def _requests_the_same(request_pem: bytes, key: bytes, given: Given) -> bool:
    x509 = drivers.load("cryptography.x509")
    try:
        found = x509.load_pem_x509_csr(request_pem)
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return False
    wanted = x509.SubjectAlternativeName(list(_general_names(given)))
    own = _loaded(key).public_key().public_numbers()
    return bool(names == wanted and found.subject == _subject(given) and found.public_key().public_numbers() == own)


def new_key(key_type: str) -> bytes:
    """A private key in PEM, without a passphrase: the service has to read it when no operator is there."""
    serialization = drivers.load("cryptography.hazmat.primitives.serialization")
    family, size = key_type.split("-")
    if family == "rsa":
        made = drivers.load("cryptography.hazmat.primitives.asymmetric.rsa").generate_private_key(65537, int(size))
    else:
        ec = drivers.load("cryptography.hazmat.primitives.asymmetric.ec")
        made = ec.generate_private_key({"p256": ec.SECP256R1(), "p384": ec.SECP384R1()}[size])
    written: bytes = made.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return written


def signing_request(key: bytes, given: Given) -> bytes:
    """The request for a certificate of a key, in PEM: the subject and the names of the description."""
    x509 = drivers.load("cryptography.x509")
    builder = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(_subject(given))
        .add_extension(x509.SubjectAlternativeName(list(_general_names(given))), critical=False)
    )
    signed = builder.sign(_loaded(key), drivers.load("cryptography.hazmat.primitives.hashes").SHA256())
    written: bytes = signed.public_bytes(drivers.load("cryptography.hazmat.primitives.serialization").Encoding.PEM)
    return written


def _loaded(key: bytes) -> Any:
    return drivers.load("cryptography.hazmat.primitives.serialization").load_pem_private_key(key, None)


def _subject(given: Given) -> Any:
    x509 = drivers.load("cryptography.x509")
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, spec.common_name(given))])


def _general_names(given: Given) -> Iterator[Any]:
    x509 = drivers.load("cryptography.x509")
    for name in given["names"]:
        try:
            yield x509.IPAddress(ip_address(name))
        except ValueError:
            yield x509.DNSName(name)
