# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Real faults of Redis, seen by a user that may use INFO and the slow log, and no more."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from tests.support.procedures import Ran
from tests.testbed.layout import scenario_bed

Report = Callable[..., Ran]
Redis = Callable[..., str]
DEPTH = "xorb-db/redis.stats."
SECRETS = scenario_bed().secrets_directory


@pytest.fixture(scope="module")
def redis(shell: Callable[..., str]) -> Redis:
    """Send commands as the owner of the server, a line each; the password goes by standard input."""

    def send(*commands: str) -> str:
        password = (SECRETS / "redis_password").read_text().strip()
        script = "read -r REDISCLI_AUTH; export REDISCLI_AUTH; exec redis-cli"
        return shell(script, data="\n".join([password, *commands, ""]))

    return send


@pytest.fixture(autouse=True)
def restored(redis: Redis, shell: Callable[..., str]) -> Iterator[None]:
    """The settings of the test hosts again, whatever a test changed."""
    try:
        yield
    finally:
        shell("chmod 750 /var/lib/redis")
        redis(
            "CONFIG SET maxmemory 64mb",
            "CONFIG SET maxmemory-policy noeviction",
            "CONFIG SET slowlog-log-slower-than 10000",
            "REPLICAOF NO ONE",
            *(f"DEL fault:{number}" for number in range(3000)),
            "SLOWLOG RESET",
            "CONFIG RESETSTAT",
        )
        save(redis, "ok")


def save(redis: Redis, status: str) -> None:
    """Start a background save and wait until it ended so."""
    redis("BGSAVE")
    for _attempt in range(50):
        state = redis("INFO persistence")
        if "rdb_bgsave_in_progress:0" in state and f"rdb_last_bgsave_status:{status}" in state:
            return
        time.sleep(0.2)
    pytest.fail(f"the save did not end with {status}")


def test_slow_log_shows_names_only(report: Report, redis: Redis) -> None:
    redis("SLOWLOG RESET", "CONFIG SET slowlog-log-slower-than 0", *["GET fault:hidden"] * 12)
    redis("CONFIG SET slowlog-log-slower-than 10000")
    ran = report()
    assert ran.statuses[f"{DEPTH}slow_log"] == "warning"
    assert "12 GET" in ran.message(f"{DEPTH}slow_log") and "hidden" not in ran.output


def test_memory_at_its_limit_and_evictions(report: Report, redis: Redis) -> None:
    used = int(next(line for line in redis("INFO memory").splitlines() if line.startswith("used_memory:"))[12:])
    # Only keys with an expiry can be evicted, so that no other test loses any.
    redis(f"CONFIG SET maxmemory {used + 1_000_000}", "CONFIG SET maxmemory-policy volatile-ttl")
    redis(*(f"SET fault:{number} {'x' * 800} EX 600" for number in range(3000)))
    ran = report()
    assert ran.statuses[f"{DEPTH}memory"] == "critical"
    assert ran.statuses[f"{DEPTH}evictions"] == "warning"
    assert "policy volatile-ttl" in ran.message(f"{DEPTH}evictions")


def test_replica_without_its_master(report: Report, redis: Redis) -> None:
    assert report().message(f"{DEPTH}replication").startswith("master")
    redis("REPLICAOF 127.0.0.1 1")
    ran = report()
    assert ran.status != 0
    assert ran.statuses[f"{DEPTH}replication"] == "critical"
    assert "127.0.0.1:1" in ran.message(f"{DEPTH}replication"), ran.message(f"{DEPTH}replication")


def test_save_that_failed(report: Report, redis: Redis, shell: Callable[..., str]) -> None:
    shell("chmod 500 /var/lib/redis")
    save(redis, "err")
    ran = report()
    assert ran.status != 0
    assert ran.statuses[f"{DEPTH}snapshot"] == "critical"
    assert ran.message(f"{DEPTH}snapshot") == "the last background save is err"


def test_clients_against_their_limit(report: Report) -> None:
    ran = report(redis={"clients_warning": 0.001, "clients_critical": 50})
    assert " of 10000 clients are connected" in ran.message(f"{DEPTH}clients")


def test_user_who_may_not_read_the_slow_log(report: Report, redis: Redis) -> None:
    redis("ACL SETUSER xorb_monitor -slowlog|get")
    try:
        ran = report()
    finally:
        redis("ACL LOAD")
    assert ran.statuses[f"{DEPTH}slow_log"] == "unknown"
    assert "the user may not do this" in ran.message(f"{DEPTH}slow_log")
    assert ran.statuses[f"{DEPTH}memory"] == "ok"


def test_what_is_asked_breaks_no_rule_of_the_acl(report: Report, redis: Redis) -> None:
    redis("ACL LOG RESET")
    assert report().status == 0
    assert redis("ACL LOG").strip() == ""
