# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Revocation lists: what is revoked, by whose signature, and of what a list says everything (RFC 5280, 5 and 6.3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from functools import cached_property
from typing import Any

from .._core.checks import UNKNOWN
from .certificate import Certificate, moment, name_of, parsed, to_pem, x509
from .chain import common, names_key_of
from .der import children, element
from .flaw import Flaw
from .names import DistinguishedName, canonical
from .signature import Signature, verify

_NUMBER, _DELTA, _DISTRIBUTION_POINT = "2.5.29.20", "2.5.29.27", "2.5.29.28"
_AUTHORITY_KEY_IDENTIFIER, _REASON, _ENTRY_ISSUER = "2.5.29.35", "2.5.29.21", "2.5.29.29"
_POINTS_OF_CERTIFICATE = "2.5.29.31"

#: Critical extensions of a list that are judged here, or change nothing.
_KNOWN = frozenset({_NUMBER, _DELTA, _DISTRIBUTION_POINT, _AUTHORITY_KEY_IDENTIFIER})

_INTEGER = 0x02


class RevocationList:
    """A CRL: which certificates are revoked, and from when to when it holds."""

    def __init__(self, der: bytes) -> None:
        """Parse the bytes; raises `Unreadable` where they are no CRL, or one that cannot be read to its end."""
        self.der = der
        what = "no revocation list"
        self.x509: Any = parsed(what, lambda: x509().load_der_x509_crl(der))
        self._signature_algorithm, self.raw_issuer = parsed(what, lambda: _parts(der))
        #: When it was made, UTC.
        self.begins = parsed(f"{what}: its dates", lambda: moment(self.x509, "last_update"))
        #: When the next one is due, UTC; nothing where it does not say.
        self.ends = parsed(f"{what}: its dates", self._next)
        #: What is revoked, by serial number.
        self.revoked: dict[int, Any] = parsed(
            f"{what}: its entries", lambda: {entry.serial_number: entry for entry in self.x509}
        )
        extensions = parsed(f"{what}: its extensions", lambda: list(self.x509.extensions))
        self._extensions = {one.oid.dotted_string: one.value for one in extensions}
        self._critical = [one.oid.dotted_string for one in extensions if one.critical]

    def _next(self) -> datetime | None:
        if hasattr(self.x509, "next_update_utc"):  # came with cryptography 42
            aware: datetime | None = self.x509.next_update_utc
            return aware
        naive = self.x509.next_update
        return naive.replace(tzinfo=timezone.utc) if naive else None

    @cached_property
    def pem(self) -> str:
        """The list as text."""
        return to_pem("X509 CRL", self.der)

    @cached_property
    def issuer(self) -> str:
        """Who issued it, as RFC 4514 writes it."""
        return name_of(self.x509, "issuer", self.raw_issuer)

    @property
    def issuer_name(self) -> DistinguishedName:
        """The issuer, to compare."""
        return canonical(self.raw_issuer)

    @cached_property
    def number(self) -> int | None:
        """Its number, where it has one."""
        found = self._extensions.get(_NUMBER)
        return None if found is None else int(found.crl_number)

    def signed_by(self, issuer: Certificate) -> Signature:
        """Whether the key of a certificate signed this list."""
        if issuer.loaded_key is None:
            return Signature.UNVERIFIABLE
        return verify(self.x509, self.x509.tbs_certlist_bytes, self._signature_algorithm, issuer.loaded_key)

    def is_signed_by(self, issuer: Certificate) -> bool:
        """Whether this authority made it."""
        return self.signed_by(issuer) is Signature.VALID

    def is_of(self, issuer: Certificate) -> bool:
        """Whether this list is of an authority, by its name alone."""
        return self.raw_issuer == issuer.raw_subject or self.issuer_name == issuer.subject_name

    def issuing_fault(self, known: Iterable[Certificate]) -> Flaw | None:
        """Why this list is none to go by, among the certificates that are known; nothing where one vouches for it."""
        name = common(self.issuer)
        named = [one for one in known if self.is_of(one)]
        if not named:
            return Flaw(f"{name} is not here, whose list this is: whether it is genuine cannot be known", UNKNOWN)
        signatures = {one: self.signed_by(one) for one in named}
        signers = [one for one, signature in signatures.items() if signature is Signature.VALID]
        if not signers and Signature.UNVERIFIABLE not in signatures.values():
            return Flaw(f"{name} did not sign this list")
        reason = self._unfit(name, signers)
        return Flaw(reason, UNKNOWN) if reason else None

    def _unfit(self, name: str, signers: Sequence[Certificate]) -> str:
        """Why no client goes by a list that is not forged; empty where it is as it should be."""
        identifier = self._extensions.get(_AUTHORITY_KEY_IDENTIFIER)
        unknown = [oid for oid in self._critical if oid not in _KNOWN]
        reasons = (
            (not signers, f"whether {name} signed this list cannot be verified here"),
            (
                not any(not one.key_usage or "crl_sign" in one.key_usage for one in signers),
                f"{name} may not sign revocation lists (its key usage lacks cRLSign), so no client goes by this one",
            ),
            (
                not any(names_key_of(identifier, one) for one in signers),
                f"the list names another key than {name} has, so no client goes by it",
            ),
            (unknown, f"the list has critical extensions that are not judged: {', '.join(unknown)}"),
        )
        return next((why for holds, why in reasons if holds), "")

    def signers(self, known: Iterable[Certificate]) -> list[Certificate]:
        """Those of some certificates that signed it."""
        return [one for one in known if self.is_of(one) and self.is_signed_by(one)]

    def verdict(self, certificate: Certificate) -> Flaw | None:
        """What the list says against a certificate of its issuer; nothing where it says that it is not revoked."""
        entry = self.revoked.get(certificate.x509.serial_number)
        if entry is not None:
            return self._of_entry(entry)
        missing = self._incomplete(certificate)
        return Flaw(f"does not show whether it is revoked: {missing}", UNKNOWN) if missing else None

    def _of_entry(self, entry: Any) -> Flaw:
        extensions = parsed("its entry", lambda: {one.oid.dotted_string: one for one in entry.extensions})
        if _ENTRY_ISSUER in extensions:
            return Flaw("has its serial number, for another issuer it seems: indirect lists are not judged", UNKNOWN)
        reason = extensions.get(_REASON)
        if reason is not None and reason.value.reason.name == "remove_from_crl":
            return Flaw("takes it off another list (removeFromCRL), which says nothing alone", UNKNOWN)
        return Flaw("is revoked")

    def _incomplete(self, certificate: Certificate) -> str:
        """Why it is no complete list for a certificate; empty where it is."""
        if _DELTA in self._extensions:
            return "it holds only what changed since another one (a delta)"
        point = self._extensions.get(_DISTRIBUTION_POINT)
        if point is None:
            return ""
        reasons = (
            (point.indirect_crl, "it is indirect, which is not judged"),
            (point.only_some_reasons, "it holds some reasons only"),
            (point.only_contains_attribute_certs, "it holds attribute certificates only"),
            (point.only_contains_ca_certs and not certificate.is_authority, "it holds authorities only"),
            (point.only_contains_user_certs and certificate.is_authority, "it holds no authorities"),
            (not _is_point_of(point, certificate), "it is one of several parts, and not that of the certificate"),
        )
        return next((why for holds, why in reasons if holds), "")


def _is_point_of(point: Any, certificate: Certificate) -> bool:
    """Whether a part of the lists is the one for a certificate: both name the same location."""
    if not point.full_name and not point.relative_name:
        return True
    named = certificate.extension(_POINTS_OF_CERTIFICATE)
    wanted = set(point.full_name or ())
    return any(
        not one.reasons and not one.crl_issuer and not wanted.isdisjoint(one.full_name or ()) for one in named or ()
    )


def _parts(der: bytes) -> tuple[bytes, bytes]:
    """The algorithm and the issuer among what is signed."""
    outer, _ends = element(der, 0)
    parts = [whole for tag, whole in children(der, outer) if tag != _INTEGER]
    return parts[0], parts[1]
