# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is wrong with some files of certificates: one finding for each thing.

Pure: files and a moment in, findings out.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from .._core.checks import CRITICAL, OK, UNKNOWN, WARNING
from .._core.text import excerpt
from .bundle import Key
from .certificate import Certificate
from .chain import common
from .expiry import expiry_limits, expiry_status, lifetime_text, rounded
from .files import File
from .holdings import CertificateFinding, Holdings
from .judge_trust import chains, revocation

#: Bits below which a key is weak, by its kind.
SMALLEST = {"rsa": 2048, "ecdsa": 256}

#: Hashes that no longer bind a signature to what was signed.
BROKEN_HASHES = frozenset({"md2", "md4", "md5", "sha1"})


def readable(holdings: Holdings) -> Iterator[CertificateFinding]:
    """What is not what its name promises, or could not be read."""
    for file in holdings.files:
        if file.trouble:
            yield CertificateFinding("readable", CRITICAL if file.missing else UNKNOWN, file.name, file.trouble)
        for fault in file.content.faults:
            status = UNKNOWN if fault in file.content.doubts else CRITICAL
            yield CertificateFinding("readable", status, file.name, fault)
    for certificate in holdings.positions:
        if certificate.damage:
            # OpenSSL may read what the library does not, which says nothing about either.
            yield from holdings.findings("readable", UNKNOWN, certificate, certificate.damage)


def expiry(holdings: Holdings) -> Iterator[CertificateFinding]:
    """How long each certificate has left; those that have enough are no finding."""
    now = holdings.now
    for certificate in holdings.positions:
        limits = expiry_limits(certificate, holdings.limits)
        status = expiry_status(certificate, limits, now)
        if status == OK:
            continue
        days = rounded(certificate.days_left(now))
        yield from holdings.findings("expiry", status, certificate, lifetime_text(certificate, now), days, limits)


def keys(holdings: Holdings) -> Iterator[CertificateFinding]:
    """Keys that do not belong to the certificate that they stand beside."""
    holders = [file for file in holdings.files if file.content.keys]
    if not holders:
        return
    public = {one.public_key for file in holdings.files for one in _owners_of_keys(file)}
    folders: dict[str, list[File]] = defaultdict(list)
    for file in holdings.files:
        if file.content.certificates:
            folders[file.folder].append(file)
    for file in holders:
        beside = folders[file.folder]
        partners = [other for other in beside if other is file or _stem(other.name) == _stem(file.name)]
        # An authority is the partner of no key by name alone: a folder may have key.pem for cert.pem beside ca.pem.
        for key in file.content.keys:
            if key.readable:
                yield from _key_findings(key, file, partners, beside, known=key.public_key in public)


def _key_findings(
    key: Key, file: File, partners: Sequence[File], beside: Sequence[File], *, known: bool
) -> Iterator[CertificateFinding]:
    strangers = [other for other in partners if not any(key.matches(one) for one in _owners_of_keys(other))]
    if strangers:
        yield CertificateFinding("key", CRITICAL, file.name, f"does not match the certificate in {strangers[0].name}")
    elif not partners and not known:
        # Written otherwise than in the certificate, it may still be the same key.
        if any(key.matches(one) for other in beside for one in _owners_of_keys(other)):
            return
        if beside:
            yield CertificateFinding("key", CRITICAL, file.name, "does not match any certificate beside it")
        else:
            yield CertificateFinding("key", WARNING, file.name, "no certificate of this key was found")


def _owners_of_keys(file: File) -> Sequence[Certificate]:
    """The certificates of a file whose key may stand beside: the first, which servers take for theirs.

    Of authorities alone it is any, since they have no order.
    """
    every = file.content.certificates
    return every if all(one.is_authority for one in every) else every[:1]


#: Words of a file's name that say what it holds, and not what it belongs to.
_HOLDS = frozenset({"key", "privkey", "private", "cert", "certificate", "crt", "cer", "fullchain", "tls", "pem", "der"})


def _stem(name: str) -> tuple[str, ...]:
    """What a file belongs to, by its name alone: ``client-key.pem`` and ``client-cert.pem`` are a pair."""
    words = re.split(r"[-_.]", name.rsplit("/", 1)[-1].lower())
    return tuple(word for word in words if word and word not in _HOLDS)


def names(holdings: Holdings) -> Iterator[CertificateFinding]:
    """Certificates that no client can accept, because they cover no name."""
    for certificate in holdings.positions:
        if certificate.is_authority or certificate.has_names or certificate.damage:  # the last is a finding already
            continue
        usage, subject = certificate.extended_usage, common(excerpt(certificate.subject))
        message = f"{subject} has no subject alternative name: clients check nothing else"
        if "serverAuth" in usage:
            yield from holdings.findings("names", CRITICAL, certificate, message)
        elif not usage:
            yield from holdings.findings("names", WARNING, certificate, message)


def strength(holdings: Holdings) -> Iterator[CertificateFinding]:
    """Keys that are too small, and signatures that can be forged."""
    for certificate in holdings.positions:
        fault = weakness(certificate)
        if fault:
            yield from holdings.findings("strength", CRITICAL, certificate, fault)


def weakness(certificate: Certificate) -> str:
    """What is weak about a certificate; empty where nothing is."""
    key, signed = certificate.key, certificate.signature_hash
    if key.kind == "dsa":
        return f"{key} key: no client accepts DSA any more"
    if key.bits < SMALLEST.get(key.kind, 0):
        return f"{key} key of {key.bits} bits, at least {SMALLEST[key.kind]} are needed"
    # No client checks the signature of a root: it is trusted for being where it is.
    if signed in BROKEN_HASHES and not certificate.is_root:
        return f"signed with {signed.upper()}, which can be forged"
    if key.kind == "unknown":
        return "its key is of a kind that is not known here"
    return ""


_OTHERS_READ, _OTHERS_WRITE, _OTHERS_ANY, _GROUP_WRITE = 0o004, 0o002, 0o007, 0o020


def permissions(holdings: Holdings) -> Iterator[CertificateFinding]:
    """Keys that others can read, and files that others can change."""
    for file in holdings.files:
        if file.trouble:
            continue
        secret = bool(file.content.keys) or file.content.locked
        if secret and file.mode & _OTHERS_ANY:
            yield CertificateFinding(
                "permissions",
                CRITICAL,
                file.name,
                f"a key that every user may {_may(file.mode)} (mode {file.mode:04o})",
            )
        elif file.mode & _OTHERS_WRITE:
            yield CertificateFinding(
                "permissions", CRITICAL, file.name, f"every user may change it (mode {file.mode:04o})"
            )
        elif secret and file.mode & _GROUP_WRITE:
            yield CertificateFinding(
                "permissions", WARNING, file.name, f"a key that its group may change (mode {file.mode:04o})"
            )


def _may(mode: int) -> str:
    allowed = [verb for bit, verb in ((_OTHERS_READ, "read"), (_OTHERS_WRITE, "change")) if mode & bit]
    return " and ".join(allowed) or "execute"


JUDGES = (readable, expiry, keys, chains, names, strength, revocation, permissions)


def judge(holdings: Holdings) -> list[CertificateFinding]:
    """Everything that is wrong."""
    return [finding for one in JUDGES for finding in one(holdings)]
