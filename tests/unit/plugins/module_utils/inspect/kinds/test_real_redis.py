# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Real servers of Redis, each with a fault that one which only pretends would not have."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import pytest
import redis
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, OK, UNKNOWN, WARNING, Finding

from tests.support import peers
from tests.support.loopback import probe

PASSWORD = "only for this test"  # noqa: S105 - of a server that lives as long as a test


def send(server: peers.Server, *words: str, **login: Any) -> Any:
    client: Any = redis.Redis(port=server.port, **login)
    with contextlib.closing(client):
        return client.execute_command(*words)


def checked(server: peers.Server, kind: str = "redis", **given: Any) -> dict[str, Finding]:
    return probe(kind, **{"address": "127.0.0.1", "port": server.port, "timeout": 30.0, **given})


def test_server_that_writes_has_nothing_new_in_it() -> None:
    with peers.redis_server("--save", "3600 1") as server:
        found = checked(server, writable=True)
        assert {finding.status for finding in found.values()} == {OK}
        assert send(server, "DBSIZE") == 0
        assert send(server, "INFO", "persistence")["rdb_changes_since_last_save"] == 0
        assert checked(server, writable=False)["writes"].status == "not_applicable"
        assert "writes" not in checked(server)


def test_held_writes_are_critical() -> None:
    with peers.redis_server() as server:
        send(server, "CLIENT", "PAUSE", "600000", "WRITE")
        found = checked(server, writable=True, timeout=2.0)
        assert found["ping"].status == OK
        assert (found["writes"].status, "no answer within 2 s" in found["writes"].message) == (CRITICAL, True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--min-replicas-to-write", "1"), "Not enough good replicas"),
        (("--maxmemory", "100kb", "--maxmemory-policy", "noeviction"), "OOM|used memory"),
        (("--replicaof", "127.0.0.1 1"), "which refuses to write"),
    ],
)
def test_refused_writes_are_critical(options: tuple[str, ...], message: str) -> None:
    with peers.redis_server(*options) as server:
        found = checked(server, writable=True)["writes"]
        assert found.status == CRITICAL and any(word in found.message for word in message.split("|")), found


def test_cluster_without_slots_is_critical() -> None:
    with peers.redis_server("--cluster-enabled", "yes") as server:
        found = checked(server, writable=True)
        assert (found["ping"].status, found["writes"].status) == (OK, CRITICAL)
        for kind in ("redis", "redis_stats"):
            replication = checked(server, kind)["replication"]
            assert replication.status == CRITICAL and "cluster fail, 0 of 16384 slots" in replication.message
        send(server, "CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        ends = time.monotonic() + 60
        while checked(server, writable=True)["writes"].status != OK and time.monotonic() < ends:
            time.sleep(0.2)
        assert {finding.status for finding in checked(server, writable=True).values()} == {OK}


def test_user_without_the_right_leaves_it_open() -> None:
    with peers.redis_server() as server:
        send(server, "ACL", "SETUSER", "monitor", "on", f">{PASSWORD}", "-@all", "+ping", "+info", "+client|setname")
        login = {"username": "monitor", "password": PASSWORD}
        found = checked(server, writable=True, **login)["writes"]
        assert found.status == UNKNOWN and "+set ~xorb-runbook:*" in found.message
        send(server, "ACL", "SETUSER", "monitor", "+set", "~xorb-runbook:*")
        assert checked(server, writable=True, **login)["writes"].status == OK


def test_silent_replica_and_silent_master_are_seen_before_the_link_breaks() -> None:
    with (
        peers.redis_server("--repl-timeout", "3600", "--repl-diskless-sync-delay", "0") as master,
        peers.redis_server("--repl-timeout", "3600", "--replicaof", f"127.0.0.1 {master.port}") as replica,
    ):
        ends = time.monotonic() + 60
        while _state_of_replica(master) != "online" and time.monotonic() < ends:
            time.sleep(0.1)
        assert checked(master, "redis_stats", replicas=1)["replication"].status == OK
        assert checked(replica)["replication"].status == OK
        limits = {"delay_warning": 1, "delay_critical": 600}
        with replica.stopped():
            time.sleep(4)
            for kind in ("redis", "redis_stats"):
                found = checked(master, kind, **limits)["replication"]
                assert found.status == WARNING and "last reported" in found.message, found
        with master.stopped():
            time.sleep(4)
            found = checked(replica, silence_warning=1, silence_critical=600)["replication"]
            assert found.status == WARNING and "has been silent" in found.message, found


def _state_of_replica(master: peers.Server) -> Any:
    return send(master, "INFO", "replication").get("slave0", {}).get("state")


def test_append_only_file_is_persistence() -> None:
    with peers.redis_server("--save", "", "--appendonly", "yes") as server:
        send(server, "SET", "some", "data")
        found = checked(server, "redis_stats", snapshot_warning=0.0, snapshot_critical=0.0)
        assert (found["snapshot"].status, found["append_only"].status) == (OK, OK), found


def test_server_without_a_password_lets_every_client_in() -> None:
    with peers.redis_server("--requirepass", PASSWORD) as server:
        given = {
            "password": PASSWORD,
            "not_applicable": {"plaintext": "no TLS here"},
            "denied_command": ["CONFIG", "GET", "x"],
        }
        found = checked(server, "access_redis", **given)
        assert (found["valid"].status, found["no_password"].status, found["wrong_password"].status) == (OK, OK, OK)
        send(server, "CONFIG", "SET", "requirepass", "", password=PASSWORD)
        found = checked(server, "access_redis", **given)
        for aspect in ("no_password", "wrong_password", "denied_command"):
            assert found[aspect].status == CRITICAL, found[aspect]
