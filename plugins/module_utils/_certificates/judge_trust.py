# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether certificates of some files lead to an authority that is trusted, and none of them is revoked.

Pure: files and a moment in, findings out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from .._core.checks import CRITICAL, STATUSES, UNKNOWN, WARNING
from .._core.text import excerpt
from .certificate import Certificate
from .chain import Authorities, common, order_fault
from .files import File
from .flaw import Flaw
from .holdings import CertificateFinding, Holdings
from .names import DistinguishedName
from .revocation import RevocationList

#: The share of a revocation list's lifetime after which the next one should be there.
CRL_WARNING_SHARE = 0.95

#: What certificates are used for in TLS.
USES = ("serverAuth", "clientAuth")


def chains(holdings: Holdings) -> Iterator[CertificateFinding]:
    """Bundles that are out of order, and certificates that no trusted authority vouches for."""
    for certificate in holdings.positions:
        if certificate.unknown_critical:
            what = ", ".join(certificate.unknown_critical)
            message = f"has a critical extension that OpenSSL does not know, and refuses it for: {what}"
            yield from holdings.findings("chain", CRITICAL, certificate, message)
    authorities = [certificate for certificate in holdings.positions if certificate.is_authority]
    trust = None if holdings.trusted is None else Authorities(holdings.trusted)
    known = None if trust is None else trust.beside(authorities, every=True)
    for file in holdings.files:
        if file.content.certificates:
            # A bundle has to be whole, since a server sends it; a lone certificate may have its chain elsewhere.
            bundle = file.content.certificates
            whole = len(bundle) > 1 or file.name in holdings.sent
            yield from _chain_of(holdings, file, trust.beside(bundle[1:]) if trust is not None and whole else known)
    if known is not None:
        yield from _strange_authorities(holdings, known, authorities)


def _chain_of(holdings: Holdings, file: File, known: Authorities | None) -> Iterator[CertificateFinding]:
    bundle, leads = file.content.certificates, _begins_with_a_leaf(holdings, file)
    fault = None
    # What could not be read may be what is missing.
    if len(bundle) > 1 and file.content.form == "PEM" and not file.content.faults:
        fault = order_fault(bundle, leaf_first=leads)
    if fault is not None:
        yield CertificateFinding("chain", fault.status, file.name, fault.message, 1)
    elif not leads:
        return
    elif bundle[0].self_signed:
        yield from _self_signed(holdings, file)
    elif known is not None:
        fault = _path_fault(holdings, file, known)
        if fault is not None:
            yield CertificateFinding("chain", fault.status, file.name, fault.message, 1)


def _begins_with_a_leaf(holdings: Holdings, file: File) -> bool:
    """Whether the first certificate of a file is one that a server or client shows, even if it may issue others."""
    first = file.content.certificates[0]
    return not first.is_authority or first.names_a_host or file.name in holdings.leaves


def _path_fault(holdings: Holdings, file: File, known: Authorities) -> Flaw | None:
    """Why a certificate is not trusted for what it is used for.

    Of several uses that it states itself, one is enough.
    """
    leaf = file.content.certificates[0]
    managed = file.name in holdings.leaves
    uses = holdings.purposes if managed else [use for use in USES if leaf.extended_usage and leaf.allows(use)]
    faults = [known.fault(leaf, now=holdings.now, purpose=use) for use in uses or ("",)]
    failed = [fault for fault in faults if fault is not None]
    return failed[0] if failed and (managed or len(failed) == len(faults)) else None


def _self_signed(holdings: Holdings, file: File) -> Iterator[CertificateFinding]:
    certificate = file.content.certificates[0]
    name = common(excerpt(certificate.subject))
    if holdings.trusted is not None and certificate not in holdings.trusted:
        yield CertificateFinding(
            "chain", CRITICAL, file.name, f"{name} is self-signed, where an authority is expected", 1
        )
    else:
        yield CertificateFinding("chain", WARNING, file.name, f"{name} is self-signed", 1)


