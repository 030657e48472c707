# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Some files of certificates that were read, and the findings about them: what is wrong, and where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from .._clients import tls
from .._core.about import CERTIFICATE, CHAIN_OF, FILE, Fault
from .._core.checks import Limits
from .certificate import Certificate
from .files import File
from .revocation import RevocationList

#: Every aspect of some files. `SERVED` comes with those that a port serves.
READABLE = "readable"
ASPECTS = (READABLE, "expiry", "key", "chain", "names", "strength", "revocation", "permissions")
SERVED = "served"

NO_LIMITS = Limits()


@dataclass(frozen=True)
class CertificateFinding:
    """One thing that is wrong, or cannot be known, with where it is; ``position`` counts certificates from 1."""

    aspect: str
    status: str
    file: str
    message: str
    position: int = 0
    value: float | None = None
    limits: Limits = NO_LIMITS
    #: The same as data, where it is not about a file or a certificate in one.
    faults: tuple[Fault, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """As a module returns it."""
        return {
            "aspect": self.aspect,
            "status": self.status,
            "location": self.file,
            "position": self.position or None,
            "message": self.message,
        }


@dataclass
class Holdings:
    """Some files that were read, and what they are to be held against."""

    files: Sequence[File]
    now: datetime
    #: Certificates that a chain must end at; nothing where none was given.
    trusted: Sequence[Certificate] | None = None
    #: Lists that are no part of the files, with the names of theirs.
    crls: Sequence[tuple[str, RevocationList]] = ()
    limits: Mapping[str, Any] = field(default_factory=dict)
    #: Names of files that a server sends, and that have to have everything between the certificate and the trust.
    sent: frozenset[str] = frozenset()
    #: The certificate that all of them belong to, where they are one set.
    leaf: Certificate | None = None
    #: Names of files that begin with the certificate of a server or client, whatever that says of itself.
    leaves: frozenset[str] = frozenset()
    #: What the certificates of those are used for; of others, what they say themselves.
    purposes: Sequence[str] = ()

    def __post_init__(self) -> None:
        #: Where each certificate is, as (file, position).
        self.positions: dict[Certificate, list[tuple[File, int]]] = {}
        for file in self.files:
            for position, certificate in enumerate(file.content.certificates, start=1):
                self.positions.setdefault(certificate, []).append((file, position))

    @property
    def lists(self) -> list[tuple[str, RevocationList]]:
        """Every revocation list."""
        return [*self.crls, *((file.name, crl) for file in self.files for crl in file.content.crls)]

    @cached_property
    def _by_name(self) -> dict[str, File]:
        return {file.name: file for file in self.files}

    @cached_property
    def _broken(self) -> list[File]:
        """The files that could not be read, in part at least."""
        return [file for file in self.files if file.trouble or file.content.faults]

    def faults(self, finding: CertificateFinding) -> tuple[Fault, ...]:
        """A finding as data: the certificate that it is about and the chains that have it, or else the file."""
        if finding.faults:
            return finding.faults
        file = self._by_name.get(finding.file)
        if finding.aspect == "key" and file:
            # What it would be compared with may be in there.
            broken = [one for one in self._broken if one.folder == file.folder]
            if broken:
                return (Fault(READABLE, ((FILE, broken[0].path),)),)
        if not file or not 0 < finding.position <= len(file.certificates):
            return (Fault.stated(finding.aspect, (FILE, file.path if file else finding.file)),)
        chains = [one for one in (file.certificates[0], self.leaf) if one]
        subjects = [(CERTIFICATE, file.certificates[finding.position - 1]), *((CHAIN_OF, one) for one in chains)]
        named = dict.fromkeys((sort, tls.fingerprint(one.der)) for sort, one in subjects)
        return (Fault.stated(finding.aspect, *named),)

    def findings(
        self,
        aspect: str,
        status: str,
        certificate: Certificate,
        message: str,
        value: float | None = None,
        limits: Limits = NO_LIMITS,
    ) -> Iterator[CertificateFinding]:
        """Yield the same finding for each position of a certificate."""
        for file, position in self.positions[certificate]:
            yield CertificateFinding(aspect, status, file.name, message, position, value, limits)
