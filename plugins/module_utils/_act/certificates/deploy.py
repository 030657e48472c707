# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Puts issued certificates into service: what has to be true of them, and what the files of their sets hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from ..._certificates.bundle import Reader, load_bundle, load_key
from ..._certificates.certificate import Certificate
from ..._certificates.der import Unreadable
from ..._core import drivers
from ..._core.errors import RunbookError
from ..._core.options import Given
from ..journal import Journal
from .change import Change, Outcome, carry_out, set_name
from .set import label
from .store import PENDING_KEY, CertificateSets, layout_of, paths

#: The name of the procedure in the journal.
PROCEDURE = "certificate_deploy"


@dataclass(frozen=True)
class Issued:
    """A set as it is described, and what was issued for its pending key; everything is PEM."""

    given: Given
    certificate: str
    fullchain: str
    ca: str


@dataclass
class Deployment(Change):
    """The change to a set that was just issued."""

    issued: Issued | None = None

    def contents(self, sets: CertificateSets) -> dict[str, bytes]:
        return super().contents(sets) if self.issued is None else _contents(self.issued, sets)


def check(issued: Issued) -> Certificate:
    """The certificate that was issued, after everything that can be known of it is known; nothing is changed.

    Raises `RunbookError` where it is not of the pending key, or its service could not work with it.
    """
    given, where = issued.given, label(issued.given)
    try:
        leaf = load_bundle(issued.certificate.encode())[0]
        chain = load_bundle(issued.fullchain.encode())
        load_bundle(issued.ca.encode())
        with CertificateSets(layout_of(given)) as sets:
            key = sets.pending().get(PENDING_KEY)
            _trusted(issued, sets)
        if key is None:
            raise RunbookError(f"{where}: there is no pending key for this certificate; ask for it anew")
        if not load_key(key).matches(leaf):
            raise RunbookError(f"{where}: the certificate {leaf.serial} is not of the pending key; ask for it anew")
    except Unreadable as exc:
        raise RunbookError(f"{where}: what was issued cannot be used: {exc}") from exc
    except OSError as exc:
        raise RunbookError(f"{given['directory']}: {exc.strerror}") from exc
    if chain[0] != leaf:
        raise RunbookError(f"{where}: the chain begins with another certificate than {leaf.serial}")
    return leaf


def deploy(journal: Journal, wanted: Sequence[Issued], *, now: datetime) -> Iterator[Outcome]:
    """Put certificates into service, those of one service after those of another; yields what became of each.

    Everything is checked before anything is changed. The first service that refuses ends it: its old sets are in
    service again, and what follows is left alone.
    """
    changes = [Deployment(issued.given, set_name(check(issued)), issued=issued) for issued in wanted]
    yield from carry_out(journal, PROCEDURE, changes, now=now)


def _contents(issued: Issued, sets: CertificateSets) -> dict[str, bytes]:
    """The files of a new set but for its key, by their role, those that the description has."""
    found = {
        "certificate": issued.certificate.encode(),
        "fullchain": issued.fullchain.encode(),
        "ca": _trusted(issued, sets),
    }
    roles = sets.layout.files
    if "pkcs12" in roles:
        found["pkcs12"] = _pkcs12(issued, sets.pending()[PENDING_KEY])
    return {role: content for role, content in found.items() if role in roles}


def _trusted(issued: Issued, sets: CertificateSets) -> bytes:
    """What the new set trusts: the issuer, and beside it whatever the one in service does, but for its own certificate.

    Only `certificate_trust` takes trust away. Raises `RunbookError` where what the service trusts cannot be read.
    """
    live = sets.live()
    held = live.get("ca", b"")
    if not held.strip():
        return issued.ca.encode()
    try:
        trusted = load_bundle(held)
    except Unreadable as exc:
        path = paths(sets.layout)["ca"]
        raise RunbookError(
            f"{label(issued.given)}: {path} {exc}: what the service trusts beside the issuer cannot be read, so nothing"
            " is put into its place; fix it, or empty it where it trusts no other"
        ) from exc
    known = {*load_bundle(issued.ca.encode()), *Reader().content(live.get("certificate", b"")).certificates[:1]}
    others = [one for one in dict.fromkeys(trusted) if one not in known]
    return f"{issued.ca.rstrip()}\n{''.join(one.pem for one in others)}".encode()


def _pkcs12(issued: Issued, key: bytes) -> bytes:
    """Key and chain in one file, without a passphrase: it has the mode of the key."""
    x509 = drivers.load("cryptography.x509")
    serialization = drivers.load("cryptography.hazmat.primitives.serialization")
    pkcs12 = drivers.load("cryptography.hazmat.primitives.serialization.pkcs12")
    chain = [x509.load_der_x509_certificate(one.der) for one in load_bundle(issued.fullchain.encode())]
    written: bytes = pkcs12.serialize_key_and_certificates(
        issued.given["point"].encode(),
        serialization.load_pem_private_key(key, None),
        chain[0],
        chain[1:] or None,
        serialization.NoEncryption(),
    )
    return written
