# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Real nginx, PostgreSQL and Redis: what is wrong with their certificates is named, and what is sound is not."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from tests.support.issuing import CLIENT, root
from tests.support.procedures import Ran
from tests.testbed.layout import scenario_bed

BED = scenario_bed()
CA = BED.directory / "ca"

Check = Callable[..., Ran]
Shell = Callable[..., str]
Kept = Callable[..., AbstractContextManager[None]]

NEW_KEY = "openssl ecparam -name prime256v1 -genkey -noout"


def bad(ran: Ran) -> dict[str, str]:
    """What is not sound, and not merely absent."""
    return {name: status for name, status in ran.statuses.items() if status not in ("ok", "not_applicable")}


def test_check_of_the_whole_platform_is_green(check: Check) -> None:
    ran = check()
    assert ran.status == 0, ran.output
    assert bad(ran) == {} and ran.report["received"] == ran.report["expected"]
    assert {one["topic"] for one in ran.report["checks"]} <= {"certificates", "health"}
    for served in ("xorb-web/nginx", "xorb-db/postgres", "xorb-db/redis"):
        assert ran.statuses[f"{served}.server.served"] == "ok"


def test_new_files_without_a_reload(check: Check, shell: Shell, kept: Kept) -> None:
    """PostgreSQL and Redis get each other's pair: sound in itself, of other names, and not what is served."""
    with kept("db", "/etc/postgresql/tls"):
        shell("db", "for part in cert key; do cat /etc/redis/tls/$part.pem > /etc/postgresql/tls/$part.pem; done")
        ran = check("--limit", "xorb-db")
    assert ran.status != 0
    assert bad(ran) == {"xorb-db/postgres.server.names": "critical", "xorb-db/postgres.server.served": "critical"}
    message = ran.message("xorb-db/postgres.server.served")
    assert message.startswith("port 5432: serves another certificate (CN=postgres.xorb.local, serial "), message


def test_key_of_another_certificate(check: Check, shell: Shell, kept: Kept) -> None:
    with kept("db", "/etc/redis/tls"):
        shell("db", f"{NEW_KEY} > /etc/redis/tls/key.pem; chmod 0604 /etc/redis/tls/key.pem")
        ran = check("--limit", "xorb-db")
    assert bad(ran) == {"xorb-db/redis.server.key": "critical", "xorb-db/redis.server.permissions": "critical"}
    assert ran.message("xorb-db/redis.server.permissions").endswith("a key that every user may read (mode 0604)")


def test_stopped_server_leaves_what_is_served_unknown(check: Check, shell: Shell) -> None:
    try:
        shell("db", "systemctl stop redis-server")
        ran = check("--limit", "xorb-db")
    finally:
        shell("db", "systemctl start redis-server")
    assert bad(ran) == {"xorb-db/redis.server.served": "unknown"}
    assert "nothing listens there" in ran.message("xorb-db/redis.server.served")


def test_revoked_and_broken_files_are_named(check: Check, shell: Shell, kept: Kept) -> None:
    with kept("web", "/etc/nginx/tls"), kept("web", "/etc/xorb/tls"):
        shell("web", "cat > /etc/nginx/tls/crl.pem", data=revoking("server"))
        shell("web", "echo nonsense > /etc/xorb/tls/broken.pem; : > /etc/xorb/tls/empty.crt")
        ran = check("--limit", "xorb-web")
    assert bad(ran) == {
        "xorb-web/nginx.server.revocation": "critical",
        "xorb-web/nginx.tls_files.revocation": "critical",
        "xorb-web/nginx.tls_files.readable": "critical",
    }
    assert "CN=api.xorb.enterprise (serial " in ran.message("xorb-web/nginx.server.revocation")
    message = ran.message("xorb-web/nginx.tls_files.readable")
    assert "/etc/xorb/tls/broken.pem: is no certificate" in message and "/etc/xorb/tls/empty.crt: is empty" in message


def revoking(name: str) -> str:
    """A list of the hosts' CA that revokes one of its certificates."""
    authority = x509.load_pem_x509_certificate((CA / "ca.pem").read_bytes())
    key = serialization.load_pem_private_key((CA / "ca-key.pem").read_bytes(), None)
    serial = x509.load_pem_x509_certificate((CA / f"{name}.pem").read_bytes()).serial_number
    now = datetime.now(UTC)
    entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now).build()
    builder = x509.CertificateRevocationListBuilder().issuer_name(authority.subject).add_revoked_certificate(entry)
    crl = builder.last_update(now).next_update(now + timedelta(days=30)).sign(key, hashes.SHA256())  # type: ignore[arg-type]
    return crl.public_bytes(serialization.Encoding.PEM).decode()


def test_module_sees_what_postgres_and_redis_serve(module: Callable[..., dict[str, Any]]) -> None:
    pairs = {
        name: {"ca": f"/etc/{name}/tls/ca.pem", "certificate": f"/etc/{name}/tls/cert.pem"}
        for name in ("postgresql", "redis")
    }
    result = module(
        "xorb-db",
        paths=["/etc/postgresql/tls", "/etc/redis/tls"],
        detail="full",
        endpoints=[
            {"port": 5432, "starttls": "postgres", **pairs["postgresql"]},
            {"port": 6380, **pairs["redis"]},
            {"port": 6379},
        ],
    )
    found = {check["id"].removeprefix("certificates."): check["status"] for check in result["checks"]}
    for port in (5432, 6380):
        aspects = ("handshake", "trust", "expiry", "served")
        assert {found[f"localhost_{port}.{aspect}"] for aspect in aspects} == {"ok"}, result
    assert found["localhost_6379.handshake"] == "critical", "plain Redis speaks no TLS"
    assert [one["subject"].split(",")[0] for one in result["endpoints"]] == [
        "CN=postgres.xorb.local",
        "CN=redis.xorb.local",
    ]
    in_files = {one["fingerprint"] for one in result["certificates"]}
    assert {one["fingerprint"] for one in result["endpoints"]} <= in_files


def test_module_shows_its_client_certificate(module: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    """From here, as a client has it: Redis shakes hands with a client of its CA, and with no stranger."""
    stranger = root("Stranger").issue("monitor", usage=[CLIENT])
    (tmp_path / "stranger.pem").write_bytes(stranger.pem)
    (tmp_path / "stranger-key.pem").write_bytes(stranger.key_pem)
    where = {"address": BED.host("db").address, "port": 6380, "server_name": "redis.xorb.local"}

    def handshake(folder: Path, name: str) -> dict[str, Any]:
        pair = {"client_cert": str(folder / f"{name}.pem"), "client_key": str(folder / f"{name}-key.pem")}
        result = module("localhost", endpoints=[{**where, "ca": str(CA / "ca.pem"), **pair}])
        found: dict[str, Any] = result["checks"][0]
        return found

    assert handshake(CA, "client")["status"] == "ok"
    refused = handshake(tmp_path, "stranger")
    assert refused["status"] == "critical" and "client certificate" in refused["message"]
