# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The services of the test hosts with certificates of a CA of the collection, asked by clients that trust it."""

from __future__ import annotations

import json
import ssl
import tempfile
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._certificates.certificate import Certificate
from ansible_collections.xorb.runbook.plugins.module_utils._clients import tls
from ansible_collections.xorb.runbook.plugins.module_utils._clients.network import Deadline, Unreachable
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.plugin_utils._pki import create
from ansible_collections.xorb.runbook.plugins.plugin_utils._pki.authority import Authority

from tests.support import rotated_bed
from tests.support.issuing import key_pem
from tests.support.rotated_bed import BED, CA, Ran, put, shell, until
from tests.support.signing_requests import new_key, request

PASSPHRASE = "correct horse battery"  # noqa: S105 - of a CA that is gone with the scenario
DIRECTORY = BED.authority_directory

#: What is put back, by the role of the host; whoever reads it is told.
FOLDERS = {
    "web": ["/etc/nginx/tls", "/etc/xorb/tls"],
    "db": ["/etc/postgresql/tls", "/etc/redis/tls", "/etc/xorb/tls"],
    "monitor": ["/etc/xorb/clients", "/etc/xorb/tls"],
}
TELL = {
    "web": "systemctl reload-or-restart nginx",
    "db": "systemctl restart redis-server; systemctl reload-or-restart postgresql@17-main",
    "monitor": "true",
}

#: Servers send their intermediate along: what they know as their certificate is the whole chain.
CHAIN = {"certificate": "leaf.pem", "fullchain": "cert.pem"}

#: Each set: its host, its folder, who owns it, and its profile.
SETS = (
    ("web", "/etc/nginx/tls", "root", "server"),
    ("db", "/etc/postgresql/tls", "postgres", "server"),
    ("db", "/etc/redis/tls", "redis", "server"),
    ("monitor", "/etc/xorb/clients", "root", "client"),
)


def overrides() -> dict[str, Any]:
    """What is different in the description: the client of the monitoring host is a set, and servers send a chain."""
    door = {
        "port": 9443,
        "address": BED.host("web").address,
        "path": "/api/v1/health",
        "host_header": "api.xorb.enterprise",
        "server_name": "api.xorb.enterprise",
    }
    client = {
        "directory": "/etc/xorb/clients",
        "files": CHAIN,
        "names": ["monitor-client.xorb.local"],
        "profile": "client",
        "key_mode": "0600",
        "accepted_by": [door],
    }
    # These are of the demo's own CA, and would prove something else.
    others = dict.fromkeys([f"{name}_cert" for name in ("expired", "revoked", "wrong_unit")])
    return {
        "postgres": {"certificates": {"server": {"files": CHAIN}}},
        "redis": {"certificates": {"server": {"files": CHAIN}}},
        "nginx": {"certificates": {"server": {"files": CHAIN}}, "endpoints": {"mtls": others}},
        "prometheus": {"certificates": {"client": client}},
    }


def opened() -> Authority:
    """The CA."""
    return Authority.open(DIRECTORY, passphrase=PASSPHRASE)


def issued(profile: str, *names: str) -> tuple[str, str]:
    """A chain and its key, in PEM."""
    key = new_key()
    made = opened().issue(request(key), profile=profile, names=list(names), days=60)
    return made.fullchain, key_pem(key).decode()


