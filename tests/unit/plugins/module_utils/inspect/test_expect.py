# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a body must say."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, OK, WARNING
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.expect import (
    Body,
    follow,
    health,
    metrics,
    rule_faults,
)

DOCUMENT = {
    "status": "ready",
    "count": 3,
    "flag": True,
    "nothing": None,
    "list": [{"value": 1.5}],
    "map": {},
}


HEADERS = [("Strict-Transport-Security", "max-age=300; includeSubDomains"), ("Vary", "a"), ("vary", "b")]


def judged(rule: dict[str, Any], text: str = json.dumps(DOCUMENT)) -> tuple[str, str]:
    (verdict,) = follow([rule])(Body(text, HEADERS))
    return verdict.status, verdict.message


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"path": "status", "equals": "ready"}, 'status is "ready"'),
        ({"path": "count", "equals": 3}, "count is 3"),
        ({"path": "count", "equals": 3.0}, "count is 3"),
        ({"path": "count", "in": [1, 3]}, "count is 3"),
        ({"path": "nothing", "in": [None, 1]}, "nothing is null"),
        ({"path": "count", "min": 3, "max": 3}, "count is 3"),
        ({"path": "count", "min": "3"}, "count is 3"),
        ({"path": "list.0.value", "max": 2}, "list.0.value is 1.5"),
        ({"path": "status", "matches": "^rea"}, 'status is "ready"'),
        ({"path": "count", "matches": "^3$"}, "count is 3"),
        ({"path": "nothing", "exists": True}, "nothing is null"),
        ({"path": "error", "exists": False}, "error is absent"),
        ({"matches": '"count": 3'}, 'the body matches "count": 3'),
        ({"header": "vary", "equals": "a, b"}, 'the header vary is "a, b"'),
        ({"header": "X-Powered-By", "exists": False}, "the header X-Powered-By is absent"),
    ],
)
def test_rule_that_holds(rule: dict[str, Any], message: str) -> None:
    assert judged(rule) == (OK, message)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"path": "status", "equals": "ok"}, 'status is "ready", expected "ok"'),
        ({"header": "Vary", "equals": "c"}, 'the header Vary is "a, b", expected "c"'),
        ({"header": "X-Frame-Options", "matches": "DENY"}, "the header X-Frame-Options is missing"),
        (
            {"header": "strict-transport-security", "matches": "preload"},
            'the header strict-transport-security is "max-age=300; includeSubDomains", expected a match of preload',
        ),
        ({"path": "count", "equals": "3"}, 'count is 3, expected "3"'),
        ({"path": "flag", "equals": 1}, "flag is true, expected 1"),
        ({"path": "flag", "min": 1}, "flag is true, expected at least 1"),
        ({"path": "status", "max": 1}, 'status is "ready", expected at most 1'),
        ({"path": "count", "in": ["3", 4]}, 'count is 3, expected one of "3", 4'),
        ({"path": "count", "min": 4, "max": 2}, "count is 3, expected at least 4 and expected at most 2"),
        ({"path": "status", "matches": "^ok"}, 'status is "ready", expected a match of ^ok'),
        ({"path": "list.1.value", "exists": True}, "list.1.value is missing"),
        ({"path": "list.-1", "exists": True}, "list.-1 is missing"),
        ({"path": "list.value", "equals": 1}, "list.value is missing"),
        ({"path": "status.deeper", "equals": 1}, "status.deeper is missing"),
        ({"path": "status", "exists": False}, 'status is "ready", expected to be absent'),
    ],
)
def test_rule_that_is_broken(rule: dict[str, Any], message: str) -> None:
    assert judged(rule) == (CRITICAL, message)
    assert judged({**rule, "else": "warning"}) == (WARNING, message)


@pytest.mark.parametrize("text", ["", "plain", "{", "[" * 100_000])
def test_rule_on_a_body_that_is_not_json(text: str) -> None:
    status, message = judged({"path": "a", "exists": False}, text)
    assert status == CRITICAL and message.startswith("the body is not JSON: ") and len(message) < 120


def test_evidence_is_short_printable_and_one_line() -> None:
    _status, message = judged({"path": "a", "equals": 1}, "x\n\x1b[2J" + "y" * 500)
    assert message == "the body is not JSON: x [2J" + "y" * 75 + "..."


@pytest.mark.parametrize(
    ("rule", "key"),
    [
        ({"path": "a"}, "path"),
        ({"header": "a", "path": "a", "equals": 1}, "header"),
        ({"header": "Server:", "exists": False}, "header"),
        ({"header": "", "matches": "a"}, "header"),
        ({"header": "Set-Cookie", "matches": "HttpOnly"}, "header"),
        ({"header": "Retry-After", "max": 1}, "max"),
        ({}, "matches"),
        ({"min": 1}, "path"),
        ({"path": "a", "matches": "["}, "matches"),
    ],
)
def test_rule_faults(rule: dict[str, Any], key: str) -> None:
    assert [found for found, _message in rule_faults(rule)] == [key]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"status": "healthy"}, OK),
        ({"status": "OK"}, OK),
        ({"status": "ready"}, OK),
        ({"status": "pass"}, OK),
        ({"status": "UP"}, OK),
        ({"status": "degraded"}, WARNING),
        ({"status": "warn"}, WARNING),
        ({"status": "unhealthy"}, CRITICAL),
        ({"status": "not_ready"}, CRITICAL),
        ({"status": ""}, CRITICAL),
        ({"status": True}, CRITICAL),
        ({"status": ["ok"]}, CRITICAL),
        ({}, CRITICAL),
        ("ok", CRITICAL),
        ([{"status": "ready"}, 200], CRITICAL),
        (None, CRITICAL),
    ],
)
def test_health_without_rules(body: object, status: str) -> None:
    assert [verdict.status for verdict in health(Body(json.dumps(body)))] == [status]


@pytest.mark.parametrize(
    "text",
    [
        "up 1",
        "# HELP up Up.\n# TYPE up gauge\nup 1\n",
        'http_requests_total{method="GET",path="/a/{id}"} 1.5e+06 1700000000123',
        'quoted{text="a \\"b\\", c"} NaN',
        'le_bucket{le="+Inf",} +Inf',
        'traced_bucket{le="1"} 3 # {trace_id="abc"} 0.7 1700000000.1\n# EOF',
        '{"active_connections": 3}',
    ],
)
def test_metrics_without_rules(text: str) -> None:
    assert [verdict.status for verdict in metrics(Body(text))] == [OK]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no sample in the body: (empty)"),
        ("# HELP up Up.\n", "no sample in the body: # HELP up Up."),
        ("<html>up 1</html>", "not Prometheus text: <html>up 1</html>"),
        ("up 1\nInternal Server Error", "not Prometheus text: Internal Server Error"),
        ("up", "not Prometheus text: up"),
        ("{}", "the body is not a JSON object with metrics: {}"),
        ("[1]", "the body is not a JSON object with metrics: [1]"),
    ],
)
def test_metrics_that_are_none(text: str, message: str) -> None:
    assert [(verdict.status, verdict.message) for verdict in metrics(Body(text))] == [(CRITICAL, message)]
