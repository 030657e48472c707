# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Old versions of TLS, offered without a library that still speaks them to the end: the first two messages tell."""

from __future__ import annotations

import ssl

from ansible_collections.xorb.runbook.plugins.module_utils._access import ACCEPTED, REFUSED, SILENT, Attempt
from ansible_collections.xorb.runbook.plugins.module_utils._errors import RunbookError

#: Versions that nobody should accept any more, by aspect: the name, what the library calls it, and what the wire does.
OLD = {
    "tls_1_0": ("TLS 1.0", "TLSv1", b"\x03\x01"),
    "tls_1_1": ("TLS 1.1", "TLSv1_1", b"\x03\x02"),
}

_HANDSHAKE, _ALERT = 0x16, 0x15
_SERVER_HELLO = 2
#: Where the parts of the first record are: its header has five bytes, that of a message four.
_MESSAGE, _VERSION, _DESCRIPTION = 5, slice(9, 11), 6

#: Alerts that refuse the offer; others may come from trouble of the server's own.
_REFUSALS = {
    40: "handshake failure",
    70: "protocol version",
    71: "insufficient security",
    86: "inappropriate fallback",
}


def hello(version: str, number: bytes) -> bytes:
    """The first message of a client that speaks one old version only.

    Raises `RunbookError` where the OpenSSL of this host cannot even offer it.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    outgoing = ssl.MemoryBIO()
    try:
        # Distributions keep old versions away by a security level; this client is given nothing to protect.
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion[version]
        context.maximum_version = ssl.TLSVersion[version]
        context.wrap_bio(ssl.MemoryBIO(), outgoing).do_handshake()
    except ssl.SSLWantReadError:
        pass
    except (ssl.SSLError, ValueError) as exc:
        raise RunbookError(f"{ssl.OPENSSL_VERSION} of this host cannot offer it: {exc}") from exc
    said = outgoing.read()
    if said[:1] != bytes([_HANDSHAKE]) or said[_VERSION] != number:
        raise RunbookError(f"{ssl.OPENSSL_VERSION} of this host does not offer it")
    return said


def answer(name: str, received: bytes) -> Attempt:
    """What a server's first record says to the offer of an old version."""
    if len(received) > _VERSION.stop and received[0] == _HANDSHAKE and received[_MESSAGE] == _SERVER_HELLO:
        return Attempt(ACCEPTED, f"the server agreed to {name}")
    if len(received) > _DESCRIPTION and received[0] == _ALERT:
        number = received[_DESCRIPTION]
        if number in _REFUSALS:
            return Attempt(REFUSED, f"{name} is answered by the alert {_REFUSALS[number]!r}")
        return Attempt(SILENT, f"{name} is answered by alert {number}, which is no refusal of the version")
    return Attempt(SILENT, f"{name} is not answered in TLS")
