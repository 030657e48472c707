# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Real faults of PostgreSQL, seen by a role that is a member of pg_monitor and no more."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.procedures import Ran

Report = Callable[..., Ran]
Psql = Callable[[str], str]
DEPTH = "xorb-db/postgres.stats."

#: Sessions that the tests open call themselves so.
CLEAN = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'fault';
DROP SCHEMA IF EXISTS fault CASCADE;
"""
SCRATCH = "CREATE SCHEMA fault; CREATE TABLE fault.orders (id int); INSERT INTO fault.orders VALUES (1), (1);"


@pytest.fixture(autouse=True)
def scratch(psql: Psql) -> Iterator[None]:
    """A schema that can be broken, gone afterwards with every session that a test opened."""
    psql(CLEAN + SCRATCH)
    try:
        yield
    finally:
        psql(CLEAN)


def opened(sql: str, count: int = 1) -> str:
    """A script that opens sessions, runs something in each, and leaves them open behind."""
    session = f"(echo '{sql}'; sleep 60) | PGAPPNAME=fault runuser -u postgres -- psql -Xq -d xorb_db >/dev/null 2>&1 &"
    return session * count


def test_report_of_sound_databases_is_green_and_of_one_topic(report: Report) -> None:
    ran = report()
    assert ran.status == 0, ran.output
    assert {check["topic"] for check in ran.report["checks"] if check["service"] != "temporal"} == {"database"}
    assert len([address for address in ran.statuses if ".stats." in address]) == 24
    assert not {"critical", "unknown", "warning"} & set(ran.statuses.values())


def test_version_and_statistics_are_those_of_psql(report: Report, psql: Psql) -> None:
    read = "SELECT tup_returned || ' ' || tup_fetched FROM pg_stat_database WHERE datname = 'xorb_db'"
    before = [int(number) for number in psql(read).split()]
    ran = report()
    after = [int(number) for number in psql(read).split()]
    assert f"PostgreSQL {psql('SHOW server_version').split()[0]}, primary" in ran.message(f"{DEPTH}availability")
    numbers = re.search(r"(\d+) rows returned, (\d+) fetched", ran.message(f"{DEPTH}statistics"))
    assert numbers, ran.output
    assert [before[index] <= int(numbers[index + 1]) <= after[index] for index in (0, 1)] == [True, True]


def test_health_check_stays_cheap(report: Report) -> None:
    assert not [address for address in report("health_check").statuses if ".stats." in address]


def test_idle_transaction_and_the_session_that_it_blocks(
    report: Report, shell: Callable[..., str], until: Callable[[str], None]
) -> None:
    shell(opened("BEGIN; LOCK TABLE fault.orders;"))
    until("SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'fault' AND state LIKE 'idle in%'")
    shell(opened("SELECT * FROM fault.orders;"))
    until("SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'fault' AND wait_event_type = 'Lock'")
    limits = {"idle_warning": 0.01, "idle_critical": 0.02, "blocked_warning": 0.01, "blocked_critical": 0.02}
    ran = report(postgres=limits)
    assert ran.status != 0
    assert ran.statuses[f"{DEPTH}idle_in_transaction"] == ran.statuses[f"{DEPTH}blocked"] == "critical"
    assert "1 blocked: pid" in ran.message(f"{DEPTH}blocked") and "for pid" in ran.message(f"{DEPTH}blocked")
    assert "(postgres in xorb_db, fault)" in ran.message(f"{DEPTH}idle_in_transaction")


def test_connections_by_state(report: Report, shell: Callable[..., str], until: Callable[[str], None]) -> None:
    shell(opened("SELECT 1;", count=15))
    until("SELECT count(*) = 15 FROM pg_stat_activity WHERE application_name = 'fault' AND state = 'idle'")
    ran = report(postgres={"connections_warning": 5, "connections_critical": 10})
    assert ran.statuses[f"{DEPTH}connections"] == "critical"
    assert " of 97 connections are in use" in ran.message(f"{DEPTH}connections")
    assert " idle" in ran.message(f"{DEPTH}connections")


def test_invalid_index(report: Report, psql: Psql) -> None:
    psql("CREATE UNIQUE INDEX CONCURRENTLY broken ON fault.orders (id);")
    ran = report()
    assert ran.statuses[f"{DEPTH}invalid_indexes"] == "critical"
    assert ran.message(f"{DEPTH}invalid_indexes") == "invalid: fault.broken on fault.orders"


def test_sequence_near_its_end_once_it_may_be_read(report: Report, psql: Psql) -> None:
    psql("CREATE SEQUENCE fault.numbers AS smallint; SELECT setval('fault.numbers', 32000);")
    blind = report()
    assert blind.statuses[f"{DEPTH}sequences"] == "unknown"
    assert "(fault.numbers): GRANT SELECT on them" in blind.message(f"{DEPTH}sequences")
    psql("GRANT SELECT ON fault.numbers TO xorb_monitor;")
    seen = report()
    assert seen.statuses[f"{DEPTH}sequences"] == "critical"
    assert seen.message(f"{DEPTH}sequences") == "near their end: fault.numbers at 97.7 %"


def test_missing_extension_says_so(report: Report) -> None:
    ran = report(postgres={"not_applicable": None})
    assert ran.statuses[f"{DEPTH}statements"] == "unknown"
    assert "pg_stat_statements is not installed in this database" in ran.message(f"{DEPTH}statements")


def test_role_without_rights_is_no_false_green(report: Report, psql: Psql) -> None:
    psql("REVOKE pg_monitor FROM xorb_monitor;")
    try:
        ran = report()
    finally:
        psql("GRANT pg_monitor TO xorb_monitor;")
    blind = {address for address, status in ran.statuses.items() if status == "unknown"}
    assert {f"{DEPTH}{aspect}" for aspect in ("connections", "blocked", "longest_query", "replication")} <= blind
    assert "pg_monitor" in ran.message(f"{DEPTH}blocked")
    assert ran.statuses[f"{DEPTH}wraparound"] == "ok"


@pytest.fixture
def second_server(shell: Callable[..., str]) -> Iterator[dict[str, Any]]:
    """A server of its own that records statements, has checksums, and lets in by client certificate only."""
    shell("""
        rm -rf /var/lib/postgresql/second
        install -d -o postgres -g postgres -m 700 /var/lib/postgresql/second
        cd /var/lib/postgresql/second
        issue() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" \
            -keyout $2.key -out $2.pem ${3:-} 2>/dev/null; }
        issue 'Second CA' ca
        issue localhost server '-CA ca.pem -CAkey ca.key -addext subjectAltName=DNS:localhost'
        issue xorb_monitor client '-CA ca.pem -CAkey ca.key'
        cp client.key root.key; chown postgres server.key
        runuser -u postgres -- /usr/lib/postgresql/17/bin/initdb -D data --data-checksums >/dev/null
        cat >> data/postgresql.conf <<'END'
