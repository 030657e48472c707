# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Connections whose every wait ends at one deadline, and the reasons why there is none."""

from __future__ import annotations

import errno
import os
import socket
import time
from typing import Any

from .._core.about import CLOSED, DROPPED, REFUSED, SILENT, UNRESOLVED, Fault
from .._core.errors import RunbookError


class Unreachable(RunbookError):
    """The other end cannot be reached; the message names how that showed.

    That is a verdict on the service, where any other `RunbookError` means that the service could not be inspected.
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
        why = f"no address is known for {address}: {reason(exc, deadline.seconds)}"
        raise Unreachable(why, fault=Fault(UNRESOLVED)) from exc
    for index, (family, sort, protocol, _name, where) in enumerate(found):
        try:
            # Each address gets its share of the time that is left, or a dead one would leave nothing to the next.
            return _connected(family, sort, protocol, where, deadline.left() / (len(found) - index))
        except OSError as exc:
            # A name with two addresses on a host with one family: the other is no evidence about the service.
            if failure is None or exc.errno != errno.EADDRNOTAVAIL:
                failure = exc
    why = reason(failure, deadline.seconds) if failure else "the host has no address"
    fault = fault_of(failure, otherwise=DROPPED) if failure else None
    raise Unreachable(f"no connection to port {port}: {why}", fault=fault) from failure


def connect_path(path: str, deadline: Deadline) -> socket.socket:
    """Connect to a socket of this host, by its path. Raises `Unreachable`."""
    try:
        return _connected(socket.AF_UNIX, socket.SOCK_STREAM, 0, path, deadline.left())
    except OSError as exc:
        why = reason(exc, deadline.seconds)
        raise Unreachable(f"no connection to the socket {path}: {why}", fault=fault_of(exc, otherwise=DROPPED)) from exc


def _connected(family: int, sort: int, protocol: int, where: Any, seconds: float) -> socket.socket:
    """A connection to one address, with everything that belongs to it: a text would lose its zone."""
    opened = socket.socket(family, sort, protocol)
    try:
        opened.settimeout(seconds)
        opened.connect(where)
    except BaseException:
        opened.close()
        raise
    return opened


def without_zone(address: str) -> str:
    """An address as others know it: the zone of ``fe80::1%eth0`` names an interface of this host."""
    return address.partition("%")[0] if ":" in address else address


def reason(exc: OSError, seconds: float) -> str:
    """Why a connection failed, where a refusal is not the same as silence."""
    if isinstance(exc, socket.timeout):
        return f"no answer within {seconds:g} s (dropped by a firewall, or the service hangs)"
    if exc.errno == errno.ECONNREFUSED:
        return "connection refused (nothing listens there)"
    if exc.errno == errno.ECONNRESET:
        return "connection reset by the other end"
    return exc.strerror or (os.strerror(exc.errno) if exc.errno else str(exc))


#: How the kernel calls the ways in which a connection does not come about, or ends.
_MET = {
    errno.ECONNREFUSED: REFUSED,
    errno.ECONNRESET: CLOSED,
    errno.EPIPE: CLOSED,
    errno.EHOSTUNREACH: DROPPED,
    errno.ENETUNREACH: DROPPED,
}


def fault_of(exc: OSError, *, otherwise: str = SILENT) -> Fault:
    """What an attempt met, as data.

    A connection that was never made (``otherwise`` is `DROPPED`) is another thing than one on which nothing comes: the
    kernel accepts connections for a process that hangs.
    """
    return Fault(_MET.get(exc.errno or 0, otherwise))