def _strange_authorities(
    holdings: Holdings, known: Authorities, authorities: Sequence[Certificate]
) -> Iterator[CertificateFinding]:
    shown = {
        file.content.certificates[0]
        for file in holdings.files
        if file.content.certificates and _begins_with_a_leaf(holdings, file)
    }
    # Renewed with the same key, an authority signed whatever the one that is trusted did.
    trusted = {(one.subject_name, one.public_key) for one in known.trusted}
    for certificate in authorities:
        if certificate in shown or (certificate.subject_name, certificate.public_key) in trusted:
            continue
        fault = known.fault(certificate, now=holdings.now)
        if fault is not None:
            message = f"an authority that is not trusted: {fault.message}"
            yield from holdings.findings("chain", min(fault.status, WARNING, key=STATUSES.index), certificate, message)


def revocation(holdings: Holdings) -> Iterator[CertificateFinding]:
    """Certificates that are revoked, lists that no client should go by, and what those leave open that there are."""
    known: dict[DistinguishedName, list[Certificate]] = defaultdict(list)
    lists = holdings.lists
    if lists:
        for certificate in dict.fromkeys((*holdings.positions, *(holdings.trusted or ()))):
            known[certificate.subject_name].append(certificate)
    by_issuer: dict[DistinguishedName, list[_Listed]] = defaultdict(list)
    for name, crl in lists:
        yield from _stale(name, crl, holdings.now)
        fault = crl.issuing_fault(known[crl.issuer_name])
        if fault is not None:
            yield CertificateFinding("revocation", fault.status, name, fault.message)
        by_issuer[crl.issuer_name].append(_Listed(name, crl, fault, crl.signers(known[crl.issuer_name])))
    if not by_issuer:
        return
    for certificate in holdings.positions:
        listed = by_issuer.get(certificate.issuer_name)
        if listed:
            for fault in _revoked(certificate, listed, known[certificate.issuer_name]):
                yield from holdings.findings("revocation", fault.status, certificate, fault.message)


@dataclass(frozen=True)
class _Listed:
    """A list with what is wrong with it, and the authorities that signed it."""

    name: str
    crl: RevocationList
    fault: Flaw | None
    signers: Sequence[Certificate]


def _revoked(certificate: Certificate, listed: Sequence[_Listed], issuers: Sequence[Certificate]) -> Iterator[Flaw]:
    """Whether a certificate is revoked; that it is not, one complete list of its issuer has to say."""
    subject = f"{common(excerpt(certificate.subject))} (serial {certificate.serial})"
    keys = {issuer.public_key for issuer in issuers}
    doubts, cleared = [], False
    for one in listed:
        if one.fault is not None and one.fault.status == CRITICAL:  # forged
            continue
        fault = one.crl.verdict(certificate)
        if fault is not None and fault.status == CRITICAL:
            yield Flaw(f"{subject} {fault.message} by {one.name}")
            return
        if fault is None and len(keys) > 1 and not any(certificate.issued_by(signer) for signer in one.signers):
            fault = Flaw("is of another key of the same name than issued it", UNKNOWN)
        if fault is not None:
            doubts.append(Flaw(f"{one.name} {fault.message} ({subject})", UNKNOWN))
        cleared = cleared or fault is None  # what is wrong with the list itself is a finding about the list
    if not cleared:
        yield from doubts[:1]


def _stale(name: str, crl: RevocationList, now: datetime) -> Iterator[CertificateFinding]:
    if crl.ends is None:
        yield CertificateFinding("revocation", WARNING, name, "the list does not say until when it holds")
        return
    until = f"{crl.ends:%Y-%m-%d %H:%M} UTC"
    if crl.ends <= now:
        yield CertificateFinding("revocation", CRITICAL, name, f"the list is stale: the next one was due {until}")
    elif now < crl.begins:
        yield CertificateFinding(
            "revocation", CRITICAL, name, f"the list is not valid before {crl.begins:%Y-%m-%d %H:%M} UTC"
        )
    elif now >= crl.begins + (crl.ends - crl.begins) * CRL_WARNING_SHARE:
        yield CertificateFinding("revocation", WARNING, name, f"the next list is due {until}, and not there yet")
