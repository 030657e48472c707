# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Real servers that accept too much in each way that matters, and ones that are down, whose refusals prove nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from tests.support.procedures import Ran
from tests.testbed import engine
from tests.testbed.layout import scenario_bed

BED = scenario_bed()

Run = Callable[..., Ran]
Shell = Callable[[str, str], str]
Broken = Callable[[str, str, str], AbstractContextManager[None]]

MTLS, TLS = "xorb-monitor/nginx.mtls.", "xorb-monitor/nginx.access."
API, POSTGRES, REDIS = "xorb-web/api.access.", "xorb-db/postgres.access.", "xorb-db/redis.access."

#: nginx: what is changed in its configuration, and which cases get in at the port for clients with a certificate.
NGINX = "/etc/nginx/nginx.conf"
NGINX_FAULTS = {
    # The map accepts clients without a certificate as well, or the unit alone would refuse them.
    "verifies_nobody": (
        "s/ssl_verify_client on/ssl_verify_client off/; s/default 0;/default 1;/",
        {"no_certificate", "self_signed", "foreign_authority", "expired", "revoked", "wrong_unit"},
    ),
    # It still checks the time, and the signature of an authority that it knows by name.
    "trusts_strangers": (
        "s/ssl_verify_client on/ssl_verify_client optional_no_ca/; /ssl_crl/d",
        {"self_signed", "revoked"},
    ),
    "reads_no_revocations": ("/ssl_crl/d", {"revoked"}),
    "looks_at_no_unit": ("s/default 0;/default 1;/", {"wrong_unit"}),
    "speaks_old_versions": (
        "s/ssl_protocols .*/ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3; ssl_ciphers ALL:@SECLEVEL=0;/",
        {"tls_1_0", "tls_1_1", "weak_ciphers"},
    ),
}


@contextmanager
def redis_user_with(rule: str) -> Iterator[None]:
    """A user of Redis with more than it should have; afterwards, the users that the file has."""

    def send(command: str) -> None:
        # The owner's password goes by standard input, so that it stands in no list of processes.
        password = (BED.secrets_directory / "redis_password").read_text().strip()
        script = "read -r REDISCLI_AUTH; export REDISCLI_AUTH; exec redis-cli -e"
        docker.run("exec", "-i", BED.host("db").name, "sh", "-euc", script, data=f"{password}\n{command}\n")

    docker = engine.ensure()
    try:
        send(f"ACL SETUSER {rule}")
        yield
    finally:
        send("ACL LOAD")


def let_in(ran: Ran, look: str) -> set[str]:
    """The cases of a probe that were accepted and must not be."""
    critical = {
        address for address, status in ran.statuses.items() if status == "critical" and address.startswith(look)
    }
    assert all(ran.message(address).startswith("accepted ") for address in critical), ran.output
    return {address.removeprefix(look) for address in critical}


def statuses(ran: Ran, look: str) -> set[str]:
    """How the cases of a probe are judged."""
    found = {status for address, status in ran.statuses.items() if address.startswith(look)}
    assert found, ran.output
    return found


def test_sound_platform_lets_in_and_refuses(run: Run) -> None:
    ran = run("access_check")
    assert ran.status == 0, ran.output
    assert ran.report["received"] == ran.report["expected"] == 31
    assert set(ran.statuses.values()) <= {"ok", "not_applicable"}
    assert {check["topic"] for check in ran.report["checks"] if check["service"] != "temporal"} == {"access"}
    assert "certificate error" in ran.message(f"{MTLS}revoked")
    assert ran.message(f"{MTLS}no_certificate") == "refused: HTTP 400 (No required SSL certificate was sent)"


@pytest.mark.parametrize("fault", NGINX_FAULTS)
def test_nginx_that_lets_in_too_many(run: Run, broken: Broken, fault: str) -> None:
    change, expected = NGINX_FAULTS[fault]
    reload = "nginx -t -q && systemctl reload nginx.service && sleep 1"
    broken_by = f"cp {NGINX} /run/nginx.kept; sed -i '{change}' {NGINX}; {reload}"
    with broken("web", broken_by, f"cp /run/nginx.kept {NGINX}; {reload}"):
        ran = run("access_check")
    assert ran.status != 0
    assert let_in(ran, MTLS) == expected
    assert ran.statuses[f"{MTLS}valid"] == "ok"
    assert statuses(ran, API) == statuses(ran, POSTGRES) == {"ok"}


def test_nginx_without_a_certificate_for_whom_it_should_let_in(run: Run) -> None:
    # The good certificate of the description is the revoked one: it is refused, and so no refusal means anything.
    swapped = {"client_cert": "/etc/xorb/clients/revoked-cert.pem", "client_key": "/etc/xorb/clients/revoked-key.pem"}
    ran = run("access_check", nginx={"endpoints": {"mtls": swapped}})
    assert ran.statuses[f"{MTLS}valid"] == "critical"
    assert "the valid client is refused" in ran.message(f"{MTLS}valid")
    assert ran.statuses[f"{MTLS}no_certificate"] == ran.statuses[f"{MTLS}self_signed"] == "unknown"


