# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A PostgreSQL server that lets in, refuses, is full, or freezes in the middle."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._clients import postgres
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, OK, UNKNOWN, WARNING, Limits
from ansible_collections.xorb.runbook.plugins.module_utils._inspect import postgres_judge

from tests.support.loopback import Client, hang, probe, served

GIVEN = {"user": "monitor", "database": "shop", "password": "long enough", "sslmode": "disable", "timeout": 0.5}


def message(kind: bytes, body: bytes) -> bytes:
    """A message of PostgreSQL's protocol, version 3."""
    return kind + struct.pack("!I", len(body) + 4) + body


def error(severity: str, text: str, code: str = "XX000") -> bytes:
    fields = {"S": severity, "V": severity, "C": code, "M": text}
    return message(b"E", b"".join(f"{key}{value}\0".encode() for key, value in fields.items()) + b"\0")


READY = message(b"Z", b"I")
LET_IN = (
    message(b"R", struct.pack("!I", 0))
    + message(b"S", b"server_version\x0015.9 (Debian 15.9-1)\0")
    + message(b"S", b"client_encoding\0UTF8\0")
    + message(b"S", b"standard_conforming_strings\0on\0")
    + READY
)


def row(*values: int) -> bytes:
    columns = b"".join(b"c\0" + struct.pack("!IHIhih", 0, 0, 20, 8, -1, 0) for _value in values)
    fields = b"".join(struct.pack("!I", len(str(value))) + str(value).encode() for value in values)
    count = struct.pack("!H", len(values))
    return message(b"T", count + columns) + message(b"D", count + fields) + message(b"C", b"SELECT 1\0") + READY


def server(*replies: bytes, greeting: bytes = LET_IN) -> Callable[[Client], None]:
    """Behave as a server that answers each query and its two settings in turn, and then freezes."""

    def behave(client: Client) -> None:
        client.connection.recv(4096)
        client.send(greeting)
        left = list(replies)
        while query := client.connection.recv(4096):
            if query[5:].startswith(b"SET DATESTYLE"):
                client.send(message(b"C", b"SET\0") + READY)
            elif left:
                client.send(message(b"C", b"SET\0") * 2 + left.pop(0))
            else:
                client.pause()

    return behave


def checked(*replies: bytes, given: dict[str, Any] | None = None, **behaviour: Any) -> dict[str, Any]:
    with served(server(*replies, **behaviour)) as port:
        # The loopback server has one address only; a name has two.
        return probe("postgres", port=port, address="127.0.0.1", **GIVEN, **(given or {}))


def test_healthy_server() -> None:
    found = checked(row(1), row(37, 97))
    assert (found["query"].status, found["query"].message) == (OK, "PostgreSQL 15.9 answers a query")
    assert (found["connections"].status, found["connections"].value) == (OK, 38.1)
    assert found["connections"].message == "37 of 97 connections are in use (38.1 %)"


@pytest.mark.parametrize(
    ("message", "connections"),
    [
        ("the database system is starting up", UNKNOWN),
        ('password authentication failed for user "monitor"', UNKNOWN),
        ("sorry, too many clients already", CRITICAL),
        ("remaining connection slots are reserved for roles with the SUPERUSER attribute", CRITICAL),
        ('too many connections for role "monitor"', CRITICAL),
    ],
)
def test_refusal_has_the_servers_words(message: str, connections: str) -> None:
    found = checked(greeting=error("FATAL", message))
    assert (found["query"].status, found["query"].message) == (CRITICAL, f"no session: {message}")
    assert found["connections"].status == connections


def test_server_that_freezes_after_the_login() -> None:
    found = checked()
    assert found["query"].status == CRITICAL
    assert found["query"].message.startswith("logged in, but no answer to a query: no answer within 0.5 s")
    assert found["connections"].status == UNKNOWN


def test_server_that_freezes_before_the_login() -> None:
    with served(hang) as port:
        found = probe("postgres", port=port, address="127.0.0.1", **GIVEN)
    assert found["query"].message.startswith("no session: no answer within 0.5 s")


def test_server_that_is_down(closed_port: int) -> None:
    found = probe("postgres", port=closed_port, **GIVEN)
    assert (found["query"].status, found["query"].message) == (CRITICAL, "no session: Connection refused")


def test_failing_count_is_unknown() -> None:
    found = checked(row(1), error("ERROR", "permission denied for view pg_stat_activity") + READY)
    assert found["query"].status == OK
    assert found["connections"].status == UNKNOWN
    assert found["connections"].message == "not determined: permission denied for view pg_stat_activity"


@pytest.mark.parametrize(
    ("used", "usable", "status"), [(80, 100, OK), (81, 100, WARNING), (91, 100, CRITICAL), (1, 0, CRITICAL)]
)
def test_connections(used: int, usable: int, status: str) -> None:
    assert postgres_judge.connections_used(used, usable, Limits(80.0, 90.0)).status == status


def test_reason_stands_once() -> None:
    message = (
        'connection to server at "localhost" (::1), port 5432 failed: Connection refused\n'
        "\tIs the server running on that host and accepting TCP/IP connections?\n"
        'connection to server at "localhost" (127.0.0.1), port 5432 failed: FATAL:  role "x" does not exist\n'
        'connection to server at "localhost" (127.0.0.1), port 5432 failed: FATAL:  role "x" does not exist\n'
    )
    assert postgres.reason(Exception(message), 5) == 'Connection refused / role "x" does not exist'
    assert postgres.reason(Exception("could not connect\n\tIs it running?"), 5) == "could not connect"


def parameters(**given: Any) -> dict[str, Any]:
    return postgres.connection_parameters({"address": "h", "port": 1, "user": "u", "database": "d", **given})


def test_parameters_verify_where_there_is_a_ca() -> None:
    assert parameters()["sslmode"] == "prefer"
    assert parameters(ca="/ca.pem")["sslmode"] == "verify-full"
    assert parameters(ca="/ca.pem", sslmode="require")["sslmode"] == "require"
    assert "password" not in parameters()


def test_parameters_name_of_the_certificate_goes_with_each_address(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(0, 0, 0, "", (address, 1)) for address in ("::1", "127.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: found)
    where = parameters(server_name="db")
    assert (where["host"], where["hostaddr"]) == ("db,db", "::1,127.0.0.1")


def test_reason_of_a_polled_connection_to_a_name_with_two_families() -> None:
    message = (
        "Connection refused\n\tIs the server running on that host?\n"
        'connection to server at "localhost" (::1), port 5432 failed: Cannot assign requested address\n\tIs the server'
    )
    assert postgres.reason(Exception(message), 5) == "Connection refused"
    assert postgres.reason(Exception(message.splitlines()[2]), 5) == "Cannot assign requested address"
