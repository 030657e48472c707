# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A web service that answers well, wrongly, half, slowly, or not at all."""

from __future__ import annotations

import json
import socket
import time
from email.utils import formatdate
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._clients.http import Answer, headers
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, OK, UNKNOWN, WARNING, Limits
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.kinds import http

from tests.support.loopback import Authority, Behaviour, Client, Pair, hang, probe, served


def answer(body: object, *, status: str = "200 OK", headers: str = "", length: int | None = None) -> Behaviour:
    """Behave as a server that answers this to everything."""
    text = body if isinstance(body, str) else json.dumps(body)
    size = len(text.encode()) if length is None else length

    def behave(client: Client) -> None:
        client.request()
        client.send(f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\n{headers}\r\n{text}".encode())

    return behave


def raw(data: bytes) -> Behaviour:
    """Behave as a server that sends these bytes and hangs up."""

    def behave(client: Client) -> None:
        client.request()
        client.send(data)

    return behave


def drip(client: Client) -> None:
    """Send a byte now and then, never slower than a time-out for one wait, and never come to an end."""
    client.request()
    client.send(b"HTTP/1.1 200 OK\r\nX-Patience: ")
    while not client.pause(0.1):
        client.send(b"a")


HEALTHY = {"status": "healthy"}
ANY = Limits()


@pytest.mark.parametrize(
    ("hours", "age", "status", "message"),
    [
        (0, 0, OK, ""),
        (-24, 0, CRITICAL, "s behind this host's"),
        (0.05, 0, WARNING, "s ahead of this host's"),
        (-24, 24, OK, ""),  # kept by a cache since yesterday
    ],
)
def test_clock_of_the_service(hours: float, age: int, status: str, message: str) -> None:
    sent = f"Date: {formatdate(time.time() + hours * 3600, usegmt=True)}\r\nAge: {age * 3600}\r\n"
    with served(answer(HEALTHY, headers=sent)) as port:
        found = probe("http", port=port, health="/")["health"]
    assert (found.status, message in found.message) == (status, True)


@pytest.mark.parametrize("headers", ["", "Date: yesterday\r\n", "Date: Mon, 99 Foo 2026 99:99:99 GMT\r\n"])
def test_clock_that_is_not_sent_is_not_judged(headers: str) -> None:
    with served(answer(HEALTHY, headers=headers)) as port:
        assert probe("http", port=port, health="/")["health"].status == OK


ANSWERS = {
    "healthy": (answer(HEALTHY), OK, "HTTP 200 in", 'status is "healthy"'),
    "degraded": (answer({"status": "Degraded"}), WARNING, 'status is "Degraded"', "HTTP 200"),
    "unhealthy with 200": (answer({"status": "unhealthy"}), CRITICAL, 'status is "unhealthy"', "HTTP 200"),
    "503": (
        answer({"status": "not_ready"}, status="503 Service Unavailable"),
        CRITICAL,
        "HTTP 503, expected 200",
        'status is "not_ready"',
    ),
    "array": (answer([{"status": "ready"}, 503]), CRITICAL, "the body is not a JSON object: [{", "503]"),
    "text": (answer("<html>\n<b>Welcome</b>"), CRITICAL, "the body is not JSON: <html> <b>Welcome</b>", "200"),
    "empty": (answer(""), CRITICAL, "the body is not JSON: (empty)", "200"),
    "redirect": (
        answer("", status="302 Found", headers="Location: https://u:p@login.example/in?next=secret\r\n"),
        CRITICAL,
        "HTTP 302 redirects to /in, expected 200",
        "",
    ),
    "invalid host": (
        answer("Invalid host header", status="400 Bad Request"),
        CRITICAL,
        "HTTP 400, expected 200: Invalid host header",
        "set host_header",
    ),
    "not found": (answer({"detail": "Not Found"}, status="404 Not Found"), CRITICAL, "HTTP 404", "Not Found"),
    "truncated": (
        answer(HEALTHY, length=100),
        CRITICAL,
        "the answer is truncated: 21 bytes of the body arrived, 79 are missing",
        "",
    ),
    "broken chunks": (
        raw(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n15\r\n{"status":'),
        CRITICAL,
        "the answer is truncated",
        "",
    ),
    "good chunks": (
        raw(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n15\r\n{"status": "healthy"}\r\n0\r\n\r\n'),
        OK,
        "HTTP 200",
        "",
    ),
    "no length": (raw(b'HTTP/1.0 200 OK\r\n\r\n{"status": "up"}'), OK, 'status is "up"', ""),
    "not HTTP": (raw(b"SSH-2.0-OpenSSH_9.2\r\n"), CRITICAL, "the answer is not HTTP: SSH-2.0-OpenSSH_9.2", ""),
    "hang-up": (raw(b""), CRITICAL, "the other end closed the connection without an answer", ""),
    "too large": (answer("x" * 3000), UNKNOWN, "the body is larger than the 2.0 KiB that are read", ""),
    "too large and wrong": (answer("x" * 3000, status="503 No"), CRITICAL, "HTTP 503, expected 200", ""),
    "interim answers": (
        raw(
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
            b'HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n{"status": "healthy"}'
        ),
        OK,
        'status is "healthy"',
        "HTTP 200",
    ),
    "drip": (drip, CRITICAL, "connected, but no complete answer within 0.4 s", ""),
    "hang": (hang, CRITICAL, "connected, but no complete answer within 0.4 s", ""),
    "control characters": (answer("\x1b[31mred\x07"), CRITICAL, "the body is not JSON: [31mred (", ""),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_health_is_judged_by_the_answer(case: str) -> None:
    behave, status, message, also = ANSWERS[case]
    began = time.monotonic()
    with served(behave) as port:
        found = probe("http", port=port, health="/health", timeout=0.4, max_body_bytes=2048)["health"]
    assert (found.status, time.monotonic() - began < 2) == (status, True), found.message
    assert message in found.message and also in found.message, found.message
    assert "secret" not in found.message and "\n" not in found.message


def test_refused_connection_is_critical(closed_port: int) -> None:
    found = probe("http", port=closed_port, health="/")["health"]
    assert found.status == CRITICAL
    assert found.message == f"no connection to port {closed_port}: connection refused (nothing listens there)"


def test_request_carries_the_headers() -> None:
    seen: list[bytes] = []

    def behave(client: Client) -> None:
        seen.append(client.request())
        client.send(b"HTTP/1.1 204 No Content\r\n\r\n")

    with served(behave) as port:
        found = probe(
            "http",
            port=port,
            host_header="api.example.com",
            headers={"X-One": 1},
            secret_headers={"authorization": "Bearer 0123456789"},
            paths={"page": {"path": "/a?b=c", "status": [204]}},
        )
    assert found["page"].status == OK
    head, *lines = seen[0].decode().split("\r\n")
    assert head == "GET /a?b=c HTTP/1.1"
    assert {"Host: api.example.com", "Accept: application/json", "X-One: 1", "Connection: close"} <= set(lines)
    assert "authorization: Bearer 0123456789" in lines


def test_own_accept_replaces_the_default() -> None:
    given = {"headers": {"accept": "text/plain"}}
    assert headers(given) == {"accept": "text/plain", "User-Agent": "xorb-runbook"}


@pytest.mark.parametrize(
    ("rules", "status", "message"),
    [
        ([{"path": "checks.database.status", "equals": "ok"}], OK, 'checks.database.status is "ok"'),
        ([{"path": "checks.redis.status", "equals": "ok", "else": "warning"}], WARNING, 'is "error", expected "ok"'),
        ([{"path": "data.0.value", "max": 5}], CRITICAL, "data.0.value is 7, expected at most 5"),
        ([{"path": "data.1.value", "exists": True}], CRITICAL, "data.1.value is missing"),
        ([{"matches": "nothing of this"}], CRITICAL, "the body has no match of nothing of this"),
    ],
)
def test_rules_judge_the_body(rules: list[dict[str, Any]], status: str, message: str) -> None:
    body = {"checks": {"database": {"status": "ok"}, "redis": {"status": "error"}}, "data": [{"value": 7}]}
    with served(answer(body)) as port:
        found = probe("http", port=port, paths={"page": {"path": "/", "expect": rules}})["page"]
    assert found.status == status and message in found.message


def test_rules_on_a_body_that_is_not_json_complain_once() -> None:
    rules = [{"path": "a", "equals": 1}, {"path": "b", "equals": 2}]
    with served(answer("plain")) as port:
        found = probe("http", port=port, paths={"page": {"path": "/", "expect": rules}})["page"]
    assert found.message.startswith("the body is not JSON: plain (HTTP 200")


def test_metrics_may_be_text_or_json() -> None:
    for body in ('# HELP up Up.\nup{path="/a/{id}",x="\\""} 1 1700000000\n', {"up": 1}):
        with served(answer(body)) as port:
            assert probe("http", port=port, metrics="/metrics")["metrics"].status == OK


def test_slow_answer_is_judged_by_its_limits() -> None:
    page = http.Page.from_options("health", "/")
    latency = Limits(1000, 3000, "ours")
    for milliseconds, status in ((1000.0, OK), (1001.0, WARNING), (3001.0, CRITICAL)):
        found = http.judge(page, Answer(200, '{"status": "ok"}', "", milliseconds), latency, ANY)
        assert (found.status, found.value, found.limits) == (status, milliseconds, latency)
    assert found.message.startswith("slow: HTTP 200 in 3001 ms")


def test_slow_answer_does_not_hide_a_bad_body() -> None:
    found = http.judge(http.Page.from_options("health", "/"), Answer(200, "{}", "", 1500.0), Limits(1000, 3000), ANY)
    assert found.status == CRITICAL and found.message.startswith("status is missing")


def test_https_is_verified(authority: Authority, foreign: Authority, leaf: Pair) -> None:
    with served(answer(HEALTHY), leaf.server_context()) as port:
        given: dict[str, Any] = {"port": port, "scheme": "https", "health": "/"}
        assert probe("http", **given, ca=str(authority.file))["health"].status == OK
        assert probe("http", **given, verify=False)["health"].status == OK
        stranger = probe("http", **given, ca=str(foreign.file))["health"]
        misnamed = probe("http", **given, ca=str(authority.file), server_name="api.example.com")["health"]
    assert stranger.status == CRITICAL
    assert stranger.message == "certificate not trusted: unable to get local issuer certificate"
    assert misnamed.status == CRITICAL and "not valid for 'api.example.com'" in misnamed.message


def test_https_to_a_port_without_tls_is_critical() -> None:
    with served(raw(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port:
        found = probe("http", port=port, scheme="https", health="/", timeout=1)["health"]
    assert found.status == CRITICAL and "TLS" in found.message


def test_unusable_ca_file_is_the_observers_fault() -> None:
    with pytest.raises(RunbookError, match=r"ca: /nowhere\.pem cannot be used: No such file"):
        probe("http", port=1, scheme="https", ca="/nowhere.pem", health="/")


def faults(**given: Any) -> dict[str, str]:
    return dict(http.KIND.problems({"port": 80, **given}))


@pytest.mark.parametrize(
    ("given", "key", "message"),
    [
        ({}, "health", "missing; give health"),
        (
            {"paths": {"queue": {"path": "/q", "expect": [{"path": "a", "equls": 1}]}}},
            "paths.queue.expect[0].equls",
            "unknown key; did you mean 'equals'?",
        ),
        ({"paths": {"queue": {"path": "/q", "expect": [{"path": "a"}]}}}, "paths.queue.expect[0].path", "needs one of"),
        (
            {"paths": {"queue": {"path": "/q", "expect": [{"equals": 1}]}}},
            "paths.queue.expect[0].path",
            "only 'matches'",
        ),
        ({"health": {"path": "/h", "expect": [{"matches": "("}]}}, "health.expect[0].matches", "not a regular"),
        ({"health": {"path": "/h", "expect": []}}, "health.expect", "would accept every body"),
        ({"health": {"pth": "/h"}}, "health.pth", "did you mean 'path'?"),
        ({"health": {"path": "/h", "status": ["okay"]}}, "health.status[0]", "expected a whole number"),
        ({"health": "h"}, "health", "begins with a slash"),
        ({"health": "http://u:p@h/"}, "health", "begins with a slash"),
        ({"health": "/a b"}, "health", "no blanks"),
        ({"health": 7}, "health", "expected a path, or a map"),
        ({"paths": {"health": "/h"}}, "paths.health", "write it as health"),
        ({"paths": {"a.b": "/h"}}, "paths.a.b", "letters, digits"),
        ({"health": "/h", "headers": {"a b": "c"}}, "headers.a b", "cannot be sent"),
    ],
)
def test_check_names_the_key(given: dict[str, Any], key: str, message: str) -> None:
    assert message in faults(**given)[key]


def test_check_does_not_repeat_a_secret() -> None:
    ((key, message),) = faults(health="/", secret_headers={"Token": "0123456789\n"}).items()
    assert key == "secret_headers.Token" and "0123" not in message


def test_expected_needs_keys_only() -> None:
    given = {"port": "{{ p }}", "health": "{{ h }}", "metrics": None, "paths": {"queue": "{{ q }}"}}
    assert http.KIND.expected(given) == ("health", "queue")
    assert http.KIND.expected({"port": 1, "paths": "{{ all }}"}) == ()


def test_split_gives_each_path_a_probe_of_its_own() -> None:
    parts = http.split({"port": 1, "health": "/h", "paths": {"a": "/a", "b": "/b"}})
    assert parts == [{"port": 1, "health": "/h"}, {"port": 1, "paths": {"a": "/a"}}, {"port": 1, "paths": {"b": "/b"}}]
    assert [http.KIND.expected(part) for part in parts] == [("health",), ("a",), ("b",)]
    assert len({http.KIND.target(part) for part in parts}) == 1


@pytest.mark.parametrize("name", ["Authorization", "cookie", "X-API-Key"])
def test_header_that_carries_a_secret_is_refused_in_public(name: str) -> None:
    given = {"port": 80, "health": "/h", "headers": {name: "Bearer 0123456789"}}
    assert [key for key, _message in http.KIND.problems(given)] == [f"headers.{name}"]


def test_zone_of_an_address_is_connected_to_and_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """The interface belongs to the address for the kernel, and to nothing that is sent."""
    requests: list[bytes] = []

    def behave(client: Client) -> None:
        requests.append(client.request())
        client.send(b"HTTP/1.1 204 No Content\r\n\r\n")

    connected: list[Any] = []
    connect = socket.socket.connect

    def note(own: socket.socket, where: tuple[Any, ...]) -> None:
        connected.append(where)
        connect(own, where[:2])

    monkeypatch.setattr(socket.socket, "connect", note)
    with served(behave) as port:
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port, 0, 7))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_words, **_options: found)
        page = {"root": {"path": "/", "status": [204]}}
        assert probe("http", address="fe80::1%eth0", port=port, paths=page)["root"].status == OK
    assert connected == [("127.0.0.1", port, 0, 7)]
    assert f"Host: [fe80::1]:{port}\r\n".encode() in requests[0]
