# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is wrong with some files of certificates: one remark for each thing, and one finding for each aspect.

Pure: files and a moment in, remarks out.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from .._clients import tls
from .._core.about import CERTIFICATE, CHAIN_OF, FILE, PROBE, Fault
from .._core.checks import CRITICAL, NOT_APPLICABLE, OK, STATUSES, UNKNOWN, WARNING, Finding, Limits
from .._core.options import NOT_NEGATIVE, Option, Options
from .._core.text import excerpt
from .bundle import Key
from .certificate import Certificate
from .chain import Authorities, common, order_fault
from .expiry import LEAF_LIMIT_OPTIONS, expiry_limits, expiry_status, lifetime_told, rounded
from .files import File
from .flaw import Flaw
from .names import DistinguishedName
from .revocation import RevocationList

#: Every aspect of some files. `SERVED` comes with those that somebody serves.
READABLE = "readable"
ASPECTS = (READABLE, "expiry", "key", "chain", "names", "strength", "revocation", "permissions")
SERVED = "served"

LIMIT_OPTIONS: Options = {
    **LEAF_LIMIT_OPTIONS,
    "ca_warning_days": Option(
        "float",
        "Warn when an authority has fewer days left. Without it: 365 days for a root and 60 for an intermediate, or a"
        " third of the lifetime, whichever is less.",
        within=NOT_NEGATIVE,
        falling=True,
    ),
    "ca_critical_days": Option(
        "float",
        "Fail when an authority has fewer days left. Without it: 182 days for a root and 30 for an intermediate, or a"
        " sixth of the lifetime, whichever is less.",
        within=NOT_NEGATIVE,
        falling=True,
    ),
}

#: The share of a revocation list's lifetime after which the next one should be there.
CRL_WARNING_SHARE = 0.95

#: Bits below which a key is weak, by its kind.
SMALLEST = {"rsa": 2048, "ecdsa": 256}

#: What certificates are used for in TLS.
USES = ("serverAuth", "clientAuth")

#: Hashes that no longer bind a signature to what was signed.
BROKEN_HASHES = frozenset({"md2", "md4", "md5", "sha1"})

#: How many files a message names before it only counts them.
NAMED = 5


#: How many faults a finding names as data.
MOST_FAULTS = 50

NO_LIMITS = Limits()


@dataclass(frozen=True)
class Remark:
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
            "place": self.file,
            "position": self.position or None,
            "message": self.message,
        }


@dataclass
class Holdings:
    """Some files that were read, and what they are to be held against."""

    files: Sequence[File]
    now: datetime
    #: Certificates that a chain must end at; nothing where nobody said which.
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
        self.places: dict[Certificate, list[tuple[File, int]]] = {}
        for file in self.files:
            for position, certificate in enumerate(file.content.certificates, start=1):
                self.places.setdefault(certificate, []).append((file, position))

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

    def faults(self, remark: Remark) -> tuple[Fault, ...]:
        """A remark as data: the certificate that it is about and the chains that have it, or else the file."""
        if remark.faults:
            return remark.faults
        file = self._by_name.get(remark.file)
        if remark.aspect == "key" and file:
            # What it would be compared with may be in there.
            broken = [one for one in self._broken if one.folder == file.folder]
            if broken:
                return (Fault(READABLE, ((FILE, broken[0].path),)),)
        if not file or not 0 < remark.position <= len(file.certificates):
            return (Fault.stated(remark.aspect, (FILE, file.path if file else remark.file)),)
        chains = [one for one in (file.certificates[0], self.leaf) if one]
        subjects = [(CERTIFICATE, file.certificates[remark.position - 1]), *((CHAIN_OF, one) for one in chains)]
        named = dict.fromkeys((sort, tls.fingerprint(one.der)) for sort, one in subjects)
        return (Fault.stated(remark.aspect, *named),)

    def remark(
        self,
        aspect: str,
        status: str,
        certificate: Certificate,
        message: str,
        value: float | None = None,
        limits: Limits = NO_LIMITS,
    ) -> Iterator[Remark]:
        """Yield the same remark for each place where a certificate is."""
        for file, position in self.places[certificate]:
            yield Remark(aspect, status, file.name, message, position, value, limits)


# -- Aspects -----------------------------------------------------------------------------------------------------------


def readable(holdings: Holdings) -> Iterator[Remark]:
    """What is not what its name promises, or could not be read."""
    for file in holdings.files:
        if file.trouble:
            yield Remark("readable", CRITICAL if file.missing else UNKNOWN, file.name, file.trouble)
        for fault in file.content.faults:
            status = UNKNOWN if fault in file.content.doubts else CRITICAL
            yield Remark("readable", status, file.name, fault)
    for certificate in holdings.places:
        if certificate.damage:
            # OpenSSL may read what the library does not, which says nothing about either.
            yield from holdings.remark("readable", UNKNOWN, certificate, certificate.damage)


