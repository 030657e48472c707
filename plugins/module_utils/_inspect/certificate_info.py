# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One inspection of any number of files and endpoints: checks, single findings, a summary, every field on demand."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any

from .._certificates.bundle import Reader
from .._certificates.certificate import Certificate
from .._certificates.expiry import rounded
from .._certificates.files import File, read, without_collection
from .._certificates.holdings import ASPECTS, SERVED, CertificateFinding, Holdings
from .._certificates.judge import judge
from .._certificates.served import compared
from .._certificates.summary import good_findings, summarized
from .._core.checks import NOT_APPLICABLE, OK, UNKNOWN, Check, Finding
from .._core.options import Given, Option, Options, with_defaults
from .kinds import certificate_files, tls
from .runner import Probe, run_probes
from .stats import with_module_source

SERVICE = "certificates"

ENDPOINT_OPTIONS: Options = {
    **tls.OPTIONS,
    "certificate": Option("path", "File whose first certificate must be the one that is served."),
}

#: Options of the module ``certificate_info``.
OPTIONS: Options = {
    "paths": replace(certificate_files.OPTIONS["paths"], required=False),
    **certificate_files.FILES_OPTIONS,
    "endpoints": Option("list", "Ports that are inspected.", elements="dict", options=ENDPOINT_OPTIONS),
    "detail": Option(
        "str",
        "C(summary) gives checks, findings and a summary; C(full) adds every field of every certificate, key and list.",
        default="summary",
        choices=("summary", "full"),
    ),
    "timeout": Option("float", "Seconds that one step of a handshake may take.", default=5.0),
    "deadline": Option("int", "Seconds after which what has not been inspected is V(unknown).", default=60),
}


@dataclass
class Seen:
    """What was seen on the way to the checks."""

    holdings: Holdings | None = None
    findings: list[CertificateFinding] = field(default_factory=list)
    #: Address and port, what was agreed on, and the certificate.
    served: list[tuple[str, str, Certificate]] = field(default_factory=list)


def inspect(given: Given, *, owner: str) -> dict[str, Any]:
    """Inspect everything that is given, within one deadline; the result of the module."""
    with without_collection():
        return _inspected(given, owner)


def _inspected(given: Given, owner: str) -> dict[str, Any]:
    now, seen = datetime.now(timezone.utc), Seen()
    probes = [_files_probe(given, owner, now, seen)] if given.get("paths") else []
    probes += [_endpoint_probe(one, given["timeout"], owner, seen) for one in given.get("endpoints") or ()]
    checks = [with_module_source(check) for check in run_probes(probes, deadline=given["deadline"])]
    findings = [
        *(finding.as_dict() for finding in seen.findings),
        *(_as_finding(check) for check in checks if _is_finding(check)),
    ]
    result = {
        "checks": [check.as_dict() for check in checks],
        "findings": findings,
        "summary": _summary(seen, findings, now),
    }
    if given["detail"] == "full":
        result.update(_every_field(seen, now))
    return result


def _files_probe(given: Given, owner: str, now: datetime, seen: Seen) -> Probe:
    def run(options: Given) -> Iterator[Finding]:
        held, findings = certificate_files.holdings(options, now, unlocking=given["deadline"] / 2)
        findings += judge(held)
        seen.holdings, seen.findings = held, findings
        good = good_findings(held)
        for aspect in ASPECTS:
            yield summarized(aspect, findings, good[aspect], held)

    kind = replace(certificate_files.KIND, run=run)
    own = {name: given.get(name) for name in kind.options}
    return Probe(kind, with_defaults(kind.probe_options, {**own, **_identity("files", owner)}))


def _endpoint_probe(where: Mapping[str, Any], timeout: float, owner: str, seen: Seen) -> Probe:
    address = f"{where['address']}:{where['port']}"

    def run(options: Given) -> Iterator[Finding]:
        got: list[Certificate] = []

        def keep(agreed: str, certificate: Certificate) -> None:
            got.append(certificate)
            seen.served.append((address, agreed, certificate))

        yield from tls.examine(options, keep)
        if options.get("certificate"):
            yield _compared(options["certificate"], address, options["port"], got)

    kind = replace(
        tls.KIND,
        options=ENDPOINT_OPTIONS,
        expected=lambda options: (*tls.ASPECTS, SERVED) if options.get("certificate") else tls.ASPECTS,
        run=run,
        target=lambda _options: address,
    )
    point = re.sub(r"\W+", "_", address)
    return Probe(kind, with_defaults(kind.probe_options, {**where, "timeout": timeout, **_identity(point, owner)}))


