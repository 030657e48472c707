# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A set of certificates in a folder, an issuer for it, and a service that serves it and can be told to load it anew."""

from __future__ import annotations

import getpass
import grp
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._act import journal as journals
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates import deploy as deployment
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates import recovery
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates import request as requests
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates import trust as trust_change
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates.change import Outcome
from ansible_collections.xorb.runbook.plugins.module_utils._certificates.bundle import load_bundle, load_key
from ansible_collections.xorb.runbook.plugins.module_utils._certificates.spec import SET_OPTIONS
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import with_defaults
from cryptography import x509

from tests.support import issuing

#: Serves a pair over TLS, loads it anew on SIGHUP, and keeps the one that it has where it cannot. With authorities and
#: revocation lists it wants a certificate of its clients, and answers those that it accepts.
SERVER = """
import signal, socket, ssl, sys
certificate, key, *clients = sys.argv[1:]
def load(*_):
    global context
    fresh = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        fresh.load_cert_chain(certificate, key)
        for file in clients:
            fresh.load_verify_locations(file)
            fresh.verify_mode = ssl.CERT_REQUIRED
            fresh.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN
    except OSError as exc:
        print(exc, file=sys.stderr, flush=True)
    else:
        context = fresh
load()
signal.signal(signal.SIGHUP, load)
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    connection, _peer = listener.accept()
    try:
        with context.wrap_socket(connection, server_side=True) as secure:
            secure.sendall(b"welcome") if clients else secure.recv(1)
    except OSError:
        pass
"""


@dataclass
class Site:
    """One host as a test has it: a folder for sets, the state of the host, and who issues."""

    folder: Path
    root: issuing.Issued = field(default_factory=issuing.root)

    @property
    def state(self) -> Path:
        """Where lock and journal of the host are."""
        return self.folder / "state"

    def given(self, name: str = "server", **options: Any) -> dict[str, Any]:
        """The options of a set, as a module gets them."""
        mine = {
            "service": "nginx",
            "point": name,
            "directory": str(self.folder / name),
            "names": ["localhost", "127.0.0.1"],
            "user": getpass.getuser(),
            "group": grp.getgrgid(os.getgid()).gr_name,
        }
        return with_defaults(SET_OPTIONS, {**mine, **options})

    def install(self, name: str = "server", *, ends: timedelta = 5 * issuing.DAY) -> issuing.Issued:
        """Put a pair into the folder as other tools leave it: plain files, and due soon unless said otherwise."""
        pair = self.root.issue("localhost", names=["localhost", "127.0.0.1"], begins=-25 * issuing.DAY, ends=ends)
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        for file, content in (
            ("key.pem", pair.key_pem),
            ("cert.pem", pair.pem),
            ("fullchain.pem", pair.pem),
            ("ca.pem", self.root.pem),
        ):
            path = folder / file
            path.unlink(missing_ok=True)
            path.write_bytes(content)
            path.chmod(0o400 if file == "key.pem" else 0o444)
        return pair

    def request(self, given: dict[str, Any], *, force: bool = False) -> requests.Requested:
        """Find out whether the set is due, and make its key and request."""
        return requests.request(given, force=force, now=datetime.now(UTC), check_mode=False)

    def issued(self, given: dict[str, Any], csr: str, **options: Any) -> deployment.Issued:
        """What the issuer makes of a request."""
        request = x509.load_pem_x509_csr(csr.encode())
        key = _PublicOnly(request.public_key())
        leaf = self.root.issue("localhost", names=given["names"], key=key, **{"ends": 30 * issuing.DAY, **options})
        pem = leaf.pem.decode()
        return deployment.Issued(given, pem, pem, self.root.pem.decode())

    def deploy(self, *issued: deployment.Issued) -> list[Outcome]:
        """Put what was issued into service, as the module does it."""
        with journals.locked(self.state, what="test", operator="test") as journal:
            return list(deployment.deploy(journal, issued, now=datetime.now(UTC)))

    def trust(self, *wanted: trust_change.Wanted) -> list[Outcome]:
        """Put authorities and lists into service, as the module does it."""
        now = datetime.now(UTC)
        with journals.locked(self.state, what="test", operator="test") as journal:
            return list(trust_change.put(journal, trust_change.plan(wanted, now=now), now=now))

    def recover(self, *known: dict[str, Any]) -> list[journals.Recovery]:
        """End what was cut off."""
        with journals.locked(self.state, what="test", operator="test") as journal:
            ended, left = journals.recover(journal, recovery.recoveries(known))
            assert not left
            return ended

    def rotate(self, given: dict[str, Any], **options: Any) -> Outcome:
        """From the request to the end."""
        (outcome,) = self.deploy(self.issued(given, self.request(given, force=True).csr, **options))
        return outcome

    def in_service(self, name: str = "server") -> str:
        """The fingerprint of the certificate under the known names; fails where anything there does not match."""
        read = {file: (self.folder / name / file).read_bytes() for file in ("cert.pem", "key.pem", "fullchain.pem")}
        leaf = load_bundle(read["cert.pem"])[0]
        assert load_key(read["key.pem"]).matches(leaf), "key and certificate do not belong together"
        assert load_bundle(read["fullchain.pem"])[0] == leaf
        return leaf.fingerprint

    @contextmanager
    def served(self, name: str = "server", *, clients: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
        """Serve the set; yields the options by which it is told and verified.

        ``clients`` are the files of authorities and lists that clients are judged by.
        """
        files = [str(self.folder / name / file) for file in ("fullchain.pem", "key.pem", *clients)]
        with subprocess.Popen(
            [sys.executable, "-c", SERVER, *files], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as server:
            assert server.stdout
            port = int(server.stdout.readline())
            try:
                yield {
                    "reload": {"kind": "command", "argv": ["kill", "-HUP", str(server.pid)]},
                    "served_by": [{"port": port, "address": "127.0.0.1"}],
                }
            finally:
                server.kill()


class _PublicOnly:
    """What an issuer has of a key."""

    def __init__(self, public: Any) -> None:
        self._public = public

    def public_key(self) -> Any:
        return self._public