def install() -> None:
    """Make the CA, and give everybody a certificate of it."""
    blueprint = create.Blueprint(name="Bed", key_type="ecdsa-p256")
    create.ensure(DIRECTORY, blueprint, passphrase=PASSPHRASE)
    bundle = opened().trust_bundle()
    for role, folder, owner, profile in SETS:
        names = {
            "/etc/nginx/tls": ["api.xorb.enterprise", "api", "xorb.enterprise", "web"],
            "/etc/postgresql/tls": ["postgres.xorb.local", "postgres", "db"],
            "/etc/redis/tls": ["redis.xorb.local", "redis", "db"],
            "/etc/xorb/clients": ["monitor-client.xorb.local"],
        }[folder]
        local = ["localhost", "127.0.0.1", BED.host(role).address] if profile == "server" else []
        chain, key = issued(profile, *names, *local)
        put(role, f"{folder}/cert.pem", chain, owner=owner)
        put(role, f"{folder}/leaf.pem", chain[: chain.index("-----END CERTIFICATE-----\n") + 26], owner=owner)
        put(role, f"{folder}/key.pem", key, owner=owner)
        put(role, f"{folder}/ca.pem", bundle, owner=owner)
    put("web", "/etc/nginx/tls/crl.pem", opened().crls())
    for role in FOLDERS:
        # The demo's own CA is trusted by the clients beside it: what is not ours stays there.
        put(role, "/etc/xorb/tls/ca.pem", (CA / "ca.pem").read_text() + bundle, mode="0644")
    for role in ("web", "db"):
        shell(role, TELL[role])
    for service in PORTS:
        until(partial(_answers, client(str(DIRECTORY / "ca.pem"), service)))


def _answers(ask: Callable[[], str]) -> bool:
    try:
        return bool(ask())
    except RunbookError:
        return False


#: The ports of the services, with what it takes to talk to them.
PORTS: dict[str, dict[str, Any]] = {
    "nginx": {"role": "web", "port": 8443, "server_name": "api.xorb.enterprise"},
    "postgres": {"role": "db", "port": 5432, "server_name": "localhost", "starttls": "postgres"},
    "redis": {"role": "db", "port": 6380, "server_name": "localhost"},
}


def variables(**more: Any) -> str:
    """What a run is told."""
    return json.dumps(
        {
            "certificate_authority_dir": str(DIRECTORY),
            "certificate_authority_passphrase": PASSPHRASE,
            "platform_overrides": overrides(),
            # A machine that is busy with others is no reason to give up looking.
            "platform_deadline": 200,
            **more,
        }
    )


def _run(playbook: str, *words: str, **more: Any) -> Ran:
    return rotated_bed.run("ansible-playbook", f"xorb.runbook.{playbook}", "-e", variables(**more), *words)


def rotate(*words: str, **more: Any) -> Ran:
    """Run the playbook."""
    return _run("certificate_authority_rotate", *words, **more)


def revoke(*words: str, **more: Any) -> Ran:
    """Run the playbook that replaces the CA in an incident."""
    return _run("certificate_revoke", *words, **more)


def client(trust: str, service: str) -> Callable[[], str]:
    """Shakes hands with a service as a client that reads its file of authorities anew each time.

    Returns the name of who issued the certificate that was served; fails where it is not trusted.
    """
    given = {key: value for key, value in PORTS[service].items() if key != "role"}
    where = {**given, "address": BED.host(PORTS[service]["role"]).address}

    def ask() -> str:
        context = tls.context({"ca": trust})
        context.verify_flags &= ~ssl.VERIFY_X509_PARTIAL_CHAIN
        with closing(tls.open_connection(where, context, Deadline(60))) as connection:
            der = connection.getpeercert(binary_form=True)
        assert der
        return Certificate(der).issuer.partition(",")[0]

    return ask


def accepts(service: str, chain: str, key: str) -> bool:
    """Whether a service lets in a client with a certificate, by its handshake; a service that is down is an error."""
    given = {key: value for key, value in PORTS[service].items() if key != "role"}
    where = {**given, "address": BED.host(PORTS[service]["role"]).address}
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as pair:
        pair.write(chain + key)
        pair.flush()
        context = tls.context({"ca": str(DIRECTORY / "ca.pem"), "client_cert": pair.name})
        deadline = Deadline(60)
        with closing(tls.open_connection(where, context, deadline)) as connection:
            try:
                tls.wait_for_refusal(connection, deadline, 3)
            except Unreachable as exc:
                if isinstance(exc.__cause__, ssl.SSLError) and "_ALERT_" in str(exc.__cause__.reason):
                    return False
                raise
    return True
