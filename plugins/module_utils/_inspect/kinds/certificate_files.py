# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kind ``certificate_files``: every certificate, key and revocation list in a tree of files is sound."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone

from ..._certificates.bundle import UNLOCKING, Reader
from ..._certificates.certificate import Certificate
from ..._certificates.examine import read_crl
from ..._certificates.files import find, read, read_all, without_collection
from ..._certificates.holdings import ASPECTS, CertificateFinding, Holdings
from ..._certificates.judge import judge
from ..._certificates.limits import LIMIT_OPTIONS
from ..._certificates.summary import good_findings, summarized
from ..._core.checks import CRITICAL, UNKNOWN, Finding
from ..._core.options import Given, Option, Options
from ..kind import Kind

#: What to inspect, and what to hold it against; the module ``certificate_info`` has the same.
FILES_OPTIONS: Options = {
    "excluded": Option(
        "list",
        "Names or shell patterns of files and folders that are passed over, at any depth.",
        elements="str",
    ),
    "crls": Option("list", "Files with revocation lists, besides those among the files.", elements="path"),
    "trust": Option(
        "path", "PEM file with the authorities that every chain must end at. Without it, only the order is checked."
    ),
    "passphrases": Option(
        "list", "Passphrases that are tried on PKCS#12 files and encrypted keys.", elements="str", secret=True
    ),
    **LIMIT_OPTIONS,
}

OPTIONS: Options = {
    "paths": Option(
        "list",
        "Files, folders with all below them, and shell patterns of both. In folders, files are read whose names"
        " end like those of certificates; hidden ones are passed over.",
        required=True,
        elements="path",
    ),
    **FILES_OPTIONS,
}


def holdings(given: Given, now: datetime, *, unlocking: float = UNLOCKING) -> tuple[Holdings, list[CertificateFinding]]:
    """What the paths hold, and what was in the way of finding out.

    What is encrypted is opened for ``unlocking`` seconds in all; the rest stays closed, which is a finding.
    """
    reader = Reader(given.get("passphrases") or (), unlocking=unlocking)
    found = find(given["paths"], given.get("excluded") or ())
    findings = [CertificateFinding("readable", CRITICAL, path, trouble) for path, trouble in found.troubles.items()]
    crls = []
    for path in given.get("crls") or ():
        if path not in found.names:
            lists, faults = read_crl(path, reader)
            crls += lists
            findings += faults
    trusted: list[Certificate] | None = None
    if given.get("trust"):
        file = read(given["trust"], given["trust"], reader)
        trusted = file.certificates
        fault = file.trouble or "; ".join(file.content.faults) or ("" if trusted else "holds no certificate")
        if fault:
            findings.append(CertificateFinding("chain", UNKNOWN, given["trust"], f"nothing can be verified: {fault}"))
            trusted = None
    held = Holdings(read_all(found.names, reader), now, trusted=trusted, crls=crls, limits=given)
    if not held.positions:
        findings.append(CertificateFinding("readable", CRITICAL, ", ".join(given["paths"]), "no certificate was found"))
    return held, findings


def run(given: Given) -> Iterator[Finding]:
    """Read everything once, then judge it aspect by aspect."""
    with without_collection():
        held, findings = holdings(given, datetime.now(timezone.utc))
        findings += judge(held)
        good = good_findings(held)
    for aspect in ASPECTS:
        yield summarized(aspect, findings, good[aspect], held)


KIND = Kind(
    name="certificate_files",
    summary="Every certificate, key and revocation list in a tree of files is sound.",
    topic="certificates",
    options=OPTIONS,
    expected=lambda _given: ASPECTS,
    run=run,
    target=lambda given: ", ".join(str(path) for path in given.get("paths") or ()),
    local=True,
    opens=("readable",),
)
