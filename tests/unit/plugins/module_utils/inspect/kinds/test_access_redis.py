# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which clients get into a Redis server that checks passwords, and into one that does not."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, OK, UNKNOWN, Finding
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.registry import KINDS

from tests.support.loopback import Authority, Client, Pair, hang, probe, served
from tests.support.redis_server import commands

RIGHT = "long enough"
GIVEN = {
    "address": "127.0.0.1",
    "username": "monitor",
    "password": RIGHT,
    "denied_command": ["CONFIG", "GET", "save"],
}
ASPECTS = {"valid", "no_password", "wrong_password", "plaintext", "denied_command"}


def guarded(*, careless: str = "") -> Callable[[Client], None]:
    """Behave as a server with a password, careless about one thing."""

    def reply(words: list[str], let_in: bool) -> tuple[str, bool]:
        if words[0] == "AUTH":
            right = words[1:] == ["monitor", RIGHT] or careless == "wrong_password"
            return ("+OK" if right else "-WRONGPASS invalid username-password pair or user is disabled."), right
        if not let_in and careless != "no_password":
            return "-NOAUTH Authentication required.", False
        if words[0] == "CONFIG" and careless != "denied_command":
            return "-NOPERM User monitor has no permissions to run the 'config|get' command", let_in
        return ("*0" if words[0] == "CONFIG" else "+PONG"), let_in

    def behave(client: Client) -> None:
        let_in = False
        with contextlib.suppress(OSError):
            for words in commands(client):
                answer, let_in = reply(words, let_in)
                client.send(f"{answer}\r\n".encode())

    return behave


def checked(context: ssl.SSLContext | None, careless: str = "", **given: Any) -> dict[str, Finding]:
    with served(guarded(careless=careless), context) as port:
        return probe("access_redis", port=port, **{**GIVEN, **given})


def statuses(found: dict[str, Finding]) -> dict[str, str]:
    return {aspect: finding.status for aspect, finding in found.items()}


def test_server_over_tls_refuses_every_other_client(authority: Authority, leaf: Pair) -> None:
    found = checked(leaf.server_context(), tls=True, ca=str(authority.file))
    assert statuses(found) == dict.fromkeys(ASPECTS, OK)
    assert found["valid"].message == "let in: PONG"
    assert found["no_password"].message == "refused: login refused: Authentication required."
    assert RIGHT not in str(found)


@pytest.mark.parametrize("careless", ["no_password", "wrong_password", "denied_command"])
def test_client_that_is_let_in_wrongly_is_named(careless: str, authority: Authority, leaf: Pair) -> None:
    found = checked(leaf.server_context(), careless, tls=True, ca=str(authority.file))
    assert statuses(found) == {**dict.fromkeys(ASPECTS, OK), careless: CRITICAL}
    assert found[careless].message.startswith("accepted ")


def test_port_without_tls_is_critical() -> None:
    found = checked(None)
    assert statuses(found) == {**dict.fromkeys(ASPECTS, OK), "plaintext": CRITICAL}
    assert "in the clear" in found["plaintext"].message


def test_wrong_own_password_makes_refusals_meaningless() -> None:
    found = checked(None, password=RIGHT[::-1], not_applicable={"plaintext": "this machine only"})
    assert found["valid"].status == CRITICAL
    assert (found["no_password"].status, found["wrong_password"].status) == (UNKNOWN, UNKNOWN)


@pytest.mark.parametrize(
    "reply", ["-LOADING Redis is loading the dataset in memory", "-ERR max number of clients reached"]
)
def test_server_in_trouble_refuses_no_client(reply: str) -> None:
    def behave(client: Client) -> None:
        with contextlib.suppress(OSError):
            for _words in commands(client):
                client.send(f"{reply}\r\n".encode())

    with served(behave) as port:
        assert statuses(probe("access_redis", port=port, **GIVEN)) == dict.fromkeys(ASPECTS, UNKNOWN)


def test_server_that_is_down_refuses_no_client(closed_port: int) -> None:
    assert statuses(probe("access_redis", port=closed_port, **GIVEN)) == dict.fromkeys(ASPECTS, UNKNOWN)


def test_server_that_hangs_is_waited_for_once() -> None:
    with served(hang) as port:
        assert statuses(probe("access_redis", port=port, **GIVEN, timeout=0.2)) == dict.fromkeys(ASPECTS, UNKNOWN)


@pytest.mark.parametrize("words", [["FLUSHALL"], ["CONFIG", "SET", "save", ""], ["GET"], []])
def test_command_that_would_change_something_is_refused(words: list[str]) -> None:
    given = {"password": RIGHT, "denied_command": words}
    found = [name for name, _message in KINDS["access_redis"].problems(given)]
    assert found == ([] if words == ["GET"] else ["denied_command"])