def expiry(holdings: Holdings) -> Iterator[Remark]:
    """How long each certificate has left; those that have enough are remarked too, to know which is next."""
    now = holdings.now
    for certificate in holdings.places:
        limits = expiry_limits(certificate, holdings.limits)
        status = expiry_status(certificate, limits, now)
        if status == OK:
            continue
        days = rounded(certificate.days_left(now))
        yield from holdings.remark("expiry", status, certificate, lifetime_told(certificate, now), days, limits)


def keys(holdings: Holdings) -> Iterator[Remark]:
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
        # An authority is nobody's partner by name alone: a folder may have key.pem for cert.pem beside ca.pem.
        for key in file.content.keys:
            if key.readable:
                yield from _key_remarks(key, file, partners, beside, known=key.public_key in public)


def _key_remarks(
    key: Key, file: File, partners: Sequence[File], beside: Sequence[File], *, known: bool
) -> Iterator[Remark]:
    strangers = [other for other in partners if not any(key.matches(one) for one in _owners_of_keys(other))]
    if strangers:
        yield Remark("key", CRITICAL, file.name, f"does not match the certificate in {strangers[0].name}")
    elif not partners and not known:
        # Written otherwise than in the certificate, it may still be the same key.
        if any(key.matches(one) for other in beside for one in _owners_of_keys(other)):
            return
        if beside:
            yield Remark("key", CRITICAL, file.name, "does not match any certificate beside it")
        else:
            yield Remark("key", WARNING, file.name, "no certificate of this key was found")


def _owners_of_keys(file: File) -> Sequence[Certificate]:
    """The certificates of a file whose key may stand beside: the first, which servers take for theirs.

    Of authorities alone it is any, since they have no order.
    """
    every = file.content.certificates
    return every if all(one.is_authority for one in every) else every[:1]


#: Words of a file's name that tell what it holds, and not whose.
_HOLDS = frozenset({"key", "privkey", "private", "cert", "certificate", "crt", "cer", "fullchain", "tls", "pem", "der"})


def _stem(name: str) -> tuple[str, ...]:
    """Whose file this is, by its name alone: ``client-key.pem`` and ``client-cert.pem`` are a pair."""
    words = re.split(r"[-_.]", name.rsplit("/", 1)[-1].lower())
    return tuple(word for word in words if word and word not in _HOLDS)


def chains(holdings: Holdings) -> Iterator[Remark]:
    """Bundles that are out of order, and certificates that nobody who is trusted vouches for."""
    for certificate in holdings.places:
        if certificate.unknown_critical:
            what = ", ".join(certificate.unknown_critical)
            message = f"has a critical extension that OpenSSL does not know, and refuses it for: {what}"
            yield from holdings.remark("chain", CRITICAL, certificate, message)
    authorities = [certificate for certificate in holdings.places if certificate.is_authority]
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


def _chain_of(holdings: Holdings, file: File, known: Authorities | None) -> Iterator[Remark]:
    bundle, leads = file.content.certificates, _begins_with_a_leaf(holdings, file)
    fault = None
    # What could not be read may be what is missing.
    if len(bundle) > 1 and file.content.form == "PEM" and not file.content.faults:
        fault = order_fault(bundle, leaf_first=leads)
    if fault is not None:
        yield Remark("chain", fault.status, file.name, fault.message, 1)
    elif not leads:
        return
    elif bundle[0].self_signed:
        yield from _self_signed(holdings, file)
    elif known is not None:
        fault = _path_fault(holdings, file, known)
        if fault is not None:
            yield Remark("chain", fault.status, file.name, fault.message, 1)


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


def _self_signed(holdings: Holdings, file: File) -> Iterator[Remark]:
    certificate = file.content.certificates[0]
    name = common(excerpt(certificate.subject))
    if holdings.trusted is not None and certificate not in holdings.trusted:
        yield Remark("chain", CRITICAL, file.name, f"{name} is self-signed, where an authority is expected", 1)
    else:
        yield Remark("chain", WARNING, file.name, f"{name} is self-signed", 1)


def _strange_authorities(
    holdings: Holdings, known: Authorities, authorities: Sequence[Certificate]
) -> Iterator[Remark]:
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
            yield from holdings.remark("chain", min(fault.status, WARNING, key=STATUSES.index), certificate, message)


