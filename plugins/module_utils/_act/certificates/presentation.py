# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Presents pairs, each a certificate with its key, to endpoints, and judges what they meet there.

A refusal means something only beside a positive control: an endpoint that is down, or refuses every client, refuses the
outgoing pair as well. So a pair that must get in is presented to each endpoint together with the one that must not.
"""

from __future__ import annotations

import contextlib
import os
import ssl
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Callable, NamedTuple

from ..._access import tls as access_tls
from ..._access.attempt import ACCEPTED, HUNG_UP, REFUSED, SILENT, Attempt
from ..._core.checks import CRITICAL, OK, UNKNOWN, Finding, worst
from ..._core.errors import RunbookError
from ..._core.options import Given, with_defaults

#: The aspect of a set or a file that has to refuse a pair.
REFUSAL = "refusal"

#: What an attempt met at an endpoint that requests no certificate, or accepts any.
NOT_REQUESTED = "not requested"

#: Turns of a handshake in memory after which it is given up; TLS needs three.
_TURNS = 20


@dataclass(frozen=True)
class Pair:
    """The files of a certificate and its key, as a client or a server presents them."""

    certificate: str
    key: str


@dataclass(frozen=True)
class Endpoint:
    """What accepts or refuses a pair: a port, or a client with the authorities that it trusts."""

    location: str
    present: Callable[[Pair], Attempt]

    def attempt(self, pair: Pair) -> Attempt:
        """Present a pair; an attempt that cannot be made, for a missing file or driver, met silence."""
        try:
            return self.present(pair)
        except RunbookError as exc:
            return Attempt(SILENT, str(exc))


class Judgement(NamedTuple):
    """What an attempt means: a status of a check, and a sentence."""

    status: str
    message: str


class Comparison(NamedTuple):
    """What two pairs met at one endpoint: the positive control, and the one that must be refused."""

    control: Attempt
    outgoing: Attempt


def compare(endpoint: Endpoint, control: Pair, outgoing: Pair) -> Comparison:
    """Present the pair that must get in, and then the one that must not."""
    met = endpoint.attempt(control)
    if met.met == SILENT:
        # The other one would wait for the same silence, as long again.
        return Comparison(met, met)
    refused = endpoint.attempt(outgoing)
    if met.met == ACCEPTED and refused.met == HUNG_UP:
        # Was that a refusal, or did the service go down meanwhile?
        met = endpoint.attempt(control)
    return Comparison(met, refused)


def acceptance(control: Attempt) -> Judgement:
    """Whether a pair got in that must."""
    if control.met in (ACCEPTED, NOT_REQUESTED):
        return Judgement(OK, control.evidence)
    if control.met == REFUSED:
        return Judgement(CRITICAL, control.evidence)
    return Judgement(UNKNOWN, f"not determined: {control.evidence}")


def refusal(outgoing: Attempt, control: Attempt | None) -> Judgement:
    """Whether a pair was refused that must be, and the positive control was not."""
    if outgoing.met == ACCEPTED:
        return Judgement(CRITICAL, f"still accepted: {outgoing.evidence}")
    if outgoing.met == NOT_REQUESTED:
        return Judgement(OK, outgoing.evidence)
    if outgoing.met == SILENT:
        return Judgement(UNKNOWN, f"not determined: {outgoing.evidence}")
    if control is None or control.met != ACCEPTED:
        return Judgement(UNKNOWN, f"refused, but so is the certificate that must get in: {outgoing.evidence}")
    return Judgement(OK, f"refused: {outgoing.evidence}")


def summary(aspect: str, judgements: Iterable[Judgement]) -> Iterator[Finding]:
    """One finding of all judgements, where there are any: the worst ones, or what is good where none is bad."""
    every = list(judgements)
    if every:
        status = worst(each.status for each in every)
        messages = dict.fromkeys(each.message for each in every if each.status == status)
        yield Finding(aspect, status, "; ".join(messages))


def port_options(port: Mapping[str, Any], **more: Any) -> Given:
    """The options of a port of the description, as an attempt over TLS takes them."""
    given = {name: value for name, value in {**port, **more}.items() if value is not None and name != "starttls"}
    return {**with_defaults(access_tls.OPTIONS, given), "starttls": port.get("starttls") or "none"}


@contextlib.contextmanager
def in_memory(*texts: str) -> Iterator[list[str]]:
    """Files for OpenSSL, which reads from nothing else; a process that is killed leaves none behind."""
    descriptors: list[int] = []
    try:
        for text in texts:
            descriptors.append(os.memfd_create("xorb-runbook"))
            with open(descriptors[-1], "wb", closefd=False) as stream:
                stream.write(text.encode())
        yield [f"/proc/self/fd/{descriptor}" for descriptor in descriptors]
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def reading_client(
    trust: str, pair: Pair, revocations: str | None, *, which: int = ssl.VERIFY_CRL_CHECK_CHAIN
) -> Attempt:
    """Present a pair to a client that trusts the authorities of a file, in this process and over no port.

    ``revocations`` are the lists that it reads, in PEM, and ``which`` the flag that says of which certificates; without
    lists, its trust alone decides.
    """
    try:
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(pair.certificate, pair.key)
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client.check_hostname = False
        client.load_verify_locations(trust)
        if revocations is not None:
            with in_memory(revocations) as (lists,):
                client.load_verify_locations(lists)
            client.verify_flags |= which
    except OSError as exc:
        return Attempt(SILENT, f"{pair.certificate} or {trust} cannot be used: {exc.strerror or exc}")
    return _shaken(client, server)


def _shaken(client: ssl.SSLContext, server: ssl.SSLContext) -> Attempt:
    """Let a client and a server shake hands in memory."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [client.wrap_bio(to_client, to_server), server.wrap_bio(to_server, to_client, server_side=True)]
    unfinished = list(ends)
    for _turn in range(_TURNS):
        for end in list(unfinished):
            try:
                end.do_handshake()
                unfinished.remove(end)
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError as exc:
                return Attempt(REFUSED, exc.verify_message)
            except ssl.SSLError as exc:
                return Attempt(SILENT, f"no handshake: {exc.reason}")
        if not unfinished:
            return Attempt(ACCEPTED, f"trusts it ({ends[0].version()})")
    return Attempt(SILENT, "the handshake came to no end")
