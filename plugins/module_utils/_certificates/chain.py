# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which certificate issued which: the order of bundles, and paths from a certificate to one that is trusted.

The rules are those of OpenSSL (``X509_verify_cert`` with partial chains), which most servers and clients verify with;
tests hold both against each other on generated chains. Pure.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .._core.checks import UNKNOWN
from .certificate import Certificate
from .constraints import constraint_fault
from .flaw import Flaw
from .names import DistinguishedName, canonical
from .signature import Signature

#: Signatures that are verified in search of one path: far more than any has, and no long wait.
MOST_SIGNATURES = 200

_KEY_IDENTIFIER, _AUTHORITY_KEY_IDENTIFIER = "2.5.29.14", "2.5.29.35"


def order_fault(bundle: Sequence[Certificate], *, leaf_first: bool = False) -> Flaw | None:
    """What is wrong with the order of a bundle: each certificate must be issued by the next.

    One of authorities alone has no order, unless a server sends it (``leaf_first``).
    """
    fault = _leaf_behind(bundle) if bundle[0].is_authority else None
    if fault is not None or (bundle[0].is_authority and not leaf_first):
        return fault
    if all(one.self_issued for one in bundle):
        return None
    for position, (certificate, issuer) in enumerate(zip(bundle, bundle[1:]), start=1):
        if certificate.issued_by(issuer):
            continue
        if certificate.names_as_issuer(issuer) and certificate.signed_by(issuer) is Signature.UNVERIFIABLE:
            return Flaw(f"whether number {position + 1} signed number {position} cannot be verified here", UNKNOWN)
        if any(certificate.issued_by(other) for other in bundle):
            return Flaw(f"wrong order: the issuer of number {position} is not the next but elsewhere")
        return Flaw(f"broken: number {position} was not issued by number {position + 1}")
    return None


def _leaf_behind(bundle: Sequence[Certificate]) -> Flaw | None:
    """A certificate behind its issuer: servers take the first for their own, and its key is not that one's."""
    for position, one in enumerate(bundle[1:], start=2):
        if not one.is_authority and any(one.issued_by(other) for other in bundle if other != one):
            return Flaw(f"wrong order: number {position} is to be the first, since servers take that for their own")
    return None


class Authorities:
    """Certificates that may vouch for others, by their names, those that are trusted before the rest.

    OpenSSL takes the first of several authorities of one name that may be the issuer, and goes on with no other when
    that leads nowhere: so it is here with what a server sends. Of all that some files hold (``every``), which no server
    sends, each is tried.
    """

    every = False

    def __init__(self, trusted: Sequence[Certificate], others: Sequence[Certificate] = ()) -> None:
        self.trusted = frozenset(trusted)
        self._by_name: dict[DistinguishedName, list[Certificate]] = {}
        self._beneath: Authorities | None = None
        for one in dict.fromkeys((*trusted, *others)):
            self._by_name.setdefault(one.subject_name, []).append(one)

    def beside(self, others: Sequence[Certificate], *, every: bool = False) -> Authorities:
        """The same with others that are not trusted, for one bundle: what is known already is not sorted again."""
        made = Authorities((), others)
        made.trusted, made._beneath, made.every = self.trusted, self, every
        return made

    def named(self, name: DistinguishedName) -> Iterator[Certificate]:
        """Yield those of a name."""
        if self._beneath is not None:
            yield from self._beneath.named(name)
        yield from self._by_name.get(name, ())

    def fault(self, leaf: Certificate, *, now: datetime, purpose: str = "") -> Flaw | None:
        """Why there is no valid path from a certificate to one that is trusted; nothing where there is one.

        Signatures, key identifiers, dates, the right to issue (for a ``purpose``, where one is given), path lengths,
        critical extensions and name constraints are checked; policies are left to the programs that connect. As with
        OpenSSL's partial chains, an intermediate that is trusted ends the path. The certificate's own dates and uses
        are another question.
        """
        return _Search(self, now, purpose).fault(leaf)


def chain_fault(
    leaf: Certificate,
    others: Iterable[Certificate],
    trusted: Sequence[Certificate],
    *,
    now: datetime,
    purpose: str = "",
) -> Flaw | None:
    """Why there is no valid path from one certificate to one that is trusted; ``others`` may stand between."""
    return Authorities(trusted, tuple(others)).fault(leaf, now=now, purpose=purpose)


@dataclass(frozen=True)
class _Step:
    """A certificate on a path, with the authorities from the leaf to it that count for the length of the path."""

    certificate: Certificate
    authorities: int = 0
    below: _Step | None = None

    def path(self) -> list[Certificate]:
        """From the leaf to here."""
        found: list[Certificate] = []
        step: _Step | None = self
        while step is not None:
            found.append(step.certificate)
            step = step.below
        return found[::-1]


