# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Old versions of TLS and weak ciphers, offered without a library that speaks them: two messages are enough."""

from __future__ import annotations

import os
import ssl
from ipaddress import ip_address

from .._core.errors import RunbookError
from .attempt import ACCEPTED, REFUSED, SILENT, Attempt

#: Versions that no server should accept any more, by aspect: the name, that of the library, and that on the wire.
OLD = {
    "tls_1_0": ("TLS 1.0", "TLSv1", b"\x03\x01"),
    "tls_1_1": ("TLS 1.1", "TLSv1_1", b"\x03\x02"),
}

#: Suites of TLS 1.2 that encrypt nothing, authenticate no server, or can be broken, by their number in IANA's registry.
WEAK = {
    0x0001: "RSA_WITH_NULL_MD5",
    0x0002: "RSA_WITH_NULL_SHA",
    0x003B: "RSA_WITH_NULL_SHA256",
    0xC006: "ECDHE_ECDSA_WITH_NULL_SHA",
    0xC010: "ECDHE_RSA_WITH_NULL_SHA",
    0x0018: "DH_anon_WITH_RC4_128_MD5",
    0x001B: "DH_anon_WITH_3DES_EDE_CBC_SHA",
    0x0034: "DH_anon_WITH_AES_128_CBC_SHA",
    0x003A: "DH_anon_WITH_AES_256_CBC_SHA",
    0x006C: "DH_anon_WITH_AES_128_CBC_SHA256",
    0x006D: "DH_anon_WITH_AES_256_CBC_SHA256",
    0x00A6: "DH_anon_WITH_AES_128_GCM_SHA256",
    0x00A7: "DH_anon_WITH_AES_256_GCM_SHA384",
    0xC016: "ECDH_anon_WITH_RC4_128_SHA",
    0xC017: "ECDH_anon_WITH_3DES_EDE_CBC_SHA",
    0xC018: "ECDH_anon_WITH_AES_128_CBC_SHA",
    0xC019: "ECDH_anon_WITH_AES_256_CBC_SHA",
    0x0003: "RSA_EXPORT_WITH_RC4_40_MD5",
    0x0006: "RSA_EXPORT_WITH_RC2_CBC_40_MD5",
    0x0008: "RSA_EXPORT_WITH_DES40_CBC_SHA",
    0x0014: "DHE_RSA_EXPORT_WITH_DES40_CBC_SHA",
    0x0009: "RSA_WITH_DES_CBC_SHA",
    0x0015: "DHE_RSA_WITH_DES_CBC_SHA",
    0x0004: "RSA_WITH_RC4_128_MD5",
    0x0005: "RSA_WITH_RC4_128_SHA",
    0xC007: "ECDHE_ECDSA_WITH_RC4_128_SHA",
    0xC011: "ECDHE_RSA_WITH_RC4_128_SHA",
    0x000A: "RSA_WITH_3DES_EDE_CBC_SHA",
    0x0016: "DHE_RSA_WITH_3DES_EDE_CBC_SHA",
    0xC008: "ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA",
    0xC012: "ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
}

_TLS_1_0, _TLS_1_2 = b"\x03\x01", b"\x03\x03"
_HANDSHAKE, _ALERT = 0x16, 0x15
_CLIENT_HELLO, _SERVER_HELLO = 1, 2
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
    message = outgoing.read()
    if message[:1] != bytes([_HANDSHAKE]) or message[_VERSION] != number:
        raise RunbookError(f"{ssl.OPENSSL_VERSION} of this host does not offer it")
    return message


def weak_hello(server_name: str) -> bytes:
    """The first message of a client of TLS 1.2 that has nothing but weak ciphers (RFC 5246, 7.4.1.2)."""
    # Curves, their form, and signatures: a server that misses one of them would refuse for that reason.
    extensions = [
        (10, _sized(2, bytes.fromhex("001d001e001700180019"))),
        (11, _sized(1, b"\x00")),
        (13, _sized(2, bytes.fromhex("0401040305010503060106030804080508060807080802010203"))),
    ]
    if not _is_address(server_name):
        extensions.insert(0, (0, _sized(2, b"\x00" + _sized(2, server_name.encode("idna")))))
    # The last one is no cipher: it means that renegotiation is safe (RFC 5746), which strict servers demand.
    suites = b"".join(suite.to_bytes(2, "big") for suite in (*WEAK, 0x00FF))
    hello = b"".join(
        (
            *(_TLS_1_2, os.urandom(32), _sized(1, b"")),
            *(_sized(2, suites), _sized(1, b"\x00")),
            _sized(2, b"".join(kind.to_bytes(2, "big") + _sized(2, content) for kind, content in extensions)),
        )
    )
    message = bytes([_CLIENT_HELLO]) + _sized(3, hello)
    return bytes([_HANDSHAKE]) + _TLS_1_0 + _sized(2, message)


def _is_address(name: str) -> bool:
    """Whether it is an address of IP, which is no name of a server."""
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _sized(width: int, content: bytes) -> bytes:
    return len(content).to_bytes(width, "big") + content


def weak_cipher(received: bytes) -> str:
    """The weak cipher that a server's first record agrees to, or nothing."""
    session = _VERSION.stop + 32
    suite = session + 1 + received[session] if len(received) > session else 0
    return WEAK.get(int.from_bytes(received[suite : suite + 2], "big"), "") if suite else ""


def answer(name: str, received: bytes) -> Attempt:
    """What a server's first record means for an offer, which is called ``name``."""
    if len(received) > _VERSION.stop and received[0] == _HANDSHAKE and received[_MESSAGE] == _SERVER_HELLO:
        return Attempt(ACCEPTED, f"the server agreed to {name}")
    if len(received) > _DESCRIPTION and received[0] == _ALERT:
        number = received[_DESCRIPTION]
        if number in _REFUSALS:
            return Attempt(REFUSED, f"{name} is answered by the alert {_REFUSALS[number]!r}")
        return Attempt(SILENT, f"{name} is answered by alert {number}, which is no refusal of it")
    return Attempt(SILENT, f"{name} is not answered in TLS")
