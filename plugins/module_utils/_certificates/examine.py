# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A managed set of certificate, key and chain, held against its description."""

from __future__ import annotations

import contextlib
import grp
import pwd
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from .._core.about import (
    BRINGS,
    ENDPOINT,
    FILE,
    Fault,
)
from .._core.checks import CRITICAL, UNKNOWN, WARNING, Finding
from .._core.options import Given
from .bundle import Reader
from .certificate import Certificate
from .files import File, read
from .holdings import ASPECTS, SERVED, CertificateFinding, Holdings
from .judge import judge
from .revocation import RevocationList
from .served import served
from .summary import good_findings, summarized

#: What a certificate must be allowed to be used for, by the profile of its set.
PURPOSES: Mapping[str, tuple[str, ...]] = {
    "server": ("serverAuth",),
    "client": ("clientAuth",),
    "both": ("serverAuth", "clientAuth"),
}

#: Files of a set that begin with its certificate, by their role.
_LEAVES = ("certificate", "fullchain", "pkcs12")


def examine(given: Given, paths: Mapping[str, Path]) -> Iterator[Finding]:
    """One finding for each aspect of a set whose files are at ``paths``, by what they hold."""
    reader = Reader()
    files = {role: read(str(path), path.name, reader) for role, path in paths.items()}
    crls, list_findings = read_crl(given.get("crl"), reader)
    holdings = holdings_of(given, files, crls, datetime.now(timezone.utc))
    findings = [*list_findings, *judge(holdings), *differences(given, files)]
    good = good_findings(holdings)
    if not files["certificate"].certificates:
        unseen = Finding("", UNKNOWN, f"not determined: {files['certificate'].name} holds no certificate")
        good.update({aspect: replace(unseen, aspect=aspect) for aspect in _OF_THE_CERTIFICATE})
    for aspect in ASPECTS:
        yield summarized(aspect, findings, good[aspect], holdings)
    if given.get("served_by"):
        yield served(given, files["certificate"])


def holdings_of(
    given: Given, files: Mapping[str, File], crls: Sequence[tuple[str, RevocationList]], now: datetime
) -> Holdings:
    """The files of a set, by their role, with what they are to be held against."""
    return Holdings(
        list(files.values()),
        now,
        trusted=_anchors(files["ca"].certificates) if "ca" in files else None,
        crls=crls,
        limits=given,
        sent=frozenset({files["fullchain"].name} if "fullchain" in files else ()),
        leaf=next(iter(files["certificate"].certificates), None),
        leaves=frozenset(files[role].name for role in _LEAVES if role in files),
        purposes=PURPOSES[given["profile"]],
    )


def _anchors(bundle: list[Certificate]) -> list[Certificate]:
    """Where a chain has to end: at the roots, since clients may know nothing else, or at what there is instead."""
    return [certificate for certificate in bundle if certificate.self_issued] or bundle


#: Aspects of which nothing is known without the certificate itself.
_OF_THE_CERTIFICATE = ("expiry", "key", "chain", "names", "strength", "revocation")


def read_crl(path: str | None, reader: Reader) -> tuple[list[tuple[str, RevocationList]], list[CertificateFinding]]:
    """The lists in a file that was named, and why there is none."""
    if not path:
        return [], []
    file = read(path, path, reader)
    faults = [file.trouble] if file.trouble else file.content.faults
    if not faults and not file.content.crls:
        faults = ["holds no revocation list"]
    findings = [CertificateFinding("revocation", UNKNOWN, path, fault) for fault in faults]
    return [(path, crl) for crl in file.content.crls], findings


# -- The set against its description -----------------------------------------------------------------------------------


def differences(given: Given, files: Mapping[str, File]) -> Iterator[CertificateFinding]:
    """What is sound in itself, and not what the description of the set says."""
    yield from _contents(files, [port["port"] for port in given.get("served_by") or ()])
    yield from _owners(given, files)
    file = files["certificate"]
    if not file.certificates:
        return
    certificate = file.certificates[0]
    missing = certificate.missing_names(given["names"])
    if missing:
        covered = ", ".join(certificate.names) or "none"
        yield CertificateFinding(
            "names", CRITICAL, file.name, f"does not cover {', '.join(missing)} (its names: {covered})", 1
        )
    for purpose in PURPOSES[given["profile"]]:
        misuse = certificate.misuse(purpose)
        if misuse:
            yield CertificateFinding("chain", CRITICAL, file.name, misuse, 1)


def _contents(files: Mapping[str, File], ports: Sequence[int]) -> Iterator[CertificateFinding]:
    """Whether each file holds what its role in the set promises, and all of them the same certificate."""
    leaf = next(iter(files["certificate"].certificates), None)
    name = files["certificate"].name
    for role, file in files.items():
        if file.trouble or file.content.faults:
            continue
        if role == "key":
            yield from _key(file, leaf, name, ports)
        elif not file.certificates:
            yield CertificateFinding("readable", CRITICAL, file.name, "holds no certificate")
        elif role in ("fullchain", "pkcs12") and leaf and file.certificates[0] != leaf:
            yield CertificateFinding("chain", CRITICAL, file.name, f"begins with another certificate than {name}", 1)


def _key(file: File, leaf: Certificate | None, name: str, ports: Sequence[int]) -> Iterator[CertificateFinding]:
    if not file.content.keys:
        yield CertificateFinding("readable", CRITICAL, file.name, "holds no private key")
        return
    key = file.content.keys[0]
    if not key.readable:
        yield CertificateFinding("key", UNKNOWN, file.name, "is encrypted, and cannot be compared with the certificate")
    elif leaf and not key.matches(leaf):
        # No server can take it into service.
        brought = (Fault(SERVED, ((ENDPOINT, str(port)),), BRINGS) for port in ports)
        faults = (Fault.stated("key", (FILE, file.path)), *brought)
        yield CertificateFinding("key", CRITICAL, file.name, f"does not match the certificate in {name}", faults=faults)


def _owners(given: Given, files: Mapping[str, File]) -> Iterator[CertificateFinding]:
    """Whether the files are whose they should be, and the key's mode what it should be."""
    for role, file in files.items():
        if file.trouble:
            continue
        user, group = _user(file.uid), _group(file.gid)
        if user != given["user"]:
            # Another user who owns a file can take any right to it; root has them anyway.
            status = WARNING if user == "root" else CRITICAL
            yield CertificateFinding("permissions", status, file.name, f"belongs to {user} and not to {given['user']}")
        elif group != given["group"]:
            yield CertificateFinding(
                "permissions", WARNING, file.name, f"is of the group {group} and not {given['group']}"
            )
        if role == "key" and not file.mode & 0o007 and file.mode != int(given["key_mode"], 8):
            yield CertificateFinding(
                "permissions", WARNING, file.name, f"has the mode {file.mode:04o} and not {given['key_mode']}"
            )


def _user(uid: int) -> str:
    with contextlib.suppress(KeyError):
        return pwd.getpwuid(uid).pw_name
    return str(uid)


def _group(gid: int) -> str:
    with contextlib.suppress(KeyError):
        return grp.getgrgid(gid).gr_name
    return str(gid)
