# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whom the services of a host trust: what their files say, and what they do when a pair is shown to them.

A pair of an authority that everybody has to trust, or that nobody may trust any more, is shown to every port that lets
the set in as a client, to every port that serves the set and asks its clients for a certificate, and to a client with
the authorities of the set. Some servers shake hands with everybody and refuse who asks for something, and some ask
nobody for a certificate: what a handshake means is seen from what becomes of a stranger.
"""

from __future__ import annotations

import contextlib
import os
import ssl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import Any

from ..._access import attempt as access
from ..._access import forged
from ..._access import tls as access_tls
from ..._access.attempt import ACCEPTED, HUNG_UP, REFUSED, SILENT, Attempt
from ..._certificates import spec
from ..._certificates.certificate import Certificate
from ..._certificates.examine import served
from ..._clients import tls
from ..._clients.http import get, headers
from ..._clients.network import Unreachable
from ..._core.checks import CRITICAL, OK, UNKNOWN, Finding, worst
from ..._core.errors import RunbookError
from ..._core.options import Given, Option, Options, with_defaults
from .set import leaf_of, read_set

#: What is said of a set or of a file: whether it accepts what it should, and refuses what it should.
ACCEPTANCE, REFUSAL = "acceptance", "refusal"

#: What an attempt met that nobody asked for a certificate, or that asks and cares for none.
NOT_ASKED = "not asked"

#: The message by which a server asks its client for a certificate, among those of the handshake (RFC 8446).
_HANDSHAKE, _CERTIFICATE_REQUEST = 22, 13

PAIR_OPTIONS: Options = {
    "certificate": Option("str", "A certificate and its issuers, but for the root, in PEM.", required=True),
    # Of one line: Ansible hides a secret in the host's log only where its text stands there as it is.
    "key": Option("str", "Its key, without a passphrase: PKCS8 as DER, in base64.", required=True, secret=True),
}

#: What may be given with a set or a file.
SHOWN_OPTIONS: Options = {
    "accepted": Option("dict", "A pair that everybody has to accept.", options=PAIR_OPTIONS),
    "refused": Option(
        "dict", "A pair that nobody may accept. It proves something only beside I(accepted).", options=PAIR_OPTIONS
    ),
}

#: A file of authorities that belongs to no set.
FILE_OPTIONS: Options = {
    "service": Option("str", "Service that reads it.", required=True),
    "point": Option("str", "What of that service reads it.", required=True),
    "path": Option("path", "The file.", required=True),
}


@dataclass(frozen=True)
class Pair:
    """The files of a certificate and its key, as somebody presents them."""

    certificate: str
    key: str


# -- What files say ----------------------------------------------------------------------------------------------------


def of_set(given: Given, authorities: Sequence[Certificate], *, look_at_ports: bool) -> dict[str, Any]:
    """What a set is and trusts, as a module returns it.

    ``issuer`` and ``trusts`` are fingerprints of ``authorities``; ``foreign`` are the other authorities that the set
    trusts, in PEM; ``fault`` is what a port serves instead of the certificate in the file.
    """
    files = read_set(spec.paths(given))
    leaf = leaf_of(files)
    found = {
        "service": given["service"],
        "point": given["point"],
        "serial": leaf.serial if leaf else "",
        "issuer": next((one.fingerprint for one in authorities if leaf and leaf.issued_by(one)), ""),
        "has_trust": "ca" in files,
        "reads_lists": bool(given.get("crl")),
        **_held(files["ca"].certificates if "ca" in files else [], authorities),
        "fault": "",
    }
    if look_at_ports and given.get("served_by"):
        said = served(given, files["certificate"])
        found["fault"] = "" if said.status == OK else said.message
    return found


def of_file(given: Given, authorities: Sequence[Certificate]) -> dict[str, Any]:
    """What a file of authorities holds, as a module returns it; nothing where it is not there."""
    file = read_set({"ca": Path(given["path"])})["ca"]
    return {**{name: given[name] for name in FILE_OPTIONS}, **_held(file.certificates, authorities)}


def _held(certificates: Sequence[Certificate], authorities: Sequence[Certificate]) -> dict[str, Any]:
    ours = {one.fingerprint for one in authorities}
    return {
        "trusts": [one.fingerprint for one in certificates if one.fingerprint in ours],
        "foreign": "".join(one.pem for one in certificates if one.fingerprint not in ours),
    }


# -- What services do --------------------------------------------------------------------------------------------------


def prove_set(given: Given, revocations: str | None = None) -> Iterator[Finding]:
    """A finding for each pair that is given with a set, where there is anybody to show it to.

    ``revocations`` are the lists that clients would read, in PEM; without them, their trust alone decides.
    """
    yield from _proofs(given, lambda pair: _met_by_set(given, pair, revocations))


def prove_file(given: Given, revocations: str | None = None) -> Iterator[Finding]:
    """A finding for each pair that is given with a file of authorities."""
    yield from _proofs(
        given, lambda pair: {f"a client with {given['path']}": _client(given["path"], pair, revocations)}
    )


def _proofs(given: Given, show: Any) -> Iterator[Finding]:
    good: Mapping[str, Attempt] = {}
    if given.get("accepted"):
        with _in_memory(*_texts(given["accepted"])) as files:
            good = show(Pair(*files))
        yield from _worst_of(ACCEPTANCE, [_accepted(place, attempt) for place, attempt in good.items()])
    if given.get("refused"):
        with _in_memory(*_texts(given["refused"])) as files:
            bad = show(Pair(*files))
        yield from _worst_of(REFUSAL, [_refused(place, attempt, good.get(place)) for place, attempt in bad.items()])


def _texts(pair: Mapping[str, str]) -> tuple[str, str]:
    """The certificate and the key as files have them."""
    lines = ["-----BEGIN PRIVATE KEY-----", *wrap(pair["key"], 64), "-----END PRIVATE KEY-----", ""]
    return pair["certificate"], "\n".join(lines)


def _worst_of(aspect: str, said: Sequence[tuple[str, str]]) -> Iterator[Finding]:
    if said:
        status = worst(each for each, _message in said)
        # The worst is said, and what is good where nothing is bad.
        yield Finding(aspect, status, "; ".join(message for each, message in said if each == status))


def _accepted(place: str, attempt: Attempt) -> tuple[str, str]:
    status = {ACCEPTED: OK, NOT_ASKED: OK, SILENT: UNKNOWN}.get(attempt.met, CRITICAL)
    return status, f"{place}: {'not determined: ' if status == UNKNOWN else ''}{attempt.evidence}"


def _refused(place: str, attempt: Attempt, control: Attempt | None) -> tuple[str, str]:
    """Whether a refusal is one: somebody else has to be let in at the same time."""
    if attempt.met == ACCEPTED:
        return CRITICAL, f"{place}: still accepted: {attempt.evidence}"
    if attempt.met == NOT_ASKED:
        return OK, f"{place}: {attempt.evidence}"
    if attempt.met == SILENT:
        return UNKNOWN, f"{place}: not determined: {attempt.evidence}"
    if control is None or control.met != ACCEPTED:
        return UNKNOWN, f"{place}: refused, but so is the valid client: {attempt.evidence}"
    return OK, f"{place}: refused: {attempt.evidence}"


@contextlib.contextmanager
def _in_memory(*texts: str) -> Iterator[list[str]]:
    """Files for OpenSSL, which reads from nothing else, that nobody finds after a kill."""
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


def _met_by_set(given: Given, pair: Pair, revocations: str | None) -> dict[str, Attempt]:
    """What a pair meets at a set, by the place."""
    met = {}
    trust = spec.paths(given).get("ca")
    if trust is not None:
        met[f"a client with {trust}"] = _client(str(trust), pair, revocations)
    for door in given.get("accepted_by") or ():
        where = {**door, "ca": door.get("ca") or (str(trust) if trust else None), "timeout": given["timeout"]}
        met[f"{door['address']} port {door['port']}"] = _tried(where, pair, verify=True)
    for port in given.get("served_by") or ():
        # What it serves is looked at by others; here, it is the one who looks.
        where = {**port, "client_cert": None, "client_key": None, "timeout": given["timeout"]}
        met[f"port {port['port']}"] = _tried(where, pair, verify=False)
    return met


def _tried(where: Mapping[str, Any], pair: Pair, *, verify: bool) -> Attempt:
    """Show a pair to a port; what cannot be tried met nobody."""
    options = {name: value for name, value in where.items() if value is not None}
    full = {**with_defaults(access_tls.OPTIONS, options), "starttls": where.get("starttls") or "none"}
    try:
        return _shown(full, pair, verify=verify)
    except RunbookError as exc:
        return Attempt(SILENT, str(exc))


def _shown(where: Given, pair: Pair, *, verify: bool) -> Attempt:
    """Show a pair to a port, and a stranger's where a handshake alone says too little."""
    if where.get("path"):
        return _asked(where, pair, where["path"], verify=verify)
    attempt, wanted = _handshake(where, pair, verify=verify)
    if attempt.met != ACCEPTED:
        return attempt
    if not wanted:
        return Attempt(NOT_ASKED, "asks nobody for a certificate")
    with forged.lookalike(pair.certificate, self_signed=False) as files:
        return _beside_a_stranger(where, attempt, pair, Pair(*files), verify=verify)


