# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Connections whose every wait ends at one deadline, and the reasons why there is none."""

from __future__ import annotations

import errno
import os
import socket
import time

from .._core.errors import RunbookError


class Unreachable(RunbookError):
    """The other end cannot be talked to; the message says how that showed.

    That is a verdict on the service, where any other `RunbookError` means that nobody could look.
    """


class Deadline:
    """The end of one step, shared by all of its waits: a peer that drips cannot stretch it."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._ends = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds until the end; raises `socket.timeout` when there are none."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise socket.timeout("timed out")
        return left


def connect(address: str, port: int, deadline: Deadline) -> socket.socket:
    """Connect to the first of the host's addresses that accepts.

    Raises `Unreachable` when none does.
    """
    failure: OSError | None = None
    try:
        found = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)
    except socket.gaierror as exc:
        raise Unreachable(f"no address is known for {address}: {reason(exc, deadline.seconds)}") from exc
    for index, (family, kind, protocol, _name, where) in enumerate(found):
        try:
            # Each address gets its share of the time that is left, or a dead one would leave nothing to the next.
            share = deadline.left() / (len(found) - index)
            return _connected(socket.socket(family, kind, protocol), where, share)
        except OSError as exc:
            # A name with two addresses on a host with one family: the other says nothing about the service.
            if failure is None or exc.errno != errno.EADDRNOTAVAIL:
                failure = exc
    why = reason(failure, deadline.seconds) if failure else "the host has no address"
    raise Unreachable(f"no connection to port {port}: {why}") from failure


def _connected(plain: socket.socket, where: tuple[object, ...], seconds: float) -> socket.socket:
    """Connect a socket to all of an address: that of a link is none without its zone (``fe80::1%eth0``)."""
    try:
        plain.settimeout(seconds)
        plain.connect(where)
    except BaseException:
        plain.close()
        raise
    return plain


def reason(exc: OSError, seconds: float) -> str:
    """Why a connection failed, telling a refusal from silence."""
    if isinstance(exc, socket.timeout):
        return f"no answer within {seconds:g} s (dropped by a firewall, or the service hangs)"
    if exc.errno == errno.ECONNREFUSED:
        return "connection refused (nothing listens there)"
    if exc.errno == errno.ECONNRESET:
        return "connection reset by the other end"
    return exc.strerror or (os.strerror(exc.errno) if exc.errno else str(exc))
