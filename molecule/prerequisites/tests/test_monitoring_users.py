# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The monitoring users can read, and do nothing else: tried with the servers' own clients."""

from __future__ import annotations

import subprocess

import pytest
from testinfra.host import Host

from tests.testbed import engine
from tests.testbed.layout import scenario_bed

testinfra_hosts = ["ssh://xorb-db"]

BED = scenario_bed()


def as_monitor(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a client on the database host with the monitoring user's passwords in its environment."""
    secrets = {
        variable: (BED.secrets_directory / name).read_text().strip()
        for variable, name in (
            ("PGPASSWORD", "postgres_monitor_password"),
            ("REDISCLI_AUTH", "redis_monitor_password"),
        )
    }
    # By standard input: an argument of docker exec would stand in the list of processes.
    script = "".join(f"export {name}='{value}'\n" for name, value in secrets.items()) + 'exec "$@"\n'
    return engine.ensure().run(
        "exec", "-i", BED.host("db").name, "sh", "-c", ". /dev/stdin", "sh", *words, data=script, check=False
    )


def psql(query: str) -> subprocess.CompletedProcess[str]:
    return as_monitor("psql", "-h", BED.host("db").address, "-U", "xorb_monitor", "-d", "xorb_db", "-Atc", query)


def redis(*command: str) -> str:
    return as_monitor("redis-cli", "--user", "xorb_monitor", *command).stdout


@pytest.mark.parametrize("driver", ["psycopg2", "redis", "cryptography"])
def test_driver_can_be_imported(host: Host, driver: str) -> None:
    assert host.run(f"/usr/bin/python3 -c 'import {driver}'").rc == 0


def test_postgresql_user_may_read_statistics() -> None:
    answer = psql("SELECT count(*) > 0, current_setting('data_directory') <> '' FROM pg_stat_activity")
    assert answer.stdout.strip() == "t|t", answer.stderr


@pytest.mark.parametrize(
    "query",
    [
        "CREATE TABLE public.intruder (id int)",
        "CREATE ROLE intruder",
        "CREATE DATABASE intruder",
        "ALTER SYSTEM SET log_min_messages = 'panic'",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT passwd FROM pg_shadow",
        "COPY (SELECT 1) TO PROGRAM 'id'",
    ],
)
def test_postgresql_user_may_do_no_more(query: str) -> None:
    answer = psql(query)
    assert answer.returncode != 0
    assert "permission denied" in answer.stderr or "must be" in answer.stderr


def test_postgresql_user_is_a_member_of_one_group_only() -> None:
    groups = "SELECT string_agg(roleid::regrole::text, ',') FROM pg_auth_members WHERE member = current_user::regrole"
    assert psql(groups).stdout.strip() == "pg_monitor"


def test_redis_user_may_ask_for_information() -> None:
    assert redis("PING").strip() == "PONG"
    assert "redis_version" in redis("INFO", "server")


@pytest.mark.parametrize(
    "command",
    [
        ("GET", "key"),
        ("SET", "key", "value"),
        ("KEYS", "*"),
        ("SCAN", "0"),
        ("CONFIG", "GET", "*"),
        ("ACL", "LIST"),
        ("FLUSHALL",),
        ("SHUTDOWN",),
        ("CLIENT", "LIST"),
        ("PUBLISH", "channel", "message"),
    ],
    ids=" ".join,
)
def test_redis_user_may_do_no_more(command: tuple[str, ...]) -> None:
    assert "NOPERM" in redis(*command)


def test_redis_user_survives_a_restart(host: Host) -> None:
    host.run_expect([0], "systemctl restart redis-server")
    for _attempt in range(20):
        if redis("PING").strip() == "PONG":
            return
        host.run("sleep 0.5")
    pytest.fail("the user is gone after a restart")