def _identity(point: str, owner: str) -> dict[str, Any]:
    return {"service": SERVICE, "point": point, "owner": owner}


def _compared(path: str, address: str, port: int, got: list[Certificate]) -> Finding:
    """Whether a port serves what a file holds."""
    file = read(path, path, Reader())
    if not file.certificates:
        return Finding(SERVED, UNKNOWN, f"not determined: {path}: {file.trouble or 'holds no certificate'}")
    if not got:
        return Finding(SERVED, UNKNOWN, "not determined: there was no handshake")
    good = Finding(SERVED, OK, f"what is served is what {path} holds")
    return summarized(SERVED, compared(got[0], file, address, port), good)


def _is_finding(check: Check) -> bool:
    """Whether a check of an endpoint is a finding; those of files have findings of their own."""
    of_files = check.id.startswith(f"{SERVICE}.files.")
    return not of_files and check.status not in (OK, NOT_APPLICABLE)


def _as_finding(check: Check) -> dict[str, Any]:
    location = check.target.partition(":")[2]
    return CertificateFinding(check.id.rsplit(".", 1)[1], check.status, location, check.message).as_dict()


def _summary(seen: Seen, findings: list[dict[str, Any]], now: datetime) -> dict[str, Any]:
    statuses = Counter(str(one["status"]) for one in findings)
    files: list[File] = list(seen.holdings.files) if seen.holdings else []
    certificates = [*(seen.holdings.positions if seen.holdings else ()), *(one for _where, _agreed, one in seen.served)]
    first = min(certificates, key=lambda one: one.ends, default=None)
    return {
        "files": len(files),
        "certificates": sum(len(file.certificates) for file in files),
        "keys": sum(len(file.content.keys) for file in files),
        "revocation_lists": len(seen.holdings.lists) if seen.holdings else 0,
        "endpoints": len(seen.served),
        "expired": sum(one.ends <= now for one in certificates),
        "next_expiry": first
        and {"subject": first.subject, "ends": _text(first.ends), "days_left": rounded(first.days_left(now))},
        "findings": {status: statuses[status] for status in ("critical", "unknown", "warning")},
    }


# -- Every field -------------------------------------------------------------------------------------------------------


def _every_field(seen: Seen, now: datetime) -> dict[str, Any]:
    files = seen.holdings.files if seen.holdings else ()
    return {
        "certificates": [
            {"file": file.path, "position": position, "format": file.content.form, **fields(certificate, now)}
            for file in files
            for position, certificate in enumerate(file.certificates, start=1)
        ],
        "keys": [
            {
                "file": file.path,
                "type": str(key.type) if key.readable else "unknown",
                "encrypted": key.encrypted,
                "mode": f"{file.mode:04o}",
            }
            for file in files
            for key in file.content.keys
        ],
        "revocation_lists": [
            {
                "file": name,
                "issuer": crl.issuer,
                "number": crl.number,
                "begins": _text(crl.begins),
                "ends": _text(crl.ends) if crl.ends else None,
                "revoked": len(crl.revoked),
            }
            for name, crl in (seen.holdings.lists if seen.holdings else ())
        ],
        "endpoints": [
            {"address": address, "agreed": agreed, **fields(certificate, now)}
            for address, agreed, certificate in sorted(seen.served, key=lambda one: one[0])
        ],
    }


def fields(certificate: Certificate, now: datetime) -> dict[str, Any]:
    """Every field of a certificate, as plain data."""
    return {
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "names": list(certificate.names),
        "serial": certificate.serial,
        "fingerprint": certificate.fingerprint,
        "begins": _text(certificate.begins),
        "ends": _text(certificate.ends),
        "days_left": rounded(certificate.days_left(now)),
        "share_left": certificate.share_left(now),
        "key_type": str(certificate.key),
        "key_bits": certificate.key.bits,
        "signature_algorithm": certificate.signature_algorithm,
        "usage": [*certificate.key_usage, *certificate.extended_usage],
        "authority": certificate.is_authority,
        "self_signed": certificate.self_signed,
    }


def _text(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")
