# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Proves which authorities the services of a host trust, by what a pair that is presented to them meets.

A pair of an authority that every service has to trust, or that none may trust any more, is presented to every port
that lets the set in as a client, to every port that serves the set and requests a certificate of its clients, and to a
client with the authorities of the set. Some servers complete every handshake and refuse the request that follows, and
some request no certificate: what a handshake means is seen from what a stranger's pair meets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from textwrap import wrap
from typing import Any

from ..._access import attempt as access
from ..._access import forged
from ..._access import tls as access_tls
from ..._access.attempt import ACCEPTED, HUNG_UP, REFUSED, Attempt
from ..._certificates import spec
from ..._clients import tls
from ..._clients.http import get, headers
from ..._clients.network import Unreachable
from ..._core.checks import Finding
from ..._core.options import Given, Option, Options
from .presentation import (
    NOT_REQUESTED,
    REFUSAL,
    Endpoint,
    Judgement,
    Pair,
    acceptance,
    compare,
    in_memory,
    port_options,
    reading_client,
    refusal,
    summary,
)

#: The aspect of a set or a file that has to accept a pair.
ACCEPTANCE = "acceptance"

#: The message by which a server requests a certificate of its client, among those of the handshake (RFC 8446).
_HANDSHAKE, _CERTIFICATE_REQUEST = 22, 13

PAIR_OPTIONS: Options = {
    "certificate": Option("str", "A certificate and its issuers, but for the root, in PEM.", required=True),
    # Of one line: Ansible hides a secret in the host's log only where its text stands there as it is.
    "key": Option("str", "Its key, without a passphrase: PKCS8 as DER, in base64.", required=True, secret=True),
}

#: What may be given with a set or a file.
SHOWN_OPTIONS: Options = {
    "accepted": Option("dict", "A pair that every endpoint has to accept.", options=PAIR_OPTIONS),
    "refused": Option(
        "dict", "A pair that no endpoint may accept. It proves something only beside I(accepted).", options=PAIR_OPTIONS
    ),
}


def prove_set(given: Given, revocations: str | None = None) -> Iterator[Finding]:
    """A finding for each pair that is given with a set, where it has endpoints to present it to.

    ``revocations`` are the lists that clients would read, in PEM; without them, their trust alone decides.
    """
    yield from _proofs(given, _endpoints(given, revocations))


def prove_file(given: Given, revocations: str | None = None) -> Iterator[Finding]:
    """A finding for each pair that is given with a file of authorities."""
    yield from _proofs(given, [_client(given["path"], revocations)])


def _proofs(given: Given, endpoints: Iterable[Endpoint]) -> Iterator[Finding]:
    with ExitStack() as stack:
        control, outgoing = (_pair(given.get(name), stack) for name in ("accepted", "refused"))
        met = [(endpoint.location, *_met(endpoint, control, outgoing)) for endpoint in endpoints]
    yield from summary(ACCEPTANCE, [_at(location, acceptance(one)) for location, one, _other in met if one])
    yield from summary(REFUSAL, [_at(location, refusal(other, one)) for location, one, other in met if other])


def _pair(texts: Mapping[str, str] | None, stack: ExitStack) -> Pair | None:
    """A pair as files, which are there until the stack is closed."""
    if not texts:
        return None
    lines = ["-----BEGIN PRIVATE KEY-----", *wrap(texts["key"], 64), "-----END PRIVATE KEY-----", ""]
    return Pair(*stack.enter_context(in_memory(texts["certificate"], "\n".join(lines))))


def _met(endpoint: Endpoint, control: Pair | None, outgoing: Pair | None) -> tuple[Attempt | None, Attempt | None]:
    if control and outgoing:
        return compare(endpoint, control, outgoing)
    return endpoint.attempt(control) if control else None, endpoint.attempt(outgoing) if outgoing else None


def _at(location: str, judgement: Judgement) -> Judgement:
    return judgement._replace(message=f"{location}: {judgement.message}")


