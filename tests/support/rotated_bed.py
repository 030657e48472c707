# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The TLS services of the test hosts: rotated as an operator would, and asked all the while."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._certificates.served import served_certificate
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from tests.support import steps
from tests.support.procedures import BIN, ROOT, environment
from tests.testbed import engine
from tests.testbed.layout import scenario_bed
from tests.testplatform import pki

BED = scenario_bed()
CA = BED.directory / "ca"
FOLDERS = {"web": ["/etc/nginx/tls"], "db": ["/etc/postgresql/tls", "/etc/redis/tls"]}
TELL = {
    "web": "systemctl reload-or-restart nginx",
    "db": "systemctl restart redis-server; systemctl reload-or-restart postgresql@17-main",
}
#: Seconds that one run may take: the machine may be busy with others.
PATIENCE = 900


@dataclass(frozen=True)
class Ran:
    """What a command of Ansible did."""

    status: int
    output: str


def inventory_name(role: str) -> str:
    return BED.host(role).inventory_name


def start(*words: str) -> subprocess.Popen[str]:
    """Start a command of Ansible on the test hosts, in a process group of its own."""
    return subprocess.Popen(
        [str(BIN / words[0]), "-i", "inventories/demo", *words[1:]],
        cwd=ROOT,
        env=environment(XORB_BED=BED.name, LC_ALL="C.UTF-8"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def run(*words: str) -> Ran:
    """Run a command of Ansible on the test hosts."""
    with start(*words) as process:
        try:
            output, _nothing = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return Ran(process.returncode, output)


def rotate(*words: str, **variables: Any) -> Ran:
    """Run the playbook."""
    # A machine that is busy with others is no reason to give up looking.
    given = json.dumps({"platform_deadline": 200, **variables})
    return run("ansible-playbook", "xorb.runbook.certificate_rotate", "-e", given, *words)


def act(role: str, *words: str, variables: dict[str, Any] | None = None, **arguments: Any) -> Ran:
    """Run the action on one host, which is what the playbook does there."""
    wanted = {"force": True, "issuer_command": issuer_command(), **arguments}
    given = steps.arguments("certificate_rotate", "replace", **wanted)
    more = ["-e", json.dumps(variables or {}), *words]
    return run("ansible", inventory_name(role), "-m", "xorb.runbook.certificate_rotate", "-a", json.dumps(given), *more)


def issuer_command() -> list[str]:
    return [str(BIN / "python"), str(ROOT / "tests/testplatform/pki.py"), str(CA), "--sign"]


def report() -> dict[str, Any]:
    """The newest report."""
    read: dict[str, Any] = json.loads((BED.directory / "reports/latest.json").read_text())
    return read


def shell(role: str, script: str, *, check: bool = True, data: str | None = None) -> str:
    """Run a script on a host."""
    words = ("exec", "-i", BED.host(role).name, "sh", "-eu", "-c", script)
    return engine.ensure().run(*words, data=data, check=check, timeout=1200).stdout


def put(role: str, path: str, content: str, *, owner: str = "root", mode: str = "0600") -> None:
    """Write a file on a host, in place of whatever is there."""
    script = f"rm -f {path}; umask 077; cat > {path}; chown {owner}:{owner} {path}; chmod {mode} {path}"
    shell(role, script, data=content)


def snapshot(role: str) -> str:
    """Everything about the sets and the state of a host that a run could change."""
    places = " ".join([*FOLDERS[role], "/var/lib/xorb-runbook"])
    return shell(role, f"find {places} -printf '%p %y %m %u %g %s %T@ %l\\n' 2>/dev/null | sort", check=False)


def served(role: str, port: int, **options: Any) -> str:
    """The serial number of the certificate that a port serves now."""
    where = {"address": BED.host(role).address, "port": port, "timeout": 20, **options}
    return served_certificate(where).serial


def in_service(role: str, folder: str) -> str:
    """The serial number of the certificate on the disk, after openssl has found it to match its key."""
    script = f"""
        cert=$(openssl x509 -in {folder}/cert.pem -noout -pubkey)
        key=$(openssl pkey -in {folder}/key.pem -pubout)
        [ "$cert" = "$key" ]
        openssl x509 -in {folder}/cert.pem -noout -serial
    """
    return shell(role, script).strip().removeprefix("serial=")


@dataclass
class Load:
    """Asks a service again and again, each time with a new connection; what fails is kept."""

    ask: Callable[[], str]
    answers: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def __enter__(self) -> Load:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_words: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.answers.append(self.ask())
            except Exception as exc:  # noqa: BLE001 - whatever goes wrong is a request that was lost
                self.failures.append(f"{datetime.now(UTC):%T.%f} {type(exc).__name__}: {exc}")
            self._stop.wait(0.02)


def context(*, client: str = "") -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=str(CA / "ca.pem"))
    made.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if client:
        made.load_cert_chain(CA / f"{client}.pem", CA / f"{client}-key.pem")
    return made


def https(port: int, *, client: str = "") -> Callable[[], str]:
    """One request over a new connection, the certificate verified; returns the serial number of the certificate."""
    trusting = context(client=client)

    def ask() -> str:
        with (
            socket.create_connection((BED.host("web").address, port), timeout=60) as plain,
            trusting.wrap_socket(plain, server_hostname="api.xorb.enterprise") as secure,
        ):
            secure.sendall(b"GET /api/v1/health HTTP/1.1\r\nHost: api.xorb.enterprise\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: secure.recv(65536), b""))
            assert answer.startswith(b"HTTP/1.1 200 "), answer[:200]
            found = x509.load_der_x509_certificate(secure.getpeercert(binary_form=True) or b"")
            return f"{found.serial_number:X}"

    return ask


def issue(days: float) -> tuple[str, str]:
    """A pair for nginx that ends so soon, of a certificate that was made for thirty days: in PEM."""
    authority = pki.read(CA, "ca")
    assert authority
    pair = pki.issue(authority, pki.LEAVES[0], [BED.host("web").address], now=datetime.now(UTC))
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(extensions=list(pair.certificate.extensions))
    certificate = (
        builder.subject_name(pair.certificate.subject)
        .issuer_name(pair.certificate.issuer)
        .public_key(pair.key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=30 - days))
        .not_valid_after(now + timedelta(days=days))
        .sign(authority.key, hashes.SHA256())
    )
    folder = BED.directory / "pair"
    folder.mkdir(exist_ok=True)
    pki.write(folder, "due", pki.Pair(certificate, pair.key))
    return (folder / "due.pem").read_text(), (folder / "due-key.pem").read_text()


def until(true: Callable[[], bool], *, seconds: float = 120) -> None:
    """Wait until something is true."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if true():
            return
        time.sleep(0.2)
    raise AssertionError("it never came true")
