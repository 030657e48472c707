# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One HTTP request that ends in time whatever the server does, with the standard library alone."""

from __future__ import annotations

import contextlib
import http.client
import io
import re
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Callable
from urllib.parse import urlsplit

from .._core.about import CLOSED, GARBLED, UNWELL, Fault
from .._core.errors import RunbookError
from .._core.options import AT_LEAST_ONE, Given, Option, Options
from .._core.shared_options import NETWORK_OPTIONS, TLS_OPTIONS
from .._core.text import excerpt, size
from .network import Deadline, Unreachable, connect, fault_of, reason, without_zone
from .tls import context, failed, failure, open_connection

#: Options of every probe that asks a web service; each kind adds its port.
HTTP_OPTIONS: Options = {
    **NETWORK_OPTIONS,
    **TLS_OPTIONS,
    "scheme": Option("str", "Protocol.", default="http", choices=("http", "https")),
    "verify": Option("bool", "Whether the server's certificate must be trusted.", default=True),
    "host_header": Option("str", "Value of the header Host, for services that answer to certain names only."),
    "headers": Option("dict", "Headers to send. Without one of its own, Accept is C(application/json)."),
    "secret_headers": Option("dict", "Headers to send whose values are secrets.", secret=True),
    "max_body_bytes": Option(
        "int",
        "Largest body that is read. Of a larger one nothing is known, which is C(unknown).",
        default=4194304,
        within=AT_LEAST_ONE,
    ),
}

#: Some services refuse the usual ``Accept: */*``, and answer anything but JSON where a client does not accept it alone.
DEFAULT_HEADERS = {"Accept": "application/json", "User-Agent": "xorb-runbook"}

#: Headers that carry secrets.
CREDENTIALS = ("authorization", "proxy-authorization", "cookie", "x-api-key")

#: What a header can be called (RFC 9110, 5.6.2).
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t -~\xa0-\xff]*")


def header_faults(given: Given) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the headers among some options, as ``(key, message)``."""
    for option in ("headers", "secret_headers"):
        for name, value in (given.get(option) or {}).items():
            if option == "headers" and str(name).lower() in CREDENTIALS:
                yield f"{option}.{name}", "belongs to secret_headers, where it is kept out of logs"
            # The standard library refuses such a value too, but repeats it in its error.
            elif not HEADER_NAME.fullmatch(str(name)) or not _HEADER_VALUE.fullmatch(str(value)):
                yield f"{option}.{name}", "cannot be sent as a header: it has a line break or an odd character"


def path_faults(key: str, path: str) -> Iterator[tuple[str, str]]:
    """Yield what keeps a path from being requested."""
    if not re.fullmatch(r"/[!-~]*", path):
        yield key, f"expected a path that begins with a slash and has no blanks, got {path!r}"


def headers(given: Given) -> dict[str, str]:
    """The headers to send; names are the same whatever their case."""
    named = {"Host": given["host_header"]} if given.get("host_header") else {}
    chosen: dict[str, tuple[str, str]] = {}
    for source in (DEFAULT_HEADERS, named, given.get("headers") or {}, given.get("secret_headers") or {}):
        chosen.update({str(name).lower(): (str(name), str(value)) for name, value in source.items()})
    return dict(chosen.values())


class TooLarge(RunbookError):
    """The answer is larger than what is read: a limit of ours, which is no fault of the service."""


@dataclass(frozen=True)
class Answer:
    """A complete answer, and how long it took from connecting to its last byte."""

    status: int
    text: str
    location: str
    milliseconds: float
    skew: float | None = None  # seconds that the server's clock is ahead of ours, where it sends its time
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def redirects_to(self) -> str:
        """The path that a redirection leads to; hosts and queries may hold secrets."""
        if not HTTPStatus.MULTIPLE_CHOICES <= self.status < HTTPStatus.BAD_REQUEST or not self.location:
            return ""
        return urlsplit(self.location).path or "/"


class Client:
    """A client of one web service, by the options of a probe.

    Raises `RunbookError` when the files of its TLS options cannot be used.
    """

    def __init__(self, given: Given) -> None:
        self._given = given
        self._headers = headers(given)
        self._context = context(given, verify=given["verify"]) if given["scheme"] == "https" else None

    def get(self, path: str) -> Answer:
        """Get a path, as `get` does."""
        return get(self._given, path, self._headers, self._context)


def get(given: Given, path: str, sent: Mapping[str, str], with_context: ssl.SSLContext | None) -> Answer:
    """Get a path of a server; redirections are not followed.

    Raises `Unreachable` when no complete answer arrives within ``timeout`` seconds, and `TooLarge`.
    """
    deadline = Deadline(given["timeout"])
    began = time.monotonic()
    if with_context:
        opened: socket.socket = open_connection(given, with_context, deadline)
    else:
        opened = connect(given["address"], given["port"], deadline)
    with contextlib.closing(opened):
        try:
            response = _request(_BoundedSocket(opened, deadline), given, path, sent)
            body = _read(response, given["max_body_bytes"])
        except (OSError, http.client.HTTPException) as exc:
            raise Unreachable(_why(exc, deadline.seconds), fault=_fault(exc, given)) from exc
    return Answer(
        status=response.status,
        text=body.decode("utf-8-sig", errors="replace"),
        location=response.getheader("Location", ""),
        milliseconds=round((time.monotonic() - began) * 1000, 1),
        skew=_skew(response, time.time()),
        headers=tuple(response.getheaders()),
    )


def _skew(response: http.client.HTTPResponse, now: float) -> float | None:
    """How far the server's clock is ahead by its header Date; what a cache has kept was written some time ago."""
    try:
        sent = parsedate_to_datetime(response.getheader("Date", "")).timestamp()
        return sent + int(response.getheader("Age", "0")) - now
    except (ValueError, TypeError, IndexError, OverflowError):  # none, or not a time
        return None


