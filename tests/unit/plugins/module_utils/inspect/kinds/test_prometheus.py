# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A Prometheus that is well, half blind, without rules, behind a login, or something else altogether."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._clients.prometheus import parse_time
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, OK, UNKNOWN, WARNING, Finding
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.kinds import prometheus

from tests.support.loopback import Authority, Behaviour, Client, Pair, hang, options, probe, served

NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)


def recently() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "123Z")


def vector(*elements: tuple[dict[str, str], str]) -> dict[str, Any]:
    result = [{"metric": labels, "value": [1795463476.007, value]} for labels, value in elements]
    return {"resultType": "vector", "result": result}


def target(job: str, health: str = "up", error: str = "") -> dict[str, Any]:
    return {"labels": {"job": job, "instance": f"{job}:9100"}, "health": health, "lastError": error}


def rule(name: str, health: str = "ok", **more: Any) -> dict[str, Any]:
    return {"name": name, "health": health, "type": "alerting", **more}


def group(*rules: dict[str, Any], name: str = "xorb", last: str | None = None) -> dict[str, Any]:
    return {"name": name, "interval": 5, "lastEvaluation": last or recently(), "rules": list(rules)}


def alert(name: str, severity: str, state: str = "firing") -> dict[str, Any]:
    return rule(name, alerts=[{"labels": {"alertname": name, "severity": severity}, "state": state}])


QUERIES: dict[str, Any] = {
    "up": vector(({"job": "api"}, "1"), ({"job": "node"}, "0")),
    "slow": vector(({}, "0.25")),
    "nothing": vector(),
    "nan": vector(({"job": "api"}, "NaN"), ({"job": "node"}, "3")),
    "infinite": vector(({}, "+Inf")),
    "one": {"resultType": "scalar", "result": [1795463476.007, "1"]},
    "matrix": {"resultType": "matrix", "result": []},
    "histogram": {"resultType": "vector", "result": [{"metric": {}, "histogram": [1, {}]}]},
}


