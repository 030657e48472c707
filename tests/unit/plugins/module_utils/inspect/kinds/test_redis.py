# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A Redis server that answers PONG, something else, an error, or nothing."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._clients import redis
from ansible_collections.xorb.runbook.plugins.module_utils._clients.network import connect
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, OK, UNKNOWN, WARNING
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import with_defaults
from ansible_collections.xorb.runbook.plugins.module_utils._inspect import redis_judge as judge

from tests.support.loopback import Authority, Client, Pair, probe, served
from tests.support.redis_server import commands

INFO = {
    "role": "master",
    "connected_slaves": "1",
    "used_memory": "1048576",
    "maxmemory": "0",
    "rdb_last_bgsave_status": "ok",
    "rdb_changes_since_last_save": "7",
    "aof_enabled": "0",
    "aof_last_write_status": "ok",
    "aof_last_bgrewrite_status": "ok",
}


def bulk(text: str) -> str:
    return f"${len(text)}\r\n{text}\r\n"


def answering(**replies: str) -> Callable[[Client], None]:
    """Behave as a healthy server but for some commands; an empty reply is silence."""
    every = {
        "AUTH": "+OK\r\n",
        "CLIENT": "-NOPERM no permissions to run this\r\n",
        "PING": "+PONG\r\n",
        "SET": "$-1\r\n",
        "INFO": bulk("# All\r\n" + "".join(f"{key}:{value}\r\n" for key, value in INFO.items())),
        **replies,
    }

    def behave(client: Client) -> None:
        with contextlib.suppress(OSError):
            for command, *_words in commands(client):
                if not every[command]:
                    client.pause()
                client.send(every[command].encode())

    return behave


def checked(context: Any = None, /, *, given: Mapping[str, Any] | None = None, **replies: str) -> dict[str, Any]:
    with served(answering(**replies), context) as port:
        return probe("redis", port=port, timeout=0.5, **(given or {}))


def test_healthy_server() -> None:
    found = checked(given={"username": "monitor", "password": "long enough"})
    assert {aspect: finding.status for aspect, finding in found.items()} == dict.fromkeys(found, OK)
    assert found["ping"].message == "PONG"
    assert found["memory"].message == "1.0 MiB used, no limit set"


REPLICA = {"role": "slave", "master_host": "db-1", "master_port": 6379, "master_link_status": "up"}


@pytest.mark.parametrize(
    ("info", "refused"),
    [(REPLICA, True), ({**REPLICA, "slave_read_only": 0}, False), ({"role": "master"}, False)],
)
def test_replica_that_only_reads_refuses_writes(info: Mapping[str, Any], *, refused: bool) -> None:
    message = "replica of db-1:6379, which refuses to write; a master is expected"
    assert judge.refuses_writes(info) == (message if refused else "")


def test_writable_master_is_healthy() -> None:
    assert checked(given={"writable": True})["writes"].status == OK


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        ("-NOAUTH Authentication required.\r\n", "login refused: Authentication required."),
        ("-NOPERM this user has no permissions to run the 'ping' command\r\n", "the user may not do this: this user"),
        ("-LOADING Redis is loading the dataset in memory\r\n", "the server is still loading its data: Redis is"),
        ("-ERR max number of clients reached\r\n", "max number of clients reached"),
        ("-MASTERDOWN Link with MASTER is down\r\n", "the server refuses: Link with MASTER is down"),
        ("+QUEUED\r\n", "expected PONG, got QUEUED"),
        ("", "no answer within 0.5 s"),
    ],
)
def test_ping_is_judged_by_its_text(reply: str, message: str) -> None:
    found = checked(PING=reply)["ping"]
    assert found.status == CRITICAL and message in found.message


def test_wrong_password_is_critical_and_not_repeated() -> None:
    found = checked(
        given={"username": "monitor", "password": "long enough"},
        AUTH="-WRONGPASS invalid username-password pair or user is disabled.\r\n",
    )
    assert found["ping"].status == CRITICAL
    assert "login refused: " in found["ping"].message and "long enough" not in str(found)
    assert {found[aspect].status for aspect in ("persistence", "memory", "replication")} == {UNKNOWN}


@pytest.mark.parametrize("message", ["-NOAUTH Authentication required.\r\n", ""])
def test_server_without_a_session_is_tried_once(message: str) -> None:
    sessions: list[str] = []

    def behave(client: Client) -> None:
        sessions.append("")
        answering(PING=message)(client)

    with served(behave) as port:
        found = probe("redis", port=port, timeout=0.3)
    assert len(sessions) == 1
    assert found["memory"].message == "not determined: there is no session"


