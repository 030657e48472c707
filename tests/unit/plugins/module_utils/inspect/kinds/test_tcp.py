# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A port that accepts connections, and the ways of not accepting them."""

from __future__ import annotations

import errno
import socket
import time
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._clients import network
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, OK

from tests.support.loopback import hang, probe, served


def test_open_port() -> None:
    with served(hang) as port:
        found = probe("tcp", port=port)["connect"]
    assert (found.status, found.message, found.unit) == (OK, f"port {port} accepts connections", "ms")


def test_closed_port(closed_port: int) -> None:
    found = probe("tcp", port=closed_port)["connect"]
    assert found.status == CRITICAL
    assert found.message == f"no connection to port {closed_port}: connection refused (nothing listens there)"


def test_unknown_name() -> None:
    found = probe("tcp", port=1, address="no-such-host.invalid", timeout=1)["connect"]
    assert found.status == CRITICAL and found.message.startswith("no address is known for no-such-host.invalid: ")


def test_silent_port_is_distinguished_from_a_refusal() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        # Nothing accepts, so that the queue is soon full and the kernel drops what comes.
        port = listener.getsockname()[1]
        queued = [socket.socket() for _number in range(3)]
        for waiting in queued:
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        began = time.monotonic()
        found = probe("tcp", port=port, address="127.0.0.1", timeout=0.3)["connect"]
        for waiting in queued:
            waiting.close()
    assert found.status == CRITICAL and "no answer within 0.3 s" in found.message
    assert time.monotonic() - began < 30


def test_dead_address_leaves_time_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[tuple[str, float]] = []

    def connected(_family: int, _sort: int, _protocol: int, where: tuple[str, int], seconds: float) -> Any:
        tried.append((where[0], round(seconds, 1)))
        if where[0] == "::1":
            raise TimeoutError
        return socket.socket()

    found = [(0, 0, 0, "", (address, 1)) for address in ("::1", "127.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: found)
    monkeypatch.setattr(network, "_connected", connected)
    network.connect("localhost", 1, network.Deadline(4)).close()
    assert tried == [("::1", 2.0), ("127.0.0.1", 4.0)]


@pytest.mark.parametrize("order", [("127.0.0.1", "::1"), ("::1", "127.0.0.1")])
def test_address_of_a_family_that_the_host_has_not_is_no_reason(
    monkeypatch: pytest.MonkeyPatch, order: tuple[str, str]
) -> None:
    def connected(_family: int, _sort: int, _protocol: int, where: tuple[str, int], _seconds: float) -> Any:
        raise OSError(errno.EADDRNOTAVAIL if where[0] == "::1" else errno.ECONNREFUSED, "")

    found = [(0, 0, 0, "", (address, 1)) for address in order]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: found)
    monkeypatch.setattr(network, "_connected", connected)
    with pytest.raises(network.Unreachable, match="connection refused"):
        network.connect("localhost", 1, network.Deadline(4))
