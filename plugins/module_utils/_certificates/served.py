# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a port serves the certificate that a file holds."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from .._clients import tls
from .._clients.network import Deadline, Unreachable
from .._core.about import BRINGS, CHAIN, ENDPOINT, EXPIRY, FILE, NAMES, REVOCATION, UNSEEN, Fault
from .._core.checks import CRITICAL, OK, UNKNOWN, Finding
from .._core.errors import RunbookError
from .._core.options import Given
from .._core.text import excerpt
from .certificate import Certificate
from .chain import common
from .der import Unreadable
from .files import File
from .holdings import READABLE, SERVED, CertificateFinding
from .summary import summarized

#: Digits of a fingerprint that operators compare.
SHOWN = 16


def served(given: Given, file: File) -> Finding:
    """Whether each port serves the certificate that is in the file."""
    if not file.certificates:
        fault = Fault(READABLE, ((FILE, file.path),))
        return Finding.failed(SERVED, UNKNOWN, f"not determined: {file.name} holds no certificate", fault)
    findings = [
        finding for port in given["served_by"] for finding in served_findings(port, file, float(given["timeout"]))
    ]
    ports = ", ".join(str(port["port"]) for port in given["served_by"])
    shown = file.certificates[0].fingerprint[:SHOWN]
    good = Finding(SERVED, OK, f"served on port {ports} is what {file.name} holds ({shown})")
    return summarized(SERVED, findings, good)


def served_findings(where: Mapping[str, Any], file: File, timeout: float) -> Iterator[CertificateFinding]:
    """What a port serves instead of the first certificate of a file, or why that is not known."""
    location = f"port {where['port']}"
    try:
        got = served_certificate({**where, "timeout": timeout})
    except (RunbookError, OSError) as exc:
        yield CertificateFinding(SERVED, UNKNOWN, location, f"not determined: {exc}", faults=_met(exc, where))
        return
    yield from compared(got, file, location, where["port"])


def _met(exc: Exception, where: Mapping[str, Any]) -> tuple[Fault, ...]:
    fault = exc.fault if isinstance(exc, RunbookError) else None
    endpoint = ((ENDPOINT, str(where["port"])),)
    return (replace(fault, subjects=fault.subjects or endpoint) if fault else Fault(UNSEEN, endpoint),)


def compared(got: Certificate, file: File, location: str, port: int) -> Iterator[CertificateFinding]:
    """A finding where the certificate that was served is not the first one of a file."""
    wanted = file.certificates[0]
    if got == wanted:
        return
    seen = f"{common(excerpt(got.subject))}, serial {got.serial}, until {got.ends:%Y-%m-%d}"
    yield CertificateFinding(
        SERVED,
        CRITICAL,
        location,
        f"serves another certificate ({seen}; {got.fingerprint[:SHOWN]}) than {file.name} holds"
        f" ({wanted.fingerprint[:SHOWN]}): the service was not reloaded, or reads other files",
        faults=_stale(got, port),
    )


def _stale(got: Certificate, port: int) -> tuple[Fault, ...]:
    """As data: whatever is wrong with a certificate that should not be served is a consequence of its being served."""
    shown = tls.shown_at(port, got.der)[1:]
    brought = (Fault(reason, shown, BRINGS) for reason in (EXPIRY, CHAIN, NAMES, REVOCATION))
    return (Fault.stated(SERVED, (ENDPOINT, str(port))), *brought)


def served_certificate(where: Mapping[str, Any]) -> Certificate:
    """The certificate that a port serves; whether it is to be trusted is another question.

    Raises `Unreachable` where there is no handshake, and `RunbookError` where none could be tried.
    """
    deadline = Deadline(where["timeout"])
    context = tls.context(where, verify=False)
    with contextlib.closing(tls.open_connection(where, context, deadline)) as connection:
        der = connection.getpeercert(binary_form=True)
    if not der:
        raise Unreachable("it serves no certificate")
    try:
        return Certificate(der)
    except Unreadable as exc:
        what = str(exc)
    raise Unreachable(f"it serves what is {what}")