def _beside_a_stranger(where: Given, attempt: Attempt, pair: Pair, stranger: Pair, *, verify: bool) -> Attempt:
    """What a handshake that came about means, by what becomes of somebody whom nobody vouches for."""
    met, _wanted = _handshake(where, stranger, verify=verify)
    if met.met in (REFUSED, HUNG_UP):
        return attempt
    if where["starttls"] != "none":
        return Attempt(NOT_ASKED, "lets in strangers as well")
    # Servers of HTTP shake hands with everybody, and refuse who asks for something.
    own, other = (_asked(where, each, "/", verify=verify) for each in (pair, stranger))
    if (own.met, own.evidence) != (other.met, other.evidence):
        return Attempt(ACCEPTED, f"{own.evidence}, where a stranger gets {other.evidence}")
    return Attempt(NOT_ASKED, f"lets in strangers as well: {own.evidence}") if own.met == ACCEPTED else own


def _handshake(where: Given, pair: Pair, *, verify: bool) -> tuple[Attempt, bool]:
    """What a handshake comes to, and whether the server asked for a certificate."""
    context = tls.context({**where, "client_cert": pair.certificate, "client_key": pair.key}, verify=verify)
    seen: list[bool] = []

    def watch(_connection: Any, direction: str, _version: Any, content: int, message: int, _data: bytes) -> None:
        if (direction, int(content), int(message)) == ("read", _HANDSHAKE, _CERTIFICATE_REQUEST):
            seen.append(True)

    # The only way in which the standard library tells what the server asked for; it is there since Python 3.8.
    context._msg_callback = watch  # type: ignore[attr-defined]
    return access.through_tls(where, context, access_tls.REFUSAL_WAIT), bool(seen)