def api(
    targets: list[dict[str, Any]] | None = None, groups: list[dict[str, Any]] | None = None, prefix: str = ""
) -> Behaviour:
    """Behave as Prometheus does."""

    def answer(path: str, arguments: dict[str, list[str]]) -> tuple[str, dict[str, Any]]:
        if path == f"{prefix}/api/v1/targets":
            return "200 OK", {"status": "success", "data": {"activeTargets": targets or [target("api")]}}
        if path == f"{prefix}/api/v1/rules":
            found = [group(rule("Down"))] if groups is None else groups
            return "200 OK", {"status": "success", "data": {"groups": found}}
        if path != f"{prefix}/api/v1/query":
            return "404 Not Found", {}
        (query,) = arguments["query"]
        if query == "warned":
            return "200 OK", {"status": "success", "data": QUERIES["slow"], "warnings": ["a store did not answer"]}
        if query not in QUERIES:
            return "400 Bad Request", {"status": "error", "errorType": "bad_data", "error": f"no such thing: {query}"}
        return "200 OK", {"status": "success", "data": QUERIES[query]}

    def behave(client: Client) -> None:
        requested = urlsplit(client.request().split()[1].decode())
        status, body = answer(requested.path, parse_qs(requested.query))
        text = json.dumps(body)
        client.send(f"HTTP/1.1 {status}\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode())

    return behave


def checked(behaviour: Behaviour, **given: Any) -> dict[str, Finding]:
    with served(behaviour) as port:
        return probe("prometheus", address="127.0.0.1", port=port, **given)


def test_server_that_is_well() -> None:
    found = checked(api(), queries={"slow": {"query": "slow", "warning": 0.5, "unit": "s"}, "scalar": "one"})
    assert {aspect: finding.status for aspect, finding in found.items()} == dict.fromkeys(
        ("targets", "rules", "alerts", "slow", "scalar"), OK
    )
    assert found["targets"].message == "1 of 1 targets up"
    assert found["rules"].message == "1 rules in 1 groups"
    assert (found["slow"].value, found["slow"].unit, found["slow"].limits.warning) == (0.25, "s", 0.5)


@pytest.mark.parametrize(
    ("query", "status", "message"),
    [
        ({"query": "slow", "warning": 0.2}, WARNING, "the value is 0.25 (1 in the result)"),
        ({"query": "slow", "warning": 0.1, "critical": 0.2}, CRITICAL, "the value is 0.25"),
        ({"query": "up", "critical": 1, "falling": True}, CRITICAL, "{job=node} is 0 (2 in the result)"),
        ("nothing", UNKNOWN, "no data: the result of nothing is empty"),
        ({"query": "nothing", "critical": 5}, UNKNOWN, "no data"),
        ("nan", UNKNOWN, "{job=api} is nan, which is no number to judge"),
        ({"query": "nan", "critical": 2}, CRITICAL, "{job=node} is 3, {job=api} is nan"),
        ("infinite", UNKNOWN, "is inf, which is no number to judge"),
        ("matrix", UNKNOWN, "the query gives a matrix, expected an instant vector"),
        ("histogram", UNKNOWN, "the query gives something without a value"),
        ("up(", UNKNOWN, "not determined: bad_data: no such thing: up("),
        ("warned", WARNING, "Prometheus warns: a store did not answer"),
    ],
)
def test_queries(query: object, status: str, message: str) -> None:
    found = checked(api(), queries={"it": query})["it"]
    assert found.status == status and message in found.message, found.message


def test_targets_that_are_down_are_named() -> None:
    down = target("node", "down", 'Get "http://u:p@node:9100/metrics": connection refused')
    found = checked(api([target("api"), down, target("new", "unknown")]))["targets"]
    assert (found.status, found.value) == (CRITICAL, 1)
    assert found.message == (
        "1 of 3 targets up; down: node at node:9100: connection refused; not scraped yet: new at new:9100"
    )


def test_targets_that_may_be_down() -> None:
    found = checked(api([target("api"), target("postgres_exporter", "down")]), ignore_jobs=["*_exporter"])["targets"]
    assert (found.status, found.message) == (OK, "1 of 2 targets up, 1 of jobs that may be down")
    tolerated = checked(api([target("api"), target("node", "down")]), targets_critical=1)["targets"]
    assert tolerated.status == WARNING


def test_server_without_targets_sees_nothing() -> None:
    assert prometheus.targets([], options("prometheus")).status == CRITICAL


def judged(*groups: dict[str, Any], **given: Any) -> tuple[str, str]:
    found = prometheus.rules(list(groups), options("prometheus", **given), NOW)
    return found.status, found.message


def test_rules() -> None:
    fresh, stale = ((NOW - age).isoformat() for age in (timedelta(seconds=9), timedelta(minutes=3)))
    assert judged() == (WARNING, "no rules are loaded, so nothing would ever alert")
    assert judged(group(last=fresh)) == (WARNING, "no rules are loaded, so nothing would ever alert")
    assert judged(group(rule("A"), last=fresh)) == (OK, "1 rules in 1 groups")
    assert judged(group(rule("A"), last=stale)) == (CRITICAL, "1 rules in 1 groups; late: xorb")
    assert judged(group(rule("A", "unknown"), last="0001-01-01T00:00:00Z"))[0] == WARNING
    broken = judged(group(rule("A", "err", lastError="many-to-many"), last=fresh))
    assert broken == (CRITICAL, "1 rules in 1 groups; failing: A is err: many-to-many")
    assert judged(group(rule("A"), last=fresh), rule_groups=["xorb", "slo"]) == (CRITICAL, "not loaded: slo")
    assert judged(rule_groups=["xorb"]) == (CRITICAL, "not loaded: xorb")


def test_alerts_that_fire() -> None:
    given = options("prometheus", ignore_alerts=["Known*"])
    quiet = group(alert("Watchdog", "none"), alert("Soon", "critical", "pending"), alert("KnownBug", "critical"))
    assert prometheus.alerts([quiet], given).status == OK
    warned = prometheus.alerts([quiet, group(alert("Slow", "warning"))], given)
    assert (warned.status, warned.message) == (WARNING, "1 firing: Slow (warning)")
    assert prometheus.alerts([group(alert("Down", "critical"))], given).status == CRITICAL


def test_server_that_is_not_there_is_tried_once(closed_port: int) -> None:
    found = probe("prometheus", address="127.0.0.1", port=closed_port, queries={"up": "up"})
    assert found["targets"].status == CRITICAL and "connection refused" in found["targets"].message
    assert {found[aspect].status for aspect in ("rules", "alerts", "up")} == {UNKNOWN}


def test_server_that_hangs_is_tried_once() -> None:
    assert (
        checked(hang, timeout=0.2, queries={"up": "up"})["up"].message == "not determined: Prometheus does not answer"
    )


def plain(status: str, text: str) -> Behaviour:
    def behave(client: Client) -> None:
        client.request()
        client.send(f"HTTP/1.1 {status}\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode())

    return behave


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        (plain("401 Unauthorized", "Unauthorized"), "HTTP 401, expected 200: Unauthorized"),
        (plain("200 OK", "<html>Grafana</html>"), "this is not the API of Prometheus: <html>"),
        (plain("200 OK", '{"status": "success"}'), "this is not the API of Prometheus"),
        (plain("200 OK", '{"status": "success", "data": []}'), "the answer has no list of activeTargets"),
        (plain("503 Service Unavailable", "Service Unavailable"), "HTTP 503, expected 200"),
    ],
)
def test_something_else_answers(behaviour: Behaviour, message: str) -> None:
    found = checked(behaviour, queries={"up": "up"})
    assert found["targets"].status == found["rules"].status == CRITICAL
    assert message in found["targets"].message
    assert found["up"].status == UNKNOWN