# -- Endpoints ---------------------------------------------------------------------------------------------------------


def _endpoints(given: Given, revocations: str | None) -> Iterator[Endpoint]:
    """What accepts or refuses a pair by the authorities that a set trusts, or is trusted by."""
    trust = spec.paths(given).get("ca")
    if trust is not None:
        yield _client(str(trust), revocations)
    for port in given.get("accepted_by") or ():
        options = port_options(port, ca=port.get("ca") or (str(trust) if trust else None), timeout=given["timeout"])
        yield Endpoint(f"{port['address']} port {port['port']}", partial(_through_port, options, verify=True))
    for port in given.get("served_by") or ():
        # What it serves is checked elsewhere; here, it is the port that checks its client.
        options = port_options(port, client_cert=None, client_key=None, timeout=given["timeout"])
        yield Endpoint(f"port {port['port']}", partial(_through_port, options, verify=False))


def _client(trust: str, revocations: str | None) -> Endpoint:
    return Endpoint(f"a client with {trust}", lambda pair: reading_client(trust, pair, revocations))


def _through_port(port: Given, pair: Pair, *, verify: bool) -> Attempt:
    """Present a pair to a port, and a stranger's where a handshake alone says too little."""
    if port.get("path"):
        return _requested(port, pair, port["path"], verify=verify)
    attempt, requested = _handshake(port, pair, verify=verify)
    if attempt.met != ACCEPTED:
        return attempt
    if not requested:
        return Attempt(NOT_REQUESTED, "requests no certificate")
    with forged.lookalike(pair.certificate, self_signed=False) as files:
        return _beside_a_stranger(port, attempt, pair, Pair(*files), verify=verify)


def _beside_a_stranger(port: Given, attempt: Attempt, pair: Pair, stranger: Pair, *, verify: bool) -> Attempt:
    """What a completed handshake means, by what a pair meets that no authority vouches for."""
    met, _requested_one = _handshake(port, stranger, verify=verify)
    if met.met in (REFUSED, HUNG_UP):
        return attempt
    if port["starttls"] != "none":
        return Attempt(NOT_REQUESTED, "lets in strangers as well")
    # Servers of HTTP complete every handshake, and refuse the request that follows.
    own, other = (_requested(port, each, "/", verify=verify) for each in (pair, stranger))
    if (own.met, own.evidence) != (other.met, other.evidence):
        return Attempt(ACCEPTED, f"{own.evidence}, where a stranger gets {other.evidence}")
    return Attempt(NOT_REQUESTED, f"lets in strangers as well: {own.evidence}") if own.met == ACCEPTED else own


def _handshake(port: Given, pair: Pair, *, verify: bool) -> tuple[Attempt, bool]:
    """What a handshake comes to, and whether the server requested a certificate."""
    context = tls.context({**port, "client_cert": pair.certificate, "client_key": pair.key}, verify=verify)
    requests: list[bool] = []

    def watch(_connection: Any, direction: str, _version: Any, content: int, message: int, _data: bytes) -> None:
        if (direction, int(content), int(message)) == ("read", _HANDSHAKE, _CERTIFICATE_REQUEST):
            requests.append(True)

    # The only way in which the standard library shows what the server requested; it is there since Python 3.8.
    context._msg_callback = watch  # type: ignore[attr-defined]
    return access.through_tls(port, context, access_tls.REFUSAL_WAIT), bool(requests)


def _requested(port: Given, pair: Pair, path: str, *, verify: bool) -> Attempt:
    """What a request over HTTP gets that presents a pair."""
    context = tls.context({**port, "client_cert": pair.certificate, "client_key": pair.key}, verify=verify)
    named = {"host_header": port.get("server_name"), **{key: value for key, value in port.items() if value}}
    try:
        return access.answered(get(port, path, headers(named), context), port)
    except Unreachable as exc:
        return access.broken_off(exc)
