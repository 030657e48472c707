# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sessions that were opened with a revoked certificate end, and no session where nothing was revoked."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._act import journal as journals
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates.sessions import end_sessions
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import OK, UNKNOWN
from ansible_collections.xorb.runbook.plugins.modules import certificate_sessions_end

from tests.support.loopback import Client, served
from tests.support.modules import run_module
from tests.support.redis_server import commands
from tests.support.rotating import Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    made.install("server")
    return made


def ended(given: dict[str, Any], *revoked: str, check_mode: bool = False) -> dict[str, Any]:
    """What the module returns of one set."""
    return run_module(
        certificate_sessions_end,
        check_mode=check_mode,
        certificates=[{key: value for key, value in given.items() if value is not None}],
        revoked=list(revoked),
        state_dir=str(Path(given["directory"]).parent / "state"),
    )


def counting(killed: list[list[str]]) -> Callable[[Client], None]:
    """Behave as a Redis server that has two clients and none that subscribed."""

    def behave(client: Client) -> None:
        with contextlib.suppress(OSError):
            for words in commands(client):
                if words[:2] == ["CLIENT", "KILL"]:
                    killed.append(words)
                    client.send(b":2\r\n" if "normal" in words else b":0\r\n")
                else:
                    client.send(b"+OK\r\n")

    return behave


def test_sessions_of_redis_end_but_for_replicas_and_not_in_check_mode(site: Site) -> None:
    killed: list[list[str]] = []
    with served(counting(killed)) as port:
        given = site.given("server", sessions={"kind": "redis", "port": port, "tls": False})
        planned = ended(given, "41C7", check_mode=True)
        assert (planned["changed"], planned["checks"], killed) == (True, [], [])
        nothing = ended(given)
        assert (nothing["changed"], nothing["checks"], killed) == (False, [], []), "nothing was revoked"
        result = ended(given, "41C7")
    (check,) = result["checks"]
    assert (check["id"], check["status"], check["value"]) == ("nginx.server.sessions", OK, 2)
    assert check["message"] == "the sessions of all clients were ended (2), not those of replicas"
    assert result["changed"] is True
    assert [words[3] for words in killed] == ["normal", "pubsub"]


def test_set_without_sessions_has_none_to_end(site: Site) -> None:
    for check_mode in (True, False):
        result = ended(site.given("server"), "41C7", check_mode=check_mode)
        assert (result["changed"], result["checks"]) == (False, [])


def test_sessions_end_under_the_lock_of_the_host(site: Site) -> None:
    with journals.locked(site.state, what="certificate_rotate", operator="alice"):
        result = ended(site.given("server"), "41C7")
    assert result["failed"] and "certificate_rotate by alice" in result["msg"]


@pytest.mark.parametrize("kind", ["redis", "postgres"])
def test_sessions_of_a_service_that_does_not_answer_are_unknown(kind: str, site: Site, closed_port: int) -> None:
    server = {"kind": kind, "port": closed_port, "user": "monitor", "database": "postgres", "tls": False}
    (finding,) = end_sessions(site.given("server", sessions=server), ["41C7"])
    assert finding.status == UNKNOWN and finding.message.startswith("not determined: ")


def test_sessions_of_what_is_no_serial_number_are_unknown_and_stay(site: Site) -> None:
    killed: list[list[str]] = []
    with served(counting(killed)) as port:
        given = site.given("server", sessions={"kind": "redis", "port": port, "tls": False})
        (finding,) = end_sessions(given, ["41C7", "41 OR 1"])
    assert finding.status == UNKNOWN and "hexadecimal digits, got '41 OR 1'" in finding.message
    assert killed == []