class _Search:
    """One search for a path: every certificate is come to once, by the fewest authorities that lead to it."""

    def __init__(self, known: Authorities, now: datetime, purpose: str) -> None:
        self._known, self._now, self._purpose = known, now, purpose
        self._found: list[Flaw] = []
        self._keys: set[tuple[Certificate, bytes]] = set()

    def fault(self, leaf: Certificate) -> Flaw | None:
        waiting, seen = deque([_Step(leaf)]), {leaf}
        while waiting:
            step = waiting.popleft()
            if step.certificate in self._known.trusted:
                return constraint_fault(step.path())
            for issuer in self._issuers(step, seen):
                seen.add(issuer)
                if issuer.self_issued:  # an authority with another key, which makes no path longer
                    waiting.appendleft(_Step(issuer, step.authorities, step))
                else:
                    waiting.append(_Step(issuer, step.authorities + 1, step))
            if len(self._keys) > MOST_SIGNATURES:
                return Flaw(f"no path was found with {MOST_SIGNATURES} signatures verified, and no more are", UNKNOWN)
        unsure = next((one for one in self._found if one.status == UNKNOWN), None)
        return unsure or next(iter(self._found), Flaw("no path to a trusted certificate"))

    def _issuers(self, step: _Step, seen: set[Certificate]) -> Iterator[Certificate]:
        certificate = step.certificate
        if certificate.self_issued and names_key_of(certificate.extension(_AUTHORITY_KEY_IDENTIFIER), certificate):
            # A certificate with its name and key that is trusted would have been found beside it.
            self._found.append(Flaw(f"{common(certificate.subject)} {_own_issuer(certificate)}"))
            return
        named = list(self._known.named(certificate.issuer_name))
        for issuer in named if self._known.every else self._first(certificate, named):
            if issuer in seen:
                continue
            fault = self._issuing_fault(step, issuer)
            if fault is None:
                yield issuer
            else:
                self._found.append(fault)
            if len(self._keys) > MOST_SIGNATURES:
                return
        if not named:
            self._found.append(Flaw(f"the issuer {common(certificate.issuer)} is missing"))

    def _first(self, certificate: Certificate, named: Sequence[Certificate]) -> Sequence[Certificate]:
        """The one of some of the right name that OpenSSL would take, or all where it would take none."""
        likely = [one for one in named if _is_likely(certificate, one)]
        for some in (
            [one for one in likely if one in self._known.trusted],
            [one for one in likely if one not in self._known.trusted],
        ):
            if some:
                return [next((one for one in some if self._is_valid(one)), max(some, key=lambda one: one.ends))]
        return named

    def _is_valid(self, certificate: Certificate) -> bool:
        return certificate.begins <= self._now < certificate.ends

    def _issuing_fault(self, step: _Step, issuer: Certificate) -> Flaw | None:
        """Why an authority of the right name is not the issuer of a certificate, or may not be."""
        certificate = step.certificate
        name = common(issuer.subject)
        self._keys.add((certificate, issuer.public_key))
        signature = certificate.signed_by(issuer)
        if signature is Signature.FORGED:
            return Flaw(f"{name} did not sign {common(certificate.subject)}")
        if not names_key_of(certificate.extension(_AUTHORITY_KEY_IDENTIFIER), issuer):
            return Flaw(
                f"{common(certificate.subject)} names another key or serial number as its issuer's than {name} has"
            )
        why = self._unfit(issuer, step.authorities)
        if why:
            return Flaw(f"{name} {why}")
        if issuer.damage:
            return Flaw(f"{name}: {issuer.damage}", UNKNOWN)
        if signature is Signature.UNVERIFIABLE:
            return Flaw(f"whether {name} signed {common(certificate.subject)} cannot be verified here", UNKNOWN)
        return None

    def _unfit(self, issuer: Certificate, authorities: int) -> str:
        """Why an authority may not issue, with so many between it and the leaf."""
        reasons = (
            (not issuer.damage and not self._may_issue(issuer), "is no certificate authority"),
            (issuer.key_usage and "key_cert_sign" not in issuer.key_usage, "may not sign certificates"),
            (
                issuer.unknown_critical,
                "has a critical extension that OpenSSL does not know",
            ),
            (self._purpose and not issuer.allows(self._purpose), f"may not issue for {self._purpose}"),
            (
                issuer.path_length is not None and authorities > issuer.path_length,
                f"allows {issuer.path_length} authorities below itself, there are {authorities}",
            ),
            (self._now < issuer.begins, f"is not valid before {issuer.begins:%Y-%m-%d %H:%M} UTC"),
            (issuer.ends <= self._now, f"expired on {issuer.ends:%Y-%m-%d}"),
        )
        return next((why for holds, why in reasons if holds), "")

    def _may_issue(self, issuer: Certificate) -> bool:
        if issuer.is_authority:
            return True
        # OpenSSL lets one that is trusted do so which only says that its key may sign certificates.
        says_nothing = issuer.extension("2.5.29.19") is None
        return says_nothing and issuer in self._known.trusted and "key_cert_sign" in issuer.key_usage


def _own_issuer(certificate: Certificate) -> str:
    if certificate.self_signed:
        return "is self-signed and not trusted"
    return "names itself as its issuer and no other key (authority key identifier): OpenSSL takes it for self-signed"


def _is_likely(certificate: Certificate, issuer: Certificate) -> bool:
    """Whether OpenSSL would take one of the right name for the issuer, before it checks the signature."""
    may_sign = not issuer.key_usage or "key_cert_sign" in issuer.key_usage
    return may_sign and names_key_of(certificate.extension(_AUTHORITY_KEY_IDENTIFIER), issuer)


def names_key_of(identifier: Any, issuer: Certificate) -> bool:
    """Whether an authority key identifier, where there is one, names the key of an authority (``X509_check_akid``)."""
    if identifier is None:
        return True
    own = issuer.extension(_KEY_IDENTIFIER)
    if identifier.key_identifier and own is not None and identifier.key_identifier != own.digest:
        return False
    serial = identifier.authority_cert_serial_number
    if serial is not None and serial != issuer.x509.serial_number:
        return False
    above = [one.value for one in identifier.authority_cert_issuer or () if type(one).__name__ == "DirectoryName"]
    return not above or canonical(above[0].public_bytes()) == issuer.issuer_name


def common(subject: str) -> str:
    """The common name in a subject, or all of it where there is none: short enough for a sentence."""
    for part in subject.split(","):
        if part.startswith("CN="):
            return part
    return subject or "(no subject)"
