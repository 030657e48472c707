# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module as Ansible runs it, against a server on the loopback address."""

from __future__ import annotations

import contextlib
import json
import ssl
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.xorb.runbook.plugins.module_utils._core import drivers
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import DriverMissing
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.kinds import redis_stats
from ansible_collections.xorb.runbook.plugins.modules import redis_info

from tests.support.loopback import Authority, Client, served

PASSWORD = "correct horse battery"  # noqa: S105 - of a server that does not exist

INFO = {
    "redis_version": "7.0.15",
    "redis_mode": "standalone",
    "uptime_in_seconds": "7200",
    "server_time_usec": "1795463672000000",
    "role": "master",
    "connected_slaves": "1",
    "slave0": "ip=10.0.0.2,port=6379,state=online,offset=100,lag=0",
    "master_repl_offset": "100",
    "used_memory": "95",
    "maxmemory": "100",
    "maxmemory_policy": "noeviction",
    "rdb_last_bgsave_status": "ok",
    "rdb_last_save_time": "1795463600",
    "rdb_changes_since_last_save": "7",
    "aof_enabled": "0",
    "connected_clients": "1",
    "maxclients": "10000",
    "evicted_keys": "0",
    "total_commands_processed": "9",
}


def bulk(data: bytes) -> bytes:
    return b"$%d\r\n%s\r\n" % (len(data), data)


INFO_REPLY = bulk("".join(f"{key}:{value}\r\n" for key, value in INFO.items()).encode())
#: The second word is no text in any encoding.
SLOW = (
    b"*1\r\n*6\r\n:3\r\n:1795463600\r\n:12500\r\n*2\r\n"
    + bulk(b"get")
    + bulk(b"\xff\xfe key")
    + bulk(b"h:1")
    + bulk(b"")
)
DENIED = b"-NOPERM this user has no permissions to run this command\r\n"


def answering(commands: list[str], **replies: bytes) -> Callable[[Client], None]:
    """Behave as a healthy server but for some commands, and remember its commands."""
    every = {"AUTH": b"+OK\r\n", "INFO": INFO_REPLY, "SLOWLOG": SLOW, **replies}

    def behave(client: Client) -> None:
        reader = client.connection.makefile("rb")
        with contextlib.suppress(OSError):
            while head := reader.readline():
                words = [(reader.readline(), reader.readline())[1].strip() for _word in range(int(head[1:]))]
                commands.append(words[0].decode().upper())
                client.send(every.get(commands[-1], DENIED))

    return behave


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    """Run the module as Ansible would."""

    def run_module(port: int, **arguments: Any) -> dict[str, Any]:
        given = {"login_host": "127.0.0.1", "login_port": port, "login_timeout": 0.5, **arguments}
        with patch_module_args(given), pytest.raises(SystemExit):
            redis_info.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    return run_module


def statuses(result: dict[str, Any]) -> dict[str, str]:
    return {check["id"].rsplit(".", 1)[1]: check["status"] for check in result["checks"]}


def test_main_returns_facts_and_checks(run: Any) -> None:
    commands: list[str] = []
    with served(answering(commands)) as port:
        result = run(port, login_user="monitor", login_password=PASSWORD)
    assert not result["changed"] and "failed" not in result
    found = statuses(result)
    assert found.pop("memory") == "critical" and found.pop("append_only") == "not_applicable"
    assert set(found.values()) == {"ok"}
    assert result["facts"]["replication"]["slave0"]["state"] == "online"
    assert result["facts"]["slow_log"] == [{"id": 3, "at": 1795463600, "duration_ms": 12.5, "command": "GET"}]
    assert set(commands) == {"AUTH", "INFO", "SLOWLOG"}
    assert PASSWORD not in json.dumps(result)


def test_main_denied_slow_log_costs_only_itself(run: Any) -> None:
    with served(answering([], SLOWLOG=DENIED)) as port:
        result = run(port)
    assert (statuses(result)["slow_log"], statuses(result)["clients"]) == ("unknown", "ok")
    assert "slow_log" not in result["facts"]
    assert "the user may not do this" in result["checks"][-1]["message"]


def test_main_denied_info_is_unknown_and_no_fault_of_the_server(run: Any) -> None:
    with served(answering([], INFO=DENIED)) as port:
        result = run(port)
    assert set(statuses(result)) == set(redis_stats.ASPECTS)
    assert set(statuses(result).values()) == {"unknown"}


def test_main_dead_server_is_a_result(run: Any) -> None:
    result = run(1)
    assert "failed" not in result and result["facts"] == {}
    assert statuses(result)["availability"] == "critical"
    assert [status for aspect, status in statuses(result).items() if aspect != "availability"] == ["unknown"] * 8


def test_main_left_out_comes_with_the_reason(run: Any) -> None:
    commands: list[str] = []
    with served(answering(commands)) as port:
        result = run(port, not_applicable={"slow_log": "not here", "memory": "nor this"})
    assert statuses(result)["slow_log"] == statuses(result)["memory"] == "not_applicable"
    assert len(result["checks"]) == len(redis_stats.ASPECTS) and "SLOWLOG" not in commands


def test_main_left_out_must_make_sense(run: Any) -> None:
    result = run(1, not_applicable={"keys": "none"})
    assert result["failed"] and "not_applicable.keys: unknown aspect" in result["msg"]


def test_main_speaks_tls_with_a_client_certificate(run: Any, tmp_path: Any) -> None:
    authority = Authority(tmp_path, "Test CA")
    leaf, client = authority.issue("localhost", "127.0.0.1"), authority.issue("monitor")
    context = leaf.server_context()
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.file)
    files = {"ca": str(authority.file), "client_cert": str(client.certificate), "client_key": str(client.key)}
    with served(answering([]), context) as port:
        assert statuses(run(port, tls=True, **files))["availability"] == "ok"
        assert statuses(run(port, tls=True, ca=files["ca"]))["availability"] == "critical"


def test_main_missing_driver_fails(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_name: str) -> None:
        raise DriverMissing("driver not usable")

    monkeypatch.setattr(drivers, "load", missing)
    result = run(1)
    assert result["failed"] and result["msg"] == "driver not usable"


def test_main_returns_what_it_documents(run: Any) -> None:
    documented = yaml.safe_load(redis_info.RETURN)
    with served(answering([])) as port:
        result = run(port)
    assert set(documented) == set(result) - {"changed", "invocation"}
    assert set(documented["facts"]["contains"]) == set(result["facts"]) == set(redis_stats.ASPECTS)
    assert set(documented["checks"]["sample"][0]) == set(result["checks"][0])