def test_behind_tls_and_a_prefix(authority: Authority, leaf: Pair) -> None:
    with served(api(prefix="/prometheus"), leaf.server_context()) as port:
        given = {"address": "127.0.0.1", "port": port, "scheme": "https", "prefix": "/prometheus/"}
        assert probe("prometheus", ca=str(authority.file), **given)["targets"].status == OK
        assert "certificate not trusted" in probe("prometheus", **given)["targets"].message


@pytest.mark.parametrize(
    ("key", "given"),
    [
        ("queries.rules", {"rules": "up"}),
        ("queries.a.b", {"a.b": "up"}),
        ("queries.a", {"a": ["up"]}),
        ("queries.a.query", {"a": {"warning": 1}}),
        ("queries.a.warning", {"a": {"query": "up", "warning": "much"}}),
        ("queries.a.equals", {"a": {"query": "up", "equals": 1}}),
    ],
)
def test_faults_are_named(key: str, given: dict[str, object]) -> None:
    assert [name for name, _message in prometheus.KIND.problems({"queries": given})] == [key]
    assert [name for name, _message in prometheus.KIND.problems({"prefix": "p"})] == ["prefix"]


def test_expected_depends_on_names_only() -> None:
    expected = prometheus.KIND.expected({"queries": {"up": "{{ unresolved }}"}})
    assert expected == ("targets", "rules", "alerts", "up")


def test_times_of_the_api() -> None:
    assert parse_time("2026-11-23T20:00:00.330079312Z") == parse_time("2026-11-23T21:00:00+01:00") == NOW
    assert parse_time("0001-01-01T00:00:00Z") is None
    assert parse_time("never") is None


@pytest.mark.parametrize("severity", ["critical", "Critical", "CRITICAL", " critical "])
def test_severity_is_the_same_however_it_is_written(severity: str) -> None:
    given = options("prometheus")
    assert prometheus.alerts([group(alert("OnFire", severity))], given).status == CRITICAL
    assert prometheus.alerts([group(alert("Watchdog", "None"))], given).status == OK


def test_answer_that_is_too_large_for_us_is_not_the_servers_fault_and_costs_itself() -> None:
    """Six megabytes of targets are read; with a smaller limit, nothing is known of them, and of nothing else."""

    def behave(client: Client) -> None:
        path = client.request().split(b" ")[1].decode()
        data: Any = vector(({}, "1"))
        if "/targets" in path:
            data = {"activeTargets": [{**target("node"), "discoveredLabels": {"a": "b" * 600}}] * 10000}
        elif "/rules" in path:
            data = {"groups": [group(rule("a"))]}
        body = json.dumps({"status": "success", "data": data}).encode()
        client.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    with served(behave) as port:
        given = {"address": "127.0.0.1", "port": port, "queries": {"up": "up"}, "timeout": 60.0}
        assert {finding.status for finding in probe("prometheus", **given).values()} == {OK}
        found = probe("prometheus", **given, max_body_bytes=1048576)
    assert (found.pop("targets").status, {finding.status for finding in found.values()}) == (UNKNOWN, {OK})
