# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kind ``tls``: what a TLS port serves, whether it is to be trusted, and for how long."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Callable

from ..._certificates.certificate import Certificate
from ..._certificates.expiry import expiry_finding
from ..._certificates.limits import LEAF_LIMIT_OPTIONS
from ..._clients import tls
from ..._clients.network import Deadline, Unreachable, without_zone
from ..._core.about import DEPENDENCY, PROCESS
from ..._core.checks import CRITICAL, OK, UNKNOWN, Finding
from ..._core.errors import RunbookError
from ..._core.options import Given, Options
from ..._core.shared_options import NETWORK_OPTIONS, TLS_OPTIONS, port
from ..kind import Kind

#: Seconds that a server has to refuse the client after the handshake, and those that it has if it sends nothing at all.
REFUSAL_WAIT, SILENCE_WAIT = 0.2, 1.0

OPTIONS: Options = {
    **NETWORK_OPTIONS,
    **TLS_OPTIONS,
    "port": port(required=True),
    "starttls": tls.STARTTLS,
    **LEAF_LIMIT_OPTIONS,
}


ASPECTS = ("handshake", "trust", "expiry")


def run(given: Given) -> Iterator[Finding]:
    """Shake hands without and then with verification, and read the dates of the certificate that was served."""
    return examine(given, lambda _agreed, _certificate: None)


def examine(given: Given, keep: Callable[[str, Certificate], None]) -> Iterator[Finding]:
    """The same for a caller that needs more: ``keep`` is called with what was agreed on, and the certificate."""
    try:
        agreed, served = _handshake(given)
    except Unreachable as exc:
        yield Finding.failed("handshake", CRITICAL, str(exc), exc.fault)
        yield Finding("trust", UNKNOWN, "not determined: there was no handshake")
        yield Finding("expiry", UNKNOWN, "not determined: there was no handshake")
        return
    yield Finding("handshake", OK, agreed)
    yield _trust(given)
    certificate = Certificate(served)
    keep(agreed, certificate)
    yield expiry_finding(certificate, given, datetime.now(timezone.utc))


def _handshake(given: Given) -> tuple[str, bytes]:
    """Protocol and cipher, and the certificate in DER; trust is another question."""
    deadline = Deadline(given["timeout"])
    with contextlib.closing(tls.open_connection(given, tls.context(given, verify=False), deadline)) as connection:
        tls.wait_for_refusal(connection, deadline, REFUSAL_WAIT, silent=SILENCE_WAIT)
        name, _protocol, bits = connection.cipher() or ("no cipher", "", 0)
        return f"{connection.version()}, {name}, {bits} bits", connection.getpeercert(binary_form=True) or b""


def _trust(given: Given) -> Finding:
    name = given.get("server_name") or without_zone(given["address"])
    try:
        tls.open_connection(given, tls.context(given), Deadline(given["timeout"])).close()
    except Unreachable as exc:
        return Finding.failed("trust", CRITICAL, str(exc), exc.fault)
    except RunbookError as exc:
        return Finding("trust", UNKNOWN, str(exc))
    return Finding("trust", OK, f"chain and name verified for {name} by {given.get('ca') or 'the system store'}")


KIND = Kind(
    name="tls",
    summary="A TLS port shakes hands, serves a certificate that is trusted, and will for some time.",
    topic="certificates",
    options=OPTIONS,
    expected=lambda _given: ASPECTS,
    run=run,
    target=lambda given: str(given.get("port", "")),
    explained_by=frozenset({PROCESS, DEPENDENCY}),
    opens=("handshake",),
)