def test_server_that_is_full_refuses_before_any_command(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Semaphore(0)

    def behave(client: Client) -> None:
        client.send(b"-ERR max number of clients reached\r\n")
        answered.release()
        client.pause()

    def slowly(*where: Any) -> socket.socket:
        opened = connect(*where)
        assert answered.acquire(timeout=5)
        return opened

    monkeypatch.setattr(redis, "connect", slowly)
    with served(behave) as port:
        ping = probe("redis", port=port, timeout=0.5)["ping"]
    assert ping.status == CRITICAL
    assert "max number of clients reached" in ping.message


def test_server_that_hangs_up_is_critical() -> None:
    with served(lambda client: client.connection.close()) as port:
        found = probe("redis", port=port, timeout=0.5)["ping"]
    assert found.status == CRITICAL and "connection" in found.message.lower()


def test_server_that_demands_a_client_certificate_is_named(authority: Authority, leaf: Pair) -> None:
    context = leaf.server_context()
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.file)
    found = checked(context, given={"tls": True, "ca": str(authority.file)})["ping"]
    assert (found.status, found.message) == (CRITICAL, "TLS failed: the other end demands a client certificate")


def test_loading_server_still_answers_the_rest() -> None:
    found = checked(PING="-LOADING Redis is loading the dataset in memory\r\n")
    assert (found["ping"].status, found["replication"].status) == (CRITICAL, OK)


def test_denied_info_is_unknown_with_the_reason() -> None:
    found = checked(INFO="-NOPERM this user has no permissions to run the 'info' command\r\n")
    assert found["ping"].status == OK
    for aspect in ("persistence", "memory", "replication"):
        assert found[aspect].status == UNKNOWN and "no permissions to run the 'info'" in found[aspect].message


def test_server_that_is_down(closed_port: int) -> None:
    found = probe("redis", port=closed_port)
    assert found["ping"].message == f"no connection to port {closed_port}: connection refused (nothing listens there)"
    assert {found[aspect].status for aspect in ("persistence", "memory", "replication")} == {UNKNOWN}


def test_tls_is_verified(authority: Authority, foreign: Authority, leaf: Pair) -> None:
    good = checked(leaf.server_context(), given={"tls": True, "ca": str(authority.file)})
    assert good["ping"].status == OK
    stranger = checked(leaf.server_context(), given={"tls": True, "ca": str(foreign.file)})
    assert stranger["ping"].message.startswith("certificate not trusted")
    misnamed = checked(leaf.server_context(), given={"tls": True, "ca": str(authority.file), "server_name": "cache"})
    assert misnamed["ping"].message.startswith("certificate not trusted: Hostname mismatch")


@pytest.mark.parametrize(
    ("info", "status", "message"),
    [
        ({}, UNKNOWN, "not determined: the server does not report its persistence"),
        (
            {"rdb_last_bgsave_status": "ok", "rdb_changes_since_last_save": 3},
            OK,
            "last background save ok; 3 changes since the last save",
        ),
        ({"rdb_last_bgsave_status": "err"}, CRITICAL, "last background save is err"),
        (
            {
                "rdb_last_bgsave_status": "ok",
                "aof_enabled": 1,
                "aof_last_write_status": "err",
                "aof_last_bgrewrite_status": "ok",
            },
            CRITICAL,
            "last append-only write is err",
        ),
        ({"rdb_last_bgsave_status": "ok", "aof_enabled": 0, "aof_last_write_status": "err"}, OK, "last background"),
    ],
)
def test_persistence(info: dict[str, Any], status: str, message: str) -> None:
    found = judge.persistence(info)
    assert found.status == status and found.message.startswith(message)


@pytest.mark.parametrize(("used", "status"), [(80, OK), (81, WARNING), (91, CRITICAL)])
def test_memory_against_its_limit(used: int, status: str) -> None:
    given = {"memory_warning": 80.0, "memory_critical": 90.0}
    found = judge.memory({"used_memory": used * 1024, "maxmemory": 100 * 1024, "maxmemory_policy": "noeviction"}, given)
    assert (found.status, found.value, found.limits.source) == (status, used, "ours")
    assert found.message == f"{used}.0 KiB of 100.0 KiB used ({used} %), policy noeviction"


def test_memory_that_is_not_reported_is_unknown() -> None:
    assert judge.memory({}, {}).status == UNKNOWN


@pytest.mark.parametrize(
    ("info", "status", "message"),
    [
        ({"role": "master", "connected_slaves": 2}, OK, "master with 2 replicas"),
        ({"role": "slave", "master_host": "db", "master_port": 1, "master_link_status": "up"}, OK, "link up"),
        (
            {
                "role": "slave",
                "master_host": "db",
                "master_port": 1,
                "master_link_status": "down",
                "master_link_down_since_seconds": 9,
            },
            CRITICAL,
            "replica of db:1, link down for 9 s",
        ),
        ({"role": "slave", "master_host": "db", "master_port": 1}, CRITICAL, "link down"),
        ({}, UNKNOWN, "not determined"),
    ],
)
def test_replication(info: dict[str, Any], status: str, message: str) -> None:
    found = judge.replication(info, with_defaults(judge.TIME_THRESHOLDS, {}))
    assert found.status == status and message in found.message