def _request(bounded: _BoundedSocket, given: Given, path: str, sent: Mapping[str, str]) -> http.client.HTTPResponse:
    # The zone of an address is this host's own business; in a header it would be refused.
    connection = http.client.HTTPConnection(without_zone(given["address"]), given["port"])
    connection.response_class = _Response
    connection.sock = bounded
    connection.request("GET", path, headers={**sent, "Connection": "close"})
    return connection.getresponse()


class _Response(http.client.HTTPResponse):
    """The final answer: interim ones may come before it, of which the standard library knows but one."""

    def _read_status(self) -> tuple[str, int, str]:
        while True:
            version, status, words = super()._read_status()  # type: ignore[misc]
            if status not in _INTERIM:
                return version, status, words
            http.client.parse_headers(self.fp)


#: 101 is final: the server goes on in another protocol.
_INTERIM = frozenset(range(100, 200)) - {HTTPStatus.SWITCHING_PROTOCOLS}


def _read(response: http.client.HTTPResponse, limit: int) -> bytes:
    """The whole body.

    Raises `TooLarge` when it is larger than ``limit``, and `IncompleteRead` when it ends early: a limited read of
    the standard library keeps silent about that.
    """
    body = response.read(limit + 1)
    if len(body) > limit:
        message = f"the body is larger than the {size(limit)} that are read (max_body_bytes)"
        raise TooLarge(message, status=response.status)
    if response.length:
        raise http.client.IncompleteRead(body, response.length)
    return body


def _truncated(exc: http.client.IncompleteRead) -> str:
    missing = f", {exc.expected} are missing" if exc.expected else " before it broke off"
    return f"the answer is truncated: {len(exc.partial)} bytes of the body arrived{missing}"


#: What each kind of failure means. The order matters: most of them are an OSError too.
_MEANINGS: tuple[tuple[type[Exception], Callable[[Any, float], str]], ...] = (
    (socket.timeout, lambda _exc, seconds: f"connected, but no complete answer within {seconds:g} s"),
    (
        http.client.RemoteDisconnected,
        lambda _exc, _seconds: "connected, but the other end closed the connection without an answer",
    ),
    (http.client.IncompleteRead, lambda exc, _seconds: _truncated(exc)),
    (http.client.BadStatusLine, lambda exc, _seconds: f"the answer is not HTTP: {excerpt(exc.args[0])}"),
    (ssl.SSLError, failure),
    (OSError, lambda exc, seconds: f"connected, but no complete answer: {reason(exc, seconds)}"),
    (Exception, lambda exc, _seconds: f"the answer is not understood: {excerpt(exc)} ({type(exc).__name__})"),
)


def _why(exc: Exception, seconds: float) -> str:
    """Why there is no complete answer, in one sentence."""
    return next(meaning(exc, seconds) for kind, meaning in _MEANINGS if isinstance(exc, kind))


def fault_of_status(status: int) -> Fault:
    """What an answer with a wrong status code means: a server that fails, whatever the request, is not well."""
    return Fault(UNWELL if status >= HTTPStatus.INTERNAL_SERVER_ERROR else f"http-{status}")


def _fault(exc: Exception, given: Given) -> Fault:
    """The same as data."""
    if isinstance(exc, http.client.RemoteDisconnected):
        return Fault(CLOSED)
    if isinstance(exc, ssl.SSLError):
        return failed(exc, given)
    return fault_of(exc) if isinstance(exc, OSError) else Fault(GARBLED)


class _BoundedSocket:
    """What `http.client` needs of a socket, with all waits ending at one deadline.

    A plain time-out begins anew with every byte, so that a server that drips could hold a probe for hours.
    """

    def __init__(self, connected: socket.socket, deadline: Deadline) -> None:
        self._socket = connected
        self._deadline = deadline

    def sendall(self, data: bytes) -> None:
        """Send everything."""
        self._socket.settimeout(self._deadline.left())
        self._socket.sendall(data)

    def receive_into(self, buffer: Any) -> int:
        """Wait for some bytes."""
        self._socket.settimeout(self._deadline.left())
        return self._socket.recv_into(buffer)

    def makefile(self, _mode: str) -> io.BufferedReader:
        """The answer as a file."""
        return io.BufferedReader(_Incoming(self))

    def close(self) -> None:
        """Do nothing: `http.client` closes before the body is read, and `get` closes the socket afterwards."""


class _Incoming(io.RawIOBase):
    """The bytes that arrive on a bounded socket."""

    def __init__(self, bounded: _BoundedSocket) -> None:
        super().__init__()
        self._bounded = bounded

    def readable(self) -> bool:
        """Always: there is something to read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Wait for some bytes; none mean the end."""
        return self._bounded.receive_into(buffer)