def _asked(where: Given, pair: Pair, path: str, *, verify: bool) -> Attempt:
    """What is answered over HTTP to who shows a pair."""
    context = tls.context({**where, "client_cert": pair.certificate, "client_key": pair.key}, verify=verify)
    named = {"host_header": where.get("server_name"), **{key: value for key, value in where.items() if value}}
    try:
        return access.answered(get(where, path, headers(named), context), where)
    except Unreachable as exc:
        return access.broken_off(exc)


# -- A client that trusts what a file says -----------------------------------------------------------------------------


def _client(trust: str, pair: Pair, revocations: str | None) -> Attempt:
    """Show a pair to a client that trusts the authorities of a file, in this process and over no port."""
    try:
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(pair.certificate, pair.key)
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client.check_hostname = False
        client.load_verify_locations(trust)
        if revocations is not None:
            with _in_memory(revocations) as (lists,):
                client.load_verify_locations(lists)
            client.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN
    except OSError as exc:
        return Attempt(SILENT, f"{trust} cannot be used: {exc.strerror or exc}")
    return _shaken(client, server)


def _shaken(client: ssl.SSLContext, server: ssl.SSLContext) -> Attempt:
    """Let a client and a server shake hands in memory."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [client.wrap_bio(to_client, to_server), server.wrap_bio(to_server, to_client, server_side=True)]
    waiting = list(ends)
    for _turn in range(20):
        for end in list(waiting):
            try:
                end.do_handshake()
                waiting.remove(end)
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError as exc:
                return Attempt(REFUSED, exc.verify_message)
            except ssl.SSLError as exc:
                return Attempt(SILENT, f"no handshake: {exc.reason}")
        if not waiting:
            return Attempt(ACCEPTED, f"trusts it ({ends[0].version()})")
    return Attempt(SILENT, "the handshake came to no end")
