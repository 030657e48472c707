# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The same platform and the same checks on Debian 12, with its own servers, drivers and Python."""

from __future__ import annotations

import pytest
from testinfra.host import Host

from tests.support.procedures import ROOT, Ran, play
from tests.testbed import engine
from tests.testbed.inventory import MORE_HOSTS
from tests.testbed.layout import scenario_bed

BED = scenario_bed()
HOST = "xorb-db12"

testinfra_hosts = [f"ssh://{HOST}"]


def daily(host: str) -> Ran:
    """The daily check of one host."""
    overrides = ROOT / "tests/testplatform/debian12_overrides.yml"
    more = ("-i", str(MORE_HOSTS), "-e", f"@{overrides}", "--limit", host)
    return play(ROOT / "inventories/demo", "daily", *more, reports=BED.directory / "reports", XORB_BED=BED.name)


@pytest.mark.parametrize(
    ("command", "version"),
    [
        ("cat /etc/debian_version", "12."),
        ("/usr/bin/python3 --version", "Python 3.11."),
        ("/usr/bin/python3 -c 'import psycopg2; print(psycopg2.__version__)'", "2.9.5 "),
        ("/usr/bin/python3 -c 'import redis; print(redis.__version__)'", "4.3.4"),
        ("/usr/bin/python3 -c 'import cryptography; print(cryptography.__version__)'", "38."),
        ("/usr/lib/postgresql/15/bin/postgres --version", "postgres (PostgreSQL) 15."),
        ("redis-server --version", "Redis server v=7.0."),
    ],
)
def test_version_is_that_of_debian_12(host: Host, command: str, version: str) -> None:
    assert host.check_output(command).startswith(version)


def test_daily_is_green_and_looks_at_the_same() -> None:
    old, new = daily(HOST), daily("xorb-db")
    assert old.status == new.status == 0, old.output
    found = {check["id"]: check for check in old.report["checks"] if check["host"] == HOST}
    assert {check["status"] for check in found.values()} <= {"ok", "not_applicable"}
    same = {check["id"] for check in new.report["checks"] if check["host"] == "xorb-db"}
    assert same < set(found)
    # Besides, ports of another host.
    assert {check.rpartition(".")[0] for check in set(found) - same} == {"nginx.certificate", "nginx.mtls"}
    assert {"nginx.certificate.expiry", "nginx.mtls.foreign_authority", "nginx.mtls.tls_1_0"} <= set(found)
    assert {"postgres.sql.query", "redis.main.ping", "postgres.supervisor.state", "redis.server.served"} <= same


@pytest.mark.parametrize(
    ("unit", "check"),
    [("postgresql.service", "postgres.supervisor.state"), ("redis-server.service", "redis.supervisor.state")],
)
def test_daily_stopped_server_is_reported(unit: str, check: str) -> None:
    docker, name = engine.ensure(), BED.host("db12").name
    try:
        docker.run("exec", name, "systemctl", "stop", unit)
        ran = daily(HOST)
    finally:
        docker.run("exec", name, "systemctl", "start", unit)
    assert ran.status != 0
    assert f"{HOST}/{check}" in ran.causes, ran.output
