# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What checks say of some files of certificates: one finding for each aspect, of all that is wrong with it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from .._core.about import PROBE, Fault
from .._core.checks import NOT_APPLICABLE, OK, STATUSES, UNKNOWN, Finding
from .expiry import expiry_limits, lifetime_text, rounded
from .holdings import CertificateFinding, Holdings

#: How many files a message names before it only counts them.
NAMED = 5

#: How many faults a finding names as data.
MOST_FAULTS = 50


def summarized(
    aspect: str, findings: Iterable[CertificateFinding], good: Finding, holdings: Holdings | None = None
) -> Finding:
    """One finding for an aspect: the worst first, each thing once with its files, or else what is good."""
    about = sorted(
        (finding for finding in findings if finding.aspect == aspect),
        key=lambda finding: (-STATUSES.index(finding.status), finding.value if finding.value is not None else 0.0),
    )
    if not about:
        return good
    files: dict[str, list[CertificateFinding]] = defaultdict(list)
    for finding in about:
        files[finding.message].append(finding)
    messages = [_with_files(message, where) for message, where in files.items()]
    message = "; ".join(messages[:NAMED])
    if len(messages) > NAMED:
        message += f"; and {len(messages) - NAMED} more"
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


def _faults(findings: Sequence[CertificateFinding], holdings: Holdings | None) -> tuple[Fault, ...]:
    """What is wrong as data, each thing once. Of very many, the rest is something that no other check has found."""
    named = holdings.faults if holdings else lambda finding: finding.faults
    found = dict.fromkeys(fault for finding in findings[:MOST_FAULTS] for fault in named(finding))
    more = [Fault.stated("more", (PROBE, ""))] if len(findings) > MOST_FAULTS else []
    return (*found, *more)


def _with_files(message: str, findings: Sequence[CertificateFinding]) -> str:
    first = findings[0]
    location = f"{first.file}, number {first.position}" if first.position > 1 else first.file
    others = len({finding.file for finding in findings}) - 1
    return f"{location}: {message}" + (f" (and in {others} more files)" if others else "")


def good_findings(holdings: Holdings) -> dict[str, Finding]:
    """The finding of each aspect where nothing is wrong with it."""
    certificates, every = len(holdings.positions), [key for file in holdings.files for key in file.content.keys]
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
        "permissions": "keys are closed to others, and no other user may change a file",
    }
    if holdings.trusted is None:
        good["chain"] += "; trust was not checked, since none is given"
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
    if not holdings.positions:
        return Finding("expiry", UNKNOWN, "no certificate was found")
    # The one whose warning is nearest: a root with 400 days left is nearer to its own than a leaf with 29.
    limits = {certificate: expiry_limits(certificate, holdings.limits) for certificate in holdings.positions}
    now = holdings.now
    first = min(limits, key=lambda one: one.days_left(now) - float(limits[one].warning or 0))
    file, _position = holdings.positions[first][0]
    return Finding(
        "expiry",
        OK,
        f"next of {len(limits)}: {file.name}: {lifetime_text(first, now)}",
        value=rounded(first.days_left(now)),
        unit="days",
        limits=limits[first],
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
