# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kind ``tls``: what a TLS port serves, whether it is to be trusted, and for how long."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils import _drivers, _tls
from ansible_collections.xorb.runbook.plugins.module_utils._checks import CRITICAL, OK, UNKNOWN, Finding, Limits
from ansible_collections.xorb.runbook.plugins.module_utils._errors import RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._kind import NETWORK_OPTIONS, TLS_OPTIONS, Given, Kind
from ansible_collections.xorb.runbook.plugins.module_utils._network import Deadline, Unreachable
from ansible_collections.xorb.runbook.plugins.module_utils._options import Option, Options
from ansible_collections.xorb.runbook.plugins.module_utils._wording import excerpt

#: Seconds that a server has to refuse the client: in TLS 1.3 that comes after the client believes to be through.
REFUSAL_WAIT = 0.2

DAY = timedelta(days=1)

OPTIONS: Options = {
    **NETWORK_OPTIONS,
    **TLS_OPTIONS,
    "port": Option("int", "TCP port.", required=True),
    "warning_days": Option(
        "float", "Warn when fewer days are left. Without it: 28 days or a third of the lifetime, whichever is less."
    ),
    "critical_days": Option(
        "float", "Fail when fewer days are left. Without it: 7 days or a sixth of the lifetime, whichever is less."
    ),
}


def run(given: Given) -> Iterator[Finding]:
    """Shake hands without and then with verification, and read the dates of the certificate that was served."""
    try:
        agreed, served = _handshake(given)
    except Unreachable as exc:
        yield Finding("handshake", CRITICAL, str(exc))
        yield Finding("trust", UNKNOWN, "not determined: there was no handshake")
        yield Finding("expiry", UNKNOWN, "not determined: there was no handshake")
        return
    yield Finding("handshake", OK, agreed)
    yield _trust(given)
    x509 = _drivers.load("cryptography.x509")
    yield expiry(x509.load_der_x509_certificate(served), given, datetime.now(timezone.utc))


def _handshake(given: Given) -> tuple[str, bytes]:
    """Protocol and cipher, and the certificate in DER; trust is another question."""
    deadline = Deadline(given["timeout"])
    with contextlib.closing(_tls.open_connection(given, _tls.context(given, verify=False), deadline)) as connection:
        _wait_for_refusal(connection, deadline)
        name, _protocol, bits = connection.cipher() or ("no cipher", "", 0)
        return f"{connection.version()}, {name}, {bits} bits", connection.getpeercert(binary_form=True) or b""


def _wait_for_refusal(connection: ssl.SSLSocket, deadline: Deadline) -> None:
    """Raise `Unreachable` when the server turns the client away right after the handshake."""
    try:
        connection.settimeout(min(REFUSAL_WAIT, deadline.left()))
        if not connection.recv(1):
            raise Unreachable("the other end closed the connection right after the handshake")
    except socket.timeout:  # Python 3.9 does not take it for a TimeoutError
        pass
    except OSError as exc:
        raise Unreachable(_tls.failure(exc, deadline.seconds)) from exc


def _trust(given: Given) -> Finding:
    name = given.get("server_name") or given["address"]
    try:
        _tls.open_connection(given, _tls.context(given), Deadline(given["timeout"])).close()
    except Unreachable as exc:
        return Finding("trust", CRITICAL, str(exc))
    except RunbookError as exc:
        return Finding("trust", UNKNOWN, str(exc))
    return Finding("trust", OK, f"chain and name verified for {name} by {given.get('ca') or 'the system store'}")


def expiry(certificate: Any, given: Given, now: datetime) -> Finding:
    """Judge the days that a certificate has left."""
    begins, ends = _moment(certificate, "not_valid_before"), _moment(certificate, "not_valid_after")
    limits = expiry_limits(ends - begins, given.get("warning_days"), given.get("critical_days"))
    subject = excerpt(certificate.subject.rfc4514_string())
    days = round((ends - now) / DAY, 1)
    if now < begins:
        message = f"{subject} is not valid before {begins:%Y-%m-%d %H:%M} UTC"
        return Finding("expiry", CRITICAL, message, value=days, unit="days", limits=limits)
    when = f"{ends:%Y-%m-%d %H:%M} UTC"
    message = f"{subject} expires in {days:g} days, {when}"
    if ends <= now:
        message = f"{subject} expired {-days:g} days ago, {when}"
        return Finding("expiry", CRITICAL, message, value=days, unit="days", limits=limits)
    return Finding.measured("expiry", message, value=days, unit="days", limits=limits)


def _moment(certificate: Any, name: str) -> datetime:
    # The names without _utc are naive, and go away in later releases; the names with it came with cryptography 42.
    aware: datetime | None = getattr(certificate, f"{name}_utc", None)
    return aware or getattr(certificate, name).replace(tzinfo=timezone.utc)


def expiry_limits(lifetime: timedelta, warning: float | None, critical: float | None) -> Limits:
    """The given limits, or those that fit a lifetime: a certificate of 30 days is not about to expire on its first."""
    shipped = warning is None and critical is None
    return Limits(
        warning=round(min(28.0, lifetime / DAY / 3), 1) if warning is None else warning,
        critical=round(min(7.0, lifetime / DAY / 6), 1) if critical is None else critical,
        source="the runbook (7 days) and the certificate's lifetime" if shipped else "platform description",
        falling=True,
    )


KIND = Kind(
    name="tls",
    summary="A TLS port shakes hands, serves a certificate that is trusted, and will for some time.",
    topic="certificates",
    options=OPTIONS,
    expected=lambda _given: ("handshake", "trust", "expiry"),
    run=run,
    target=lambda given: str(given.get("port", "")),
)
