# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which clients may read a guarded path of the stand-in's API over the wire, and what an operator may write."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, OK, UNKNOWN, Finding
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.registry import KINDS

from tests.support.loopback import Client, hang, probe, served
from tests.support.standin import EXPIRED_TOKEN, HOST, TOKEN, VIEWER_TOKEN, Wire, listening

TOKENS = {"token": TOKEN, "expired_token": EXPIRED_TOKEN, "wrong_role_token": VIEWER_TOKEN}
ASPECTS = {"valid", "no_credentials", "garbage_token", "expired_token", "wrong_role"}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Wire]:
    """The API."""
    with listening(tmp_path, "api") as started:
        yield started


def checked(port: int, **given: Any) -> dict[str, Finding]:
    wanted = {"address": "127.0.0.1", "port": port, "path": "/api/v1/status", "host_header": HOST, **TOKENS, **given}
    return probe("access_http", **wanted)


def statuses(found: dict[str, Finding]) -> dict[str, str]:
    return {aspect: finding.status for aspect, finding in found.items()}


def test_every_client_gets_what_it_should(api: Wire) -> None:
    found = checked(api.port)
    assert statuses(found) == dict.fromkeys(ASPECTS, OK)
    assert found["valid"].message == "let in: HTTP 200"
    assert found["no_credentials"].message == found["expired_token"].message == "refused: HTTP 401"
    assert found["wrong_role"].message == "refused: HTTP 403"


@pytest.mark.parametrize(
    ("state", "let_in"),
    [
        ("accept_expired", {"expired_token": "accepted an expired token: HTTP 200"}),
        (
            "no_authentication",
            {
                "no_credentials": "accepted a request without credentials: HTTP 200",
                "garbage_token": "accepted an invented token: HTTP 200",
                "expired_token": "accepted an expired token: HTTP 200",
                "wrong_role": "accepted a token of the wrong role: HTTP 200",
            },
        ),
    ],
)
def test_client_that_is_let_in_wrongly_is_named(api: Wire, state: str, let_in: dict[str, str]) -> None:
    api.state(f"{state}\n")
    found = checked(api.port)
    assert {name: one.message for name, one in found.items() if one.status == CRITICAL} == let_in


def test_refused_valid_token_makes_refusals_meaningless(api: Wire) -> None:
    found = checked(api.port, token=TOKEN[::-1])
    assert statuses(found) == {**dict.fromkeys(ASPECTS, UNKNOWN), "valid": CRITICAL}


@pytest.mark.parametrize("state", ["error_500", "redirect_login", "rate_limited", "invalid_host elsewhere"])
def test_answer_that_is_no_refusal_is_unknown(api: Wire, state: str) -> None:
    api.state(f"{state}\n")
    assert statuses(checked(api.port)) == dict.fromkeys(ASPECTS, UNKNOWN)


def test_service_that_is_down_refuses_no_client(closed_port: int) -> None:
    found = checked(closed_port)
    assert statuses(found) == dict.fromkeys(ASPECTS, UNKNOWN)
    assert "connection refused" in found["no_credentials"].message


def test_service_that_hangs_is_waited_for_once() -> None:
    with served(hang) as port:
        assert statuses(checked(port, timeout=0.2)) == dict.fromkeys(ASPECTS, UNKNOWN)


def test_password_instead_of_a_token() -> None:
    def behave(client: Client) -> None:
        # monitor:long enough
        right = b"Authorization: Basic bW9uaXRvcjpsb25nIGVub3VnaA==\r\n" in client.request()
        client.send(b"HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n" % (b"200 OK" if right else b"401 Unauthorized"))

    password = {"user": "monitor", "password": "long enough"}
    with served(behave) as port:
        found = probe("access_http", address="127.0.0.1", port=port, path="/metrics", **password)
    assert statuses(found) == {"valid": OK, "no_credentials": OK, "wrong_password": OK}


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({}, "token"),
        ({"token": TOKEN, "user": "a", "password": "long enough"}, "token"),
        ({"password": "long enough"}, "user"),
        ({"token": TOKEN, "path": "status"}, "path"),
        ({"token": TOKEN, "secret_headers": {"authorization": "Bearer of all"}}, "secret_headers"),
        ({"token": TOKEN, "not_applicable": {"valid": "why not"}}, "not_applicable.valid"),
        ({"token": TOKEN, "headers": {"X-Api-Key": "public"}}, "headers.X-Api-Key"),
    ],
)
def test_check_names_the_key(given: dict[str, Any], key: str) -> None:
    assert [name for name, _message in KINDS["access_http"].problems({"port": 1, "path": "/", **given})] == [key]


def test_expected_depends_on_keys_only() -> None:
    expected = KINDS["access_http"].expected
    assert set(expected(dict.fromkeys(TOKENS, "{{ somewhere }}"))) == ASPECTS
    assert set(expected({"user": "a", "password": "{{ b }}"})) == {"valid", "no_credentials", "wrong_password"}
    # As a probe has them: options that were not given are there and empty.
    assert set(expected({"token": TOKEN, "expired_token": None})) == {"valid", "no_credentials", "garbage_token"}