port = 5499
unix_socket_directories = '/var/lib/postgresql/second'
shared_preload_libraries = 'pg_stat_statements'
ssl = on
ssl_cert_file = '/var/lib/postgresql/second/server.pem'
ssl_key_file = '/var/lib/postgresql/second/server.key'
ssl_ca_file = '/var/lib/postgresql/second/ca.pem'
END
        printf 'local all all trust\\nhostssl all all all cert\\n' > data/pg_hba.conf
        runuser -u postgres -- /usr/lib/postgresql/17/bin/pg_ctl -D data -w -l log start >/dev/null
        psql() { runuser -u postgres -- psql -Xq -h /var/lib/postgresql/second -p 5499 postgres >/dev/null; }
        psql <<'END'
CREATE EXTENSION pg_stat_statements;
CREATE ROLE xorb_monitor LOGIN IN ROLE pg_monitor;
DO 'BEGIN PERFORM pg_sleep(0.3), 1 AS never_to_be_shown; END';
SELECT pg_sleep(0.3), 'a constant';
END
    """)
    names = {"ca": "ca.pem", "client_cert": "client.pem", "client_key": "root.key"}
    files = {option: f"/var/lib/postgresql/second/{name}" for option, name in names.items()}
    try:
        yield {"login_port": 5499, "login_user": "xorb_monitor", "login_db": "postgres", **files}
    finally:
        shell("""
            cd /var/lib/postgresql/second
            runuser -u postgres -- /usr/lib/postgresql/17/bin/pg_ctl -D data -m immediate stop >/dev/null
            rm -rf /var/lib/postgresql/second
        """)


def test_module_with_client_certificate_sees_statements_without_constants(
    module: Callable[..., dict[str, Any]], second_server: dict[str, Any]
) -> None:
    result = module("postgres_info", **second_server)
    assert not result.get("failed"), result
    statuses = {check["id"].rsplit(".", 1)[1]: check["status"] for check in result["checks"]}
    assert {status for aspect, status in statuses.items() if aspect != "cache_hit"} == {"ok"}, result["checks"]
    statements = [row["statement"] for row in result["facts"]["statements"]]
    assert 0 < len(statements) <= 10
    assert {"SELECT pg_sleep($1), $2", "DO"} <= set(statements)
    assert "never_to_be_shown" not in str(result) and "a constant" not in str(result)
    refused = module("postgres_info", **{**second_server, "client_cert": None, "client_key": None})
    assert refused["checks"][0]["status"] == "critical" and "certificate" in refused["checks"][0]["message"]
