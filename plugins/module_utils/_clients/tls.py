# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""TLS as every probe speaks it: one way to build the context, one way to explain why a handshake failed."""

from __future__ import annotations

import contextlib
import hashlib
import selectors
import socket
import ssl
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .._core.about import (
    CERTIFICATE,
    CHAIN,
    CHAIN_OF,
    CLOSED,
    EXPIRY,
    GARBLED,
    NAMES,
    REVOCATION,
    SHOWN,
    UNSEEN,
    Fault,
    Subject,
)
from .._core.errors import RunbookError
from .._core.options import Option
from .network import Deadline, Unreachable, connect, fault_of, reason, without_zone

#: The name came with Python 3.10, the flag is as old as OpenSSL 1.0.2.
_PARTIAL_CHAIN = getattr(ssl, "VERIFY_X509_PARTIAL_CHAIN", 0x80000)

#: The protocol that TLS begins within; Redis and HTTPS begin with TLS at once.
POSTGRES = "postgres"
STARTTLS = Option(
    "str",
    "The protocol that TLS begins within. PostgreSQL wants a request for it; Redis and HTTPS begin with TLS at once.",
    default="none",
    choices=("none", POSTGRES),
)

#: The message SSLRequest: its length, and a number that no version of the protocol has.
_SSL_REQUEST = (8).to_bytes(4, "big") + (80877103).to_bytes(4, "big")

#: What OpenSSL calls a failure, and what it means.
_MEANINGS = {
    "WRONG_VERSION_NUMBER": "the port does not speak TLS",
    "HTTP_REQUEST": "the port does not speak TLS",
    "PACKET_LENGTH_TOO_LONG": "the port does not speak TLS",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "the other end demands a client certificate",
    "TLSV1_ALERT_UNKNOWN_CA": "the other end does not trust the client certificate",
    "SSLV3_ALERT_BAD_CERTIFICATE": "the other end refuses the client certificate, or misses one",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "the client certificate has expired",
    "SSLV3_ALERT_CERTIFICATE_REVOKED": "the client certificate is revoked",
    "TLSV1_ALERT_PROTOCOL_VERSION": "no protocol version in common",
    "UNSUPPORTED_PROTOCOL": "no protocol version in common",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "no cipher or protocol in common, or a client certificate is missing",
}


class _Connection(ssl.SSLSocket):
    """A connection of which a failed write raises what the other end sent before it closed.

    In TLS 1.3 a server turns a client away after the handshake: its alert waits to be read while the client still
    writes, and a write to a closed connection knows no more than that it is closed.
    """

    def send(self, data: Any, flags: int = 0) -> int:
        try:
            return super().send(data, flags)
        except (ssl.SSLEOFError, BrokenPipeError, ConnectionResetError) as exc:
            self.settimeout(0)
            try:
                self.recv(1)
            except ssl.SSLError as alert:
                if alert.reason in _MEANINGS:
                    raise alert from exc
            except OSError:  # it sent nothing
                pass
            raise


def context(given: Mapping[str, Any], *, verify: bool = True) -> ssl.SSLContext:
    """A client's context for the options ``ca``, ``client_cert`` and ``client_key``.

    Raises `RunbookError` when one of these files cannot be used.
    """
    ca = given.get("ca")
    try:
        made = ssl.create_default_context(cafile=ca)
    except OSError as exc:  # ssl.SSLError is one, and neither names the file
        raise RunbookError(f"ca: {ca} cannot be used: {exc.strerror or exc}") from exc
    # Python 3.13 began to refuse what OpenSSL, curl and nginx accept, and to accept an intermediate as an anchor: a
    # verdict must not depend on the Python of the observing host.
    made.verify_flags &= ~ssl.VERIFY_X509_STRICT
    made.verify_flags |= _PARTIAL_CHAIN
    made.sslsocket_class = _Connection
    if not verify:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    if given.get("client_cert"):
        _present(made, given["client_cert"], given.get("client_key"))
    return made


def _present(made: ssl.SSLContext, certificate: str, key: Any) -> None:
    def refuse() -> str:  # without it, OpenSSL asks on the terminal and waits for ever
        raise RunbookError(f"client_key: {key or certificate} is encrypted; the probe needs one without a passphrase")

    try:
        made.load_cert_chain(certificate, key, password=refuse)
    except OSError as exc:
        files = f"{certificate} with {key}" if key else certificate
        raise RunbookError(f"client_cert: {files} cannot be used: {exc.strerror or exc}") from exc


def open_connection(given: Mapping[str, Any], with_context: ssl.SSLContext, deadline: Deadline) -> ssl.SSLSocket:
    """Connect to ``address`` and ``port`` and shake hands.

    Raises `Unreachable` when that is impossible or, with a context that verifies, the certificate is not trusted.
    """
    plain = connect(given["address"], given["port"], deadline)
    try:
        plain.settimeout(deadline.left())
        if given.get("starttls") == POSTGRES:
            _request_tls(plain)
        return with_context.wrap_socket(
            plain, server_hostname=given.get("server_name") or without_zone(given["address"])
        )
    except OSError as exc:
        plain.close()
        raise Unreachable(failure(exc, deadline.seconds), fault=failed(exc, given)) from exc


