# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Certificates of real services are revoked: who reads lists refuses them, who cannot is named, sessions end."""

from __future__ import annotations

import contextlib
import json
import socket
import sqlite3
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.revoked_bed import CLIENT, revoke, sql, statuses
from tests.support.rotated_bed import BED, in_service, report, served, shell, snapshot, until

NGINX, POSTGRES, REDIS = "/etc/nginx/tls", "/etc/postgresql/tls", "/etc/redis/tls"
NAME = "api.xorb.enterprise"
REQUEST = f"GET /api/v1/health HTTP/1.1\r\nHost: {NAME}\r\n\r\n".encode()
#: How an intruder on the host of Redis and PostgreSQL logs in with the stolen pair.
REDIS_CLIENT = (
    "redis-cli -h 127.0.0.1 -p 6380 --tls --insecure --cert /root/stolen-fullchain.pem --key /root/stolen-key.pem"
)
SQL_CLIENT = (
    "PGSSLCERT=/root/stolen-fullchain.pem PGSSLKEY=/root/stolen-key.pem PGPASSWORD=$(cat /root/stolen-password)"
)
SQL_URL = "host=127.0.0.1 user=xorb_monitor dbname=xorb_db sslmode=require"


def context(pair: Path) -> ssl.SSLContext:
    """A client that shows a pair, and does not care who the other end is."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    made.load_cert_chain(pair / "fullchain.pem", pair / "key.pem")
    return made


@contextlib.contextmanager
def connected(pair: Path) -> Iterator[Callable[[], bytes]]:
    """A connection to nginx that stays open; yields what sends a request on it and returns the status line."""
    address = (BED.host("web").address, 9443)
    with (
        socket.create_connection(address, timeout=60) as plain,
        context(pair).wrap_socket(plain, server_hostname=NAME) as secure,
    ):

        def ask() -> bytes:
            with contextlib.suppress(OSError):
                secure.sendall(REQUEST)
                return secure.recv(65536).partition(b"\r\n")[0]
            return b""

        yield ask


def sessions(serial: str) -> int:
    """How many sessions of PostgreSQL were opened with a certificate."""
    return int(sql(f"SELECT count(*) FROM pg_stat_ssl WHERE client_serial = {int(serial, 16)}"))  # noqa: S608 - a number


@pytest.fixture
def session(stolen: Path) -> Iterator[str]:
    """A session of PostgreSQL that was opened with the stolen pair and sleeps; yields the serial number of the pair."""
    assert stolen.is_dir()
    password = (BED.secrets_directory / "postgres_monitor_password").read_text().strip()
    shell("db", "umask 077; cat > /root/stolen-password", data=password)
    serial = in_service("monitor", CLIENT)
    shell("db", f"{SQL_CLIENT} setsid psql -X '{SQL_URL}' -c 'SELECT pg_sleep(900)' >/root/stolen-log 2>&1 &")
    until(lambda: sessions(serial) == 1)
    yield serial
    shell("db", "rm -f /root/stolen-*")


@pytest.fixture
def subscriber(session: str) -> str:
    """A session of Redis that was opened with the stolen pair and waits; returns what Redis calls it."""
    assert session
    password = (BED.secrets_directory / "redis_password").read_text().strip()
    shell("db", "umask 077; cat > /root/stolen-login", data=f"export REDISCLI_AUTH={password}\n")
    shell("db", f". /root/stolen-login; setsid {REDIS_CLIENT} SUBSCRIBE nothing >/root/stolen-log 2>&1 &")
    until(lambda: len(subscribers()) == 1)
    return subscribers()[0]


def subscribers() -> list[str]:
    """The sessions of Redis that wait for something, by their numbers."""
    listed = shell("db", ". /root/stolen-login; redis-cli CLIENT LIST TYPE pubsub").splitlines()
    return [line.split()[0] for line in listed if line.startswith("id=")]


def everything() -> dict[str, str]:
    return {
        "nginx": in_service("web", NGINX),
        "postgres": in_service("db", POSTGRES),
        "redis": in_service("db", REDIS),
        "client": in_service("monitor", CLIENT),
    }


def all_served() -> dict[str, str]:
    return {
        "nginx": served("web", 9443),
        "postgres": served("db", 5432, starttls="postgres"),
        "redis": served("db", 6380),
    }


def test_stolen_certificate_of_a_client_is_refused_and_its_sessions_end(stolen: Path, session: str) -> None:
    before = everything()
    state = [snapshot(role) for role in ("web", "db")]
    scope = {"scope": "service", "services": ["prometheus"], "incident": "INC-1"}
    preview = revoke("--check", "--diff", **scope)
    assert preview.status == 0, preview.output
    line = f"xorb-monitor prometheus client: certificate {session} is replaced by a new certificate, and then revoked"
    assert line in preview.output
    assert "xorb-web nginx server: gets the revocation lists" in preview.output
    assert "xorb-db postgres server: the sessions of revoked certificates are ended" in preview.output
    assert [snapshot(role) for role in ("web", "db")] == state and everything() == before, (
        "check mode changed something"
    )
    assert "revoked" not in statuses().values()

    with connected(stolen) as ask:
        assert ask() == b"HTTP/1.1 200 OK"
        ran = revoke(**scope)
        assert ran.status == 0, ran.output[-5000:]
        assert ask() == b"", "a connection of the revoked certificate goes on"
    after = everything()
    assert {name for name in after if after[name] != before[name]} == {"client"}
    assert {serial for serial, status in statuses().items() if status == "revoked"} == {session}
    with connected(stolen) as ask:
        assert ask() == b"HTTP/1.1 400 Bad Request"
    assert sessions(session) == 0
    assert "revoked" in shell("db", f"{SQL_CLIENT} psql -X '{SQL_URL}' -c 'SELECT 1' 2>&1 || :")

    checks = {f"{check['host']}/{check['id']}": check for check in report()["checks"]}
    refusal = checks["xorb-monitor/prometheus.client.refusal"]
    assert refusal["status"] == "ok"
    assert "port 9443: the revoked certificate" in refusal["message"] and "port 5432" in refusal["message"]
    assert checks["xorb-db/postgres.server.sessions"]["message"] == "1 sessions of revoked certificates were ended"
    actions = report()["actions"]
    assert {action["incident"] for action in actions} == {"INC-1"}
    assert f"certificate {session} is revoked" in [action["what"] for action in actions]
    with sqlite3.connect(BED.directory / "state/ledger.sqlite") as ledger:
        rows = ledger.execute("SELECT action FROM actions ORDER BY sequence DESC LIMIT ?", (len(actions),)).fetchall()
    assert len(rows) == len(actions) and all(json.loads(row[0]) in actions for row in rows)


def test_all_leaves_every_service_with_a_new_certificate_and_names_who_reads_no_lists(
    session: str, subscriber: str
) -> None:
    before = everything()
    ran = revoke(redis=True, scope="all", incident="INC-2")
    assert ran.status == 2
    after = everything()
    assert all(after[name] != before[name] for name in before)
    assert all_served() == {name: after[name] for name in ("nginx", "postgres", "redis")}
    register = statuses()
    assert {serial for serial, status in register.items() if status == "valid"} == set(after.values())
    assert {register[serial] for serial in before.values()} == {"revoked"}
    assert sessions(session) == 0

    checks = {f"{check['host']}/{check['id']}": check for check in report()["checks"]}
    bad = {name: check["message"] for name, check in checks.items() if check["status"] in ("critical", "unknown")}
    assert set(bad) == {"xorb-monitor/prometheus.client.refusal"}, bad
    db = BED.host("db").address
    assert bad["xorb-monitor/prometheus.client.refusal"].startswith(f"{db} port 6380: still accepted: ")
    assert "NOAUTH" in shell("db", f"{REDIS_CLIENT} PING 2>&1 || :"), "Redis let the certificate in, as was said"
    assert subscriber not in subscribers()
    for service in ("nginx", "postgres", "redis"):
        (message,) = [check["message"] for name, check in checks.items() if name.endswith(f"/{service}.server.refusal")]
        assert message.startswith("a client that reads the revocation lists: the revoked certificate "), message
        assert message.endswith(": refused: certificate revoked"), message
    ended = [action["what"] for action in report()["actions"] if action["subject"] == "redis server"]
    assert any(what.startswith("the sessions of all clients were ended (") for what in ended)
