# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Servers on the loopback address that behave as badly as a test wants, and a small CA for them."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import Finding
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import with_defaults
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.registry import KINDS
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)


def options(kind: str, **given: Any) -> dict[str, Any]:
    """Complete options of a probe, validated as the description's are."""
    found = list(KINDS[kind].problems({key: value for key, value in given.items() if key != "address"}))
    assert not found, found
    return with_defaults(KINDS[kind].probe_options, {"service": "s", "point": "p", "owner": "o", **given})


def probe(kind: str, **given: Any) -> dict[str, Finding]:
    """What one probe finds, by aspect; each part of it runs after the other."""
    parts = KINDS[kind].split(options(kind, **given))
    return {finding.aspect: finding for part in parts for finding in KINDS[kind].run(part)}


class Client:
    """One connection as a server sees it."""

    def __init__(self, connection: socket.socket, closing: threading.Event) -> None:
        self.connection = connection
        self._closing = closing

    def request(self) -> bytes:
        """Everything up to the first empty line."""
        received = b""
        while b"\r\n\r\n" not in received:
            some = self.connection.recv(4096)
            if not some:
                break
            received += some
        return received

    def send(self, data: bytes) -> None:
        """Send, whether or not the other end still listens."""
        with contextlib.suppress(OSError):
            self.connection.sendall(data)

    def pause(self, seconds: float = 60.0) -> bool:
        """Wait; returns whether the test is over."""
        return self._closing.wait(seconds)


Behaviour = Callable[[Client], None]


def hang(client: Client) -> None:
    """Accept, and say nothing."""
    client.pause()


@contextlib.contextmanager
def served(behave: Behaviour, context: ssl.SSLContext | None = None, *, address: str = "127.0.0.1") -> Iterator[int]:
    """Serve one behaviour on a port of its own, each connection in a thread."""
    closing = threading.Event()

    def serve(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.closing(connection):
            connection.settimeout(5)
            if context:
                connection = context.wrap_socket(connection, server_side=True)
            with contextlib.closing(connection):
                behave(Client(connection, closing))

    def accept(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _peer = listener.accept()
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family) as listener:
        threading.Thread(target=accept, args=(listener,), daemon=True).start()
        try:
            yield listener.getsockname()[1]
        finally:
            closing.set()
            # Closing alone does not wake who waits for the next connection.
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as files."""

    certificate: Path
    key: Path

    def server_context(self) -> ssl.SSLContext:
        """The context of a server that presents this pair."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


class Authority:
    """A CA that issues whatever a test requests."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._serial = 0
        own = self._build(self._name, self._key, -3650 * DAY, 3650 * DAY)
        own = own.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.file = self._write("ca", own, self._key).certificate

    def issue(
        self,
        *names: str,
        begins: timedelta = -DAY,
        ends: timedelta = 90 * DAY,
        curve: type[ec.EllipticCurve] = ec.SECP256R1,
    ) -> Pair:
        """A leaf for some names or addresses, from one time to another, both counted from now."""
        key = ec.generate_private_key(curve())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        alternatives = x509.SubjectAlternativeName([_general_name(name) for name in names])
        leaf = self._build(subject, key, begins, ends).add_extension(alternatives, critical=False)
        self._serial += 1
        return self._write(f"leaf{self._serial}", leaf, key)

    def _build(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, begins: timedelta, ends: timedelta
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + begins)
            .not_valid_after(now + ends)
        )

    def _write(self, name: str, builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey) -> Pair:
        pair = Pair(self._folder / f"{name}.pem", self._folder / f"{name}-key.pem")
        certificate = builder.sign(self._key, hashes.SHA256())
        pair.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        pair.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return pair


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