def wait_for_refusal(connection: ssl.SSLSocket, deadline: Deadline, seconds: float, *, silent: float = 0.0) -> None:
    """Raise `Unreachable` when the other end turns the client away within some seconds after the handshake.

    In TLS 1.3 that comes after the client believes to be through, and instead of what most servers send to the clients
    that they let in: tickets for the next session. As long as nothing has come at all, the server may just be slow,
    and is given ``silent`` seconds.
    """
    begun = time.monotonic()
    received = connection.version() != "TLSv1.3"
    connection.settimeout(0)
    try:
        while True:
            try:
                if not connection.recv(1):
                    message = "the other end closed the connection right after the handshake"
                    raise Unreachable(message, fault=Fault(CLOSED)) from ssl.SSLEOFError()
                return
            except ssl.SSLWantReadError:
                patience = seconds if received else max(seconds, silent)
            left = min(begun + patience - time.monotonic(), deadline.left())
            if not _readable(connection, left):
                return
            received = True
    except socket.timeout:  # Python 3.9 does not take it for a TimeoutError
        pass
    except OSError as exc:
        raise Unreachable(failure(exc, deadline.seconds), fault=failed(exc, {})) from exc


def _readable(connection: socket.socket, seconds: float) -> bool:
    """Whether anything arrives within so many seconds."""
    with selectors.DefaultSelector() as waiting:
        waiting.register(connection, selectors.EVENT_READ)
        return seconds > 0 and bool(waiting.select(seconds))


def _request_tls(plain: socket.socket) -> None:
    """Request TLS from a PostgreSQL server; raises `Unreachable` where it will not go on in it."""
    plain.sendall(_SSL_REQUEST)
    answer = plain.recv(1)
    if answer == b"S":
        return
    plain.close()
    if answer == b"N":
        raise Unreachable("the server does not offer TLS (PostgreSQL has ssl = off)")
    raise Unreachable("the port does not speak PostgreSQL" if answer else "the other end closed the connection")


def failure(exc: OSError, seconds: float) -> str:
    """Why TLS did not come about, in one sentence."""
    if isinstance(exc, ssl.SSLCertVerificationError):
        return f"certificate not trusted: {exc.verify_message.rstrip('.')}"
    if isinstance(exc, socket.timeout):
        return f"TLS handshake failed: no answer within {seconds:g} s"
    if isinstance(exc, ssl.SSLEOFError):  # of a write, it has no reason
        return "TLS failed: the other end closed the connection"
    if isinstance(exc, ssl.SSLError):
        return f"TLS failed: {_MEANINGS.get(exc.reason) or (exc.reason or str(exc)).replace('_', ' ').lower()}"
    return f"TLS handshake failed: {reason(exc, seconds)}"


#: What OpenSSL finds wrong with a chain, by its numbers (X509_V_ERR_*); everything else is about trust.
_FOUND = {9: EXPIRY, 10: EXPIRY, 23: REVOCATION, 62: NAMES, 63: NAMES, 64: NAMES}

#: Alerts that are about the certificate that the client has shown.
_OF_THE_CLIENT = {"SSLV3_ALERT_CERTIFICATE_EXPIRED": EXPIRY, "SSLV3_ALERT_CERTIFICATE_REVOKED": REVOCATION}


def failed(exc: OSError, given: Mapping[str, Any]) -> Fault:
    """Why TLS did not come about, as data: the certificate that is to blame is named by its fingerprint."""
    if isinstance(exc, ssl.SSLCertVerificationError):
        shown = _shown(given) if given else b""
        met = _FOUND.get(exc.verify_code, CHAIN)
        return Fault(met, shown_at(given["port"], shown)) if shown else Fault(met)
    alert = getattr(exc, "reason", None)
    if isinstance(exc, ssl.SSLError) and alert in _OF_THE_CLIENT and given.get("client_cert"):
        mine = _first_of(given["client_cert"])
        return Fault(_OF_THE_CLIENT[alert], ((CHAIN_OF, fingerprint(mine)),) if mine else ())
    if isinstance(exc, ssl.SSLEOFError):
        return Fault(CLOSED)
    if isinstance(exc, ssl.SSLError):
        # Without the words it would be the same as every other refusal of the same service.
        return Fault(GARBLED) if alert in _NOT_TLS else Fault(f"tls-{alert or UNSEEN}".lower())
    return fault_of(exc)


_NOT_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG")


def shown_at(port: int, der: bytes) -> tuple[Subject, ...]:
    """A certificate that a port shows, or one above it: a client that does not trust them knows the first alone."""
    known = fingerprint(der)
    return ((CHAIN_OF, known), (SHOWN, f"{port}/{known}"))


def fingerprint(der: bytes) -> str:
    """The beginning of a certificate's SHA-256, enough to distinguish it from any other; nothing for none."""
    return hashlib.sha256(der).hexdigest()[:32] if der else ""


def _shown(given: Mapping[str, Any]) -> bytes:
    """The certificate that a port shows, which Python keeps to itself where it does not trust it; nothing for none."""
    deadline = Deadline(given.get("timeout") or 5.0)
    try:
        with contextlib.closing(open_connection(given, context(given, verify=False), deadline)) as connection:
            return connection.getpeercert(binary_form=True) or b""
    except (OSError, RunbookError):
        return b""


def _first_of(path: str) -> bytes:
    """The first certificate of a PEM file in DER; nothing where it cannot be read."""
    try:
        text = Path(path).read_text(encoding="latin-1")
        begin, end = text.index(ssl.PEM_HEADER), text.index(ssl.PEM_FOOTER)
        return ssl.PEM_cert_to_DER_cert(text[begin : end + len(ssl.PEM_FOOTER)])
    except (OSError, ValueError):
        return b""


def judged(reason: str, port: int, der: bytes) -> Fault:
    """A fault of a certificate that is shown by a port, and that a check itself inspects."""
    return Fault.stated(reason, (CERTIFICATE, fingerprint(der)), *shown_at(port, der))