def names(holdings: Holdings) -> Iterator[Remark]:
    """Certificates that no client can accept, because they cover no name."""
    for certificate in holdings.places:
        if certificate.is_authority or certificate.has_names or certificate.damage:  # the last is a remark already
            continue
        usage, subject = certificate.extended_usage, common(excerpt(certificate.subject))
        message = f"{subject} has no subject alternative name: clients look at nothing else"
        if "serverAuth" in usage:
            yield from holdings.remark("names", CRITICAL, certificate, message)
        elif not usage:
            yield from holdings.remark("names", WARNING, certificate, message)


def strength(holdings: Holdings) -> Iterator[Remark]:
    """Keys that are too small, and signatures that can be forged."""
    for certificate in holdings.places:
        fault = weakness(certificate)
        if fault:
            yield from holdings.remark("strength", CRITICAL, certificate, fault)


def weakness(certificate: Certificate) -> str:
    """What is weak about a certificate; empty where nothing is."""
    key, signed = certificate.key, certificate.signature_hash
    if key.kind == "dsa":
        return f"{key} key: nobody accepts DSA any more"
    if key.bits < SMALLEST.get(key.kind, 0):
        return f"{key} key of {key.bits} bits, at least {SMALLEST[key.kind]} are needed"
    # Nobody looks at the signature of a root: it is trusted for being where it is.
    if signed in BROKEN_HASHES and not certificate.is_root:
        return f"signed with {signed.upper()}, which can be forged"
    if key.kind == "unknown":
        return "its key is of a kind that nobody here knows"
    return ""


def revocation(holdings: Holdings) -> Iterator[Remark]:
    """Certificates that are revoked, lists that nobody should go by, and what those do not tell that there are."""
    known: dict[DistinguishedName, list[Certificate]] = defaultdict(list)
    lists = holdings.lists
    if lists:
        for certificate in dict.fromkeys((*holdings.places, *(holdings.trusted or ()))):
            known[certificate.subject_name].append(certificate)
    by_issuer: dict[DistinguishedName, list[_Listed]] = defaultdict(list)
    for name, crl in lists:
        yield from _stale(name, crl, holdings.now)
        fault = crl.issuing_fault(known[crl.issuer_name])
        if fault is not None:
            yield Remark("revocation", fault.status, name, fault.message)
        by_issuer[crl.issuer_name].append(_Listed(name, crl, fault, crl.signers(known[crl.issuer_name])))
    if not by_issuer:
        return
    for certificate in holdings.places:
        listed = by_issuer.get(certificate.issuer_name)
        if listed:
            for fault in _revoked(certificate, listed, known[certificate.issuer_name]):
                yield from holdings.remark("revocation", fault.status, certificate, fault.message)


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
        cleared = cleared or fault is None  # what is wrong with the list itself is a remark about the list
    if not cleared:
        yield from doubts[:1]


def _stale(name: str, crl: RevocationList, now: datetime) -> Iterator[Remark]:
    if crl.ends is None:
        yield Remark("revocation", WARNING, name, "the list does not say until when it holds")
        return
    until = f"{crl.ends:%Y-%m-%d %H:%M} UTC"
    if crl.ends <= now:
        yield Remark("revocation", CRITICAL, name, f"the list is stale: the next one was due {until}")
    elif now < crl.begins:
        yield Remark("revocation", CRITICAL, name, f"the list is not valid before {crl.begins:%Y-%m-%d %H:%M} UTC")
    elif now >= crl.begins + (crl.ends - crl.begins) * CRL_WARNING_SHARE:
        yield Remark("revocation", WARNING, name, f"the next list is due {until}, and not there yet")


_OTHERS_READ, _OTHERS_WRITE, _OTHERS_ANY, _GROUP_WRITE = 0o004, 0o002, 0o007, 0o020


def permissions(holdings: Holdings) -> Iterator[Remark]:
    """Keys that others can read, and files that others can change."""
    for file in holdings.files:
        if file.trouble:
            continue
        secret = bool(file.content.keys) or file.content.locked
        if secret and file.mode & _OTHERS_ANY:
            yield Remark(
                "permissions", CRITICAL, file.name, f"a key that everybody may {_may(file.mode)} (mode {file.mode:04o})"
            )
        elif file.mode & _OTHERS_WRITE:
            yield Remark("permissions", CRITICAL, file.name, f"everybody may change it (mode {file.mode:04o})")
        elif secret and file.mode & _GROUP_WRITE:
            yield Remark("permissions", WARNING, file.name, f"a key that its group may change (mode {file.mode:04o})")