@pytest.mark.parametrize(
    ("role", "unit", "looks"),
    [
        ("web", "nginx.service", [MTLS, TLS]),
        ("web", "xorb-api.service", [API]),
        ("db", "postgresql.service", [POSTGRES]),
        ("db", "redis-server.service", [REDIS]),
    ],
)
def test_stopped_server_is_unknown_and_never_a_refusal(
    run: Run, broken: Broken, role: str, unit: str, looks: list[str]
) -> None:
    with broken(role, f"systemctl stop {unit}", f"systemctl start {unit}"):
        ran = run("access_check")
    assert ran.status != 0
    for look in looks:
        assert statuses(ran, look) == {"unknown"}
        # The unit of PostgreSQL has stopped before its server has.
        assert re.search("refused|shutting down", ran.message(f"{look}valid").lower())


def test_redis_that_hangs_is_unknown(run: Run, broken: Broken) -> None:
    signal = "systemctl kill --signal={} redis-server.service"
    with broken("db", signal.format("SIGSTOP"), signal.format("SIGCONT")):
        ran = run("access_check", redis={"endpoints": {"access": {"timeout": 2}}})
    assert statuses(ran, REDIS) == {"unknown"}


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("accept_expired", {"expired_token"}),
        ("no_authentication", {"no_credentials", "garbage_token", "expired_token", "wrong_role"}),
    ],
)
def test_api_that_lets_in_too_many(run: Run, broken: Broken, state: str, expected: set[str]) -> None:
    file = "/run/xorb-standin/state"
    with broken("web", f"echo {state} > {file}", f"rm -f {file}"):
        ran = run("access_check")
    assert ran.status != 0
    assert let_in(ran, API) == expected


def test_postgres_that_trusts_and_speaks_plainly(run: Run, broken: Broken) -> None:
    path, reload = "/etc/postgresql/*/main/pg_hba.conf", "systemctl reload postgresql.service; sleep 1"
    change = "s/^hostssl/host/; s/scram-sha-256/trust/"
    mended = f"cp /run/pg_hba.kept {path}; {reload}"
    with broken("db", f"cp {path} /run/pg_hba.kept; sed -i '{change}' {path}; {reload}", mended):
        ran = run("access_check")
    assert let_in(ran, POSTGRES) == {"no_tls", "wrong_password"}
    assert ran.message(f"{POSTGRES}no_tls") == "accepted a session without TLS: a session without TLS"
    assert 'role "stranger_' in ran.message(f"{POSTGRES}unknown_user")


def test_postgres_with_a_database_for_every_role(run: Run, broken: Broken) -> None:
    sql = "echo '{} CONNECT ON DATABASE xorb_audit {} PUBLIC' | runuser -u postgres -- psql -XAtq"
    with broken("db", sql.format("GRANT", "TO"), sql.format("REVOKE", "FROM")):
        ran = run("access_check")
    assert let_in(ran, POSTGRES) == {"wrong_database"}


def test_postgres_database_that_is_not_there_is_no_refusal(run: Run) -> None:
    ran = run("access_check", postgres={"endpoints": {"access": {"forbidden_database": "nowhere"}}})
    assert ran.statuses[f"{POSTGRES}wrong_database"] == "unknown"


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("default on nopass", {"no_password"}),
        ("xorb_monitor +config|get", {"denied_command"}),
        ("xorb_monitor nopass", {"wrong_password"}),
    ],
)
def test_redis_that_lets_do_too_much(run: Run, rule: str, expected: set[str]) -> None:
    with redis_user_with(rule):
        ran = run("access_check")
    assert let_in(ran, REDIS) == expected


def test_redis_port_without_tls_is_critical(run: Run) -> None:
    ran = run("access_check", redis={"endpoints": {"access": {"port": 6379, "tls": False}}})
    assert let_in(ran, REDIS) == {"plaintext"}


def test_prometheus_with_a_password(run: Run, broken: Broken, shell: Shell) -> None:
    """A second real Prometheus, because every client may read that of the demo."""
    folder = "/run/guarded"
    start = f"""
        mkdir -p {folder}; echo > {folder}/prometheus.yml
        hash=$(perl -e 'print crypt("long enough", q($2b$05$abcdefghijklmnopqrstuu))')
        printf 'basic_auth_users:\\n  monitor: "%s"\\n' "$hash" > {folder}/web.yml
        systemd-run --unit=guarded.service --collect prometheus --config.file={folder}/prometheus.yml \\
            --web.config.file={folder}/web.yml --web.listen-address=127.0.0.1:9096 --storage.tsdb.path={folder}/data
        for _ in $(seq 100); do
            # It listens before it is ready.
            if python3 -c 'import urllib.request as u; u.urlopen(u.Request("http://127.0.0.1:9096/-/ready", headers={{
                "Authorization": "Basic bW9uaXRvcjpsb25nIGVub3VnaA=="}}))' 2>/dev/null; then exit 0; fi; sleep 0.2
        done
        exit 1
    """
    door = {"kind": "access_http", "port": 9096, "path": "/api/v1/query?query=up", "user": "monitor"}
    look = "xorb-monitor/prometheus.guarded."
    with broken("monitor", start, f"systemctl stop guarded.service || :; rm -rf {folder}"):
        ran = run("access_check", prometheus={"endpoints": {"guarded": {**door, "password": "{{ 'long enough' }}"}}})
        assert statuses(ran, look) == {"ok"}, ran.output
        assert ran.message(f"{look}wrong_password") == "refused: HTTP 401"
        # Without the file it needs no login.
        shell("monitor", f"echo > {folder}/web.yml")
        ran = run("access_check", prometheus={"endpoints": {"guarded": {**door, "password": "{{ 'long enough' }}"}}})
        assert let_in(ran, look) == {"no_credentials", "wrong_password"}


def test_mended_platform_is_green(run: Run) -> None:
    assert run("access_check").status == 0
