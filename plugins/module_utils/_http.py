# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One HTTP request that ends in time whatever the server does, with the standard library alone."""

from __future__ import annotations

import contextlib
import http.client
import io
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Callable
from urllib.parse import urlsplit

from ansible_collections.xorb.runbook.plugins.module_utils._network import Deadline, Unreachable, connect, reason
from ansible_collections.xorb.runbook.plugins.module_utils._tls import failure, open_connection
from ansible_collections.xorb.runbook.plugins.module_utils._wording import excerpt, size


@dataclass(frozen=True)
class Answer:
    """A complete answer, and how long it took from connecting to its last byte."""

    status: int
    text: str
    location: str
    milliseconds: float

    @property
    def redirects_to(self) -> str:
        """The path that a redirection leads to; hosts and queries may hold what nobody should read."""
        if not HTTPStatus.MULTIPLE_CHOICES <= self.status < HTTPStatus.BAD_REQUEST or not self.location:
            return ""
        return urlsplit(self.location).path or "/"


def get(given: Mapping[str, Any], path: str, headers: Mapping[str, str], context: ssl.SSLContext | None) -> Answer:
    """Get a path of a server; redirections are not followed.

    Raises `Unreachable` when no complete answer arrives within ``timeout`` seconds.
    """
    deadline = Deadline(given["timeout"])
    began = time.monotonic()
    if context:
        opened: socket.socket = open_connection(given, context, deadline)
    else:
        opened = connect(given["address"], given["port"], deadline)
    with contextlib.closing(opened):
        try:
            response = _ask(_BoundedSocket(opened, deadline), given, path, headers)
            body = _read(response, given["max_body_bytes"])
        except (OSError, http.client.HTTPException) as exc:
            raise Unreachable(_why(exc, deadline.seconds)) from exc
    return Answer(
        status=response.status,
        text=body.decode("utf-8-sig", errors="replace"),
        location=response.getheader("Location", ""),
        milliseconds=round((time.monotonic() - began) * 1000, 1),
    )


def _ask(
    bounded: _BoundedSocket, given: Mapping[str, Any], path: str, headers: Mapping[str, str]
) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(given["address"], given["port"])
    connection.sock = bounded
    connection.request("GET", path, headers={**headers, "Connection": "close"})
    return connection.getresponse()


def _read(response: http.client.HTTPResponse, limit: int) -> bytes:
    """The whole body.

    Raises `Unreachable` when it is larger than ``limit``, and `IncompleteRead` when it ends early: a limited read of
    the standard library keeps silent about that.
    """
    body = response.read(limit + 1)
    if len(body) > limit:
        raise Unreachable(f"the body is larger than {size(limit)}, which is as much as the probe reads")
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
    return next(told(exc, seconds) for kind, told in _MEANINGS if isinstance(exc, kind))


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
        """Do nothing: `http.client` closes before the body is read, who opened the socket closes it afterwards."""


class _Incoming(io.RawIOBase):
    """The bytes that arrive on a bounded socket."""

    def __init__(self, bounded: _BoundedSocket) -> None:
        super().__init__()
        self._bounded = bounded

    def readable(self) -> bool:
        """Say that this can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Wait for some bytes; none mean the end."""
        return self._bounded.receive_into(buffer)