def _may(mode: int) -> str:
    allowed = [verb for bit, verb in ((_OTHERS_READ, "read"), (_OTHERS_WRITE, "change")) if mode & bit]
    return " and ".join(allowed) or "execute"


JUDGES = (readable, expiry, keys, chains, names, strength, revocation, permissions)


def judge(holdings: Holdings) -> list[Remark]:
    """Everything that is wrong."""
    return [remark for one in JUDGES for remark in one(holdings)]


# -- Findings ----------------------------------------------------------------------------------------------------------


def finding(aspect: str, remarks: Iterable[Remark], good: Finding, holdings: Holdings | None = None) -> Finding:
    """One finding for an aspect: the worst remark first, each thing once with its files, or else what is good."""
    about = sorted(
        (remark for remark in remarks if remark.aspect == aspect),
        key=lambda remark: (-STATUSES.index(remark.status), remark.value if remark.value is not None else 0.0),
    )
    if not about:
        return good
    files: dict[str, list[Remark]] = defaultdict(list)
    for remark in about:
        files[remark.message].append(remark)
    told = [_with_files(message, where) for message, where in files.items()]
    message = "; ".join(told[:NAMED])
    if len(told) > NAMED:
        message += f"; and {len(told) - NAMED} more"
    worst = about[0]
    unit = "days" if worst.value is not None else ""
    return Finding(
        aspect,
        worst.status,
        message,
        value=worst.value,
        unit=unit,
        limits=worst.limits,
        faults=_faults(about, holdings),
    )


def _faults(remarks: Sequence[Remark], holdings: Holdings | None) -> tuple[Fault, ...]:
    """What is wrong as data, each thing once. Of very many, the rest is something that no other check has found."""
    named = holdings.faults if holdings else lambda remark: remark.faults
    found = dict.fromkeys(fault for remark in remarks[:MOST_FAULTS] for fault in named(remark))
    more = [Fault.stated("more", (PROBE, ""))] if len(remarks) > MOST_FAULTS else []
    return (*found, *more)


def _with_files(message: str, remarks: Sequence[Remark]) -> str:
    first = remarks[0]
    place = f"{first.file}, number {first.position}" if first.position > 1 else first.file
    others = len({remark.file for remark in remarks}) - 1
    return f"{place}: {message}" + (f" (and in {others} more files)" if others else "")


def good_findings(holdings: Holdings) -> dict[str, Finding]:
    """What is said of each aspect where nothing is wrong with it."""
    certificates, every = len(holdings.places), [key for file in holdings.files for key in file.content.keys]
    lists, locked = holdings.lists, sum(not key.readable for key in every)
    good = {
        "readable": f"{_count(len(holdings.files), 'file')} with {_count(certificates, 'certificate')},"
        f" {_count(len(every), 'key')} and {_count(len(lists), 'revocation list')}",
        "key": f"{_count(len(every) - locked, 'key')} compared with the certificates beside"
        + (f"; {locked} encrypted and not compared" if locked else ""),
        "chain": "in order" + ("" if holdings.trusted is None else ", and trusted"),
        "names": "every certificate of a server has names",
        "strength": "keys and signatures are strong enough",
        "revocation": f"none is revoked by {', '.join(name for name, _crl in lists[:NAMED])}",
        "permissions": "keys are closed to others, and nobody else may change a file",
    }
    if holdings.trusted is None:
        good["chain"] += "; trust was not looked at, since none is given"
    findings = {aspect: Finding(aspect, OK, message) for aspect, message in good.items()}
    if not certificates:
        for aspect in ("chain", "names", "strength"):
            findings[aspect] = Finding(aspect, NOT_APPLICABLE, "no certificate was found")
    if not every:
        findings["key"] = Finding("key", NOT_APPLICABLE, "no key was found")
    if not lists:
        findings["revocation"] = Finding("revocation", NOT_APPLICABLE, "no revocation list was found")
    findings["expiry"] = _next_to_expire(holdings)
    return findings


def _next_to_expire(holdings: Holdings) -> Finding:
    if not holdings.places:
        return Finding("expiry", UNKNOWN, "no certificate was found")
    # The one whose warning is nearest: a root with 400 days left is nearer to its own than a leaf with 29.
    limits = {certificate: expiry_limits(certificate, holdings.limits) for certificate in holdings.places}
    now = holdings.now
    first = min(limits, key=lambda one: one.days_left(now) - float(limits[one].warning or 0))
    file, _position = holdings.places[first][0]
    return Finding(
        "expiry",
        OK,
        f"next of {len(limits)}: {file.name}: {lifetime_told(first, now)}",
        value=rounded(first.days_left(now)),
        unit="days",
        limits=limits[first],
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
