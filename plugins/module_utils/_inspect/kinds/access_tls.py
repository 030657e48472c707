# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kind ``access_tls``: a TLS port lets in the right client certificate, and neither plain text nor old versions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timezone
from http import HTTPStatus
from typing import Any, Callable

from ..._access import attempt as access
from ..._access import client_hello, forged
from ..._access.attempt import ACCEPTED, REFUSED, VALID, Attempt, Case, Matrix
from ..._access.tls import OPTIONS, try_port
from ..._certificates.certificate import moment
from ..._clients.http import header_faults, path_faults
from ..._core.about import DEPENDENCY, PROCESS
from ..._core.checks import Finding
from ..._core.errors import RunbookError
from ..._core.not_applicable import left_out_problems
from ..._core.options import Given
from ..._core.text import excerpt
from ..kind import Kind

OLD = client_hello.OLD

MATRIX = Matrix(
    always=("plaintext", *OLD, "weak_ciphers"),
    by_key={
        "client_cert": ("no_certificate", "self_signed", "foreign_authority"),
        "expired_cert": ("expired",),
        "revoked_cert": ("revoked",),
        "wrong_unit_cert": ("wrong_unit",),
    },
)


_STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3})")
_LOCATION = re.compile(rb"^location:\s*https://", re.IGNORECASE | re.MULTILINE)


def check(given: Given) -> Iterator[tuple[str, str]]:
    """Yield what keeps the matrix from meaning anything."""
    if given.get("path") is not None:
        yield from path_faults("path", given["path"])
    yield from header_faults(given)
    yield from ((f"host_header{key[12:]}", fault) for key, fault in header_faults(_as_header(given)))
    yield from left_out_problems(MATRIX.aspects)(given)
    for name in ("expired", "revoked", "wrong_unit"):
        if given.get(f"{name}_cert") is not None and given.get("client_cert") is None:
            yield f"{name}_cert", "means something only beside a certificate that is let in; give client_cert"


def _as_header(given: Given) -> dict[str, Any]:
    return {"headers": {"Host": given["host_header"]}} if given.get("host_header") else {}


def run(given: Given) -> Iterator[Finding]:
    """Connect as the client that may, and then in every way that must not work."""
    cases = {"plaintext": Case("a client without TLS", lambda: speak_plainly(given))}
    cases.update({aspect: Case(f"a client of {OLD[aspect][0]}", _offer(given, aspect)) for aspect in OLD})
    cases["weak_ciphers"] = Case("a client of weak ciphers", lambda: _offer_weak(given))
    if given.get("client_cert") is not None:
        anonymous = {**given, "client_cert": None, "client_key": None}
        cases["no_certificate"] = Case("a client without a certificate", lambda: try_port(anonymous))
        cases["self_signed"] = Case("a self-signed certificate", lambda: _disguised(given, self_signed=True))
        cases["foreign_authority"] = Case(
            "a certificate of another authority with the name of its own", lambda: _disguised(given, self_signed=False)
        )
    for name, client in (
        ("expired", "an expired certificate"),
        ("revoked", "a revoked certificate"),
        ("wrong_unit", "a certificate of another unit"),
    ):
        if given.get(f"{name}_cert") is not None:
            cases[name] = Case(client, _with_pair(given, name))
    yield from access.check_access(given, lambda: try_port(given), cases)


def _disguised(given: Given, *, self_signed: bool) -> Attempt:
    with forged.lookalike(given["client_cert"], self_signed=self_signed) as (certificate, key):
        return try_port({**given, "client_cert": certificate, "client_key": key})


def _with_pair(given: Given, name: str) -> Callable[[], Attempt]:
    certificate, key = given[f"{name}_cert"], given.get(f"{name}_key")

    def attempt() -> Attempt:
        must_be_what_it_is_called(certificate, given["client_cert"], expired=name == "expired")
        return try_port({**given, "client_cert": certificate, "client_key": key})

    return attempt


def must_be_what_it_is_called(path: str, good: str, *, expired: bool) -> None:
    """Raise `RunbookError` where a certificate would be refused, or let in, for another reason than it is for."""
    certificate = forged.read(path)
    begins, ends = (moment(certificate, name) for name in ("not_valid_before", "not_valid_after"))
    if begins > datetime.now(timezone.utc):
        raise RunbookError(f"{path} is not valid before {begins:%Y-%m-%d %H:%M}, so it would prove something else")
    if (ends <= datetime.now(timezone.utc)) != expired:
        is_it = f"is valid until {ends:%Y-%m-%d}" if expired else f"has expired on {ends:%Y-%m-%d}"
        raise RunbookError(f"{path} {is_it}, so it would prove something else")
    if certificate.issuer != forged.read(good).issuer:
        raise RunbookError(f"{path} has another issuer than {good}, so it would prove something else")


def _offer(given: Given, aspect: str) -> Callable[[], Attempt]:
    name, version, number = OLD[aspect]
    return lambda: _offered(given, name, client_hello.hello(version, number))


def _offer_weak(given: Given) -> Attempt:
    name = given.get("server_name") or given["address"]
    return _offered(given, "weak ciphers", client_hello.weak_hello(name), client_hello.weak_cipher)


def _offered(given: Given, name: str, hello: bytes, agreed: Callable[[bytes], str] = lambda _received: "") -> Attempt:
    received, ended = access.first_bytes(given, hello)
    if ended:
        return Attempt(ended.met, f"{name}: {ended.evidence}", ended.fault)
    return client_hello.answer(agreed(received) or name, received)


def speak_plainly(given: Given) -> Attempt:
    """Send a request without TLS: a port that speaks TLS hangs up, sends an alert, or answers that it wants TLS."""
    host = given.get("host_header") or given.get("server_name") or given["address"]
    request = f"GET {given.get('path') or '/'} HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\n\r\n"
    received, ended = access.without_tls(given, request.encode("latin-1"), "a request")
    if ended:
        return ended
    status = _STATUS_LINE.match(received)
    if not status:
        return Attempt(ACCEPTED, f"the port answers without TLS: {excerpt(received.decode('latin-1'))}")
    code = int(status[1])
    # The very same request is let in over TLS, so it is the missing TLS that is refused.
    if code in (HTTPStatus.BAD_REQUEST, HTTPStatus.UPGRADE_REQUIRED):
        return Attempt(REFUSED, f"HTTP {code} to a request without TLS")
    if _LOCATION.search(received):
        return Attempt(REFUSED, f"HTTP {code} sends a request without TLS to https")
    return Attempt(ACCEPTED, f"HTTP {code} to a request without TLS")


KIND = Kind(
    name="access_tls",
    summary="A TLS port lets in the right client certificate, and neither plain text nor old versions.",
    topic="access",
    options=OPTIONS,
    expected=MATRIX.expected,
    run=run,
    target=lambda given: str(given.get("port", "")),
    check=check,
    explained_by=frozenset({PROCESS, DEPENDENCY}),
    opens=(VALID,),
)
