# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A client learns why it was turned away, however late it listens."""

from __future__ import annotations

import contextlib
import ssl
import time
from collections.abc import Iterator

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._clients import tls
from ansible_collections.xorb.runbook.plugins.module_utils._clients.network import Deadline

from tests.support.loopback import Authority, Pair, served


@contextlib.contextmanager
def connected(context: ssl.SSLContext, authority: Authority) -> Iterator[ssl.SSLSocket]:
    """A client of a server with this context that has shaken hands."""
    with served(lambda client: client.connection.close(), context) as port:
        given = {"address": "127.0.0.1", "port": port, "ca": str(authority.file)}
        with contextlib.closing(tls.open_connection(given, tls.context(given), Deadline(5))) as opened:
            yield opened


def written_until_it_fails(opened: ssl.SSLSocket) -> OSError:
    """What a client meets that goes on to write to a server that has closed."""
    for _attempt in range(500):
        try:
            opened.sendall(b"PING\r\n")
        except OSError as exc:
            return exc
        time.sleep(0.01)
    pytest.fail("a closed connection took everything")


def test_refusal_reaches_a_client_that_writes_before_it_reads(authority: Authority, leaf: Pair) -> None:
    context = leaf.server_context()
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.file)
    with connected(context, authority) as opened:
        met = written_until_it_fails(opened)
    assert tls.failure(met, 5) == "TLS failed: the other end demands a client certificate"


def test_server_that_closes_without_a_word_has_closed(authority: Authority, leaf: Pair) -> None:
    with connected(leaf.server_context(), authority) as opened:
        met = written_until_it_fails(opened)
    assert tls.failure(met, 5) == "TLS failed: the other end closed the connection"
