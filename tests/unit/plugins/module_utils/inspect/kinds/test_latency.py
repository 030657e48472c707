# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A service that is quick, slow, broken, or slow only now and then."""

from __future__ import annotations

import itertools
import time

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, OK, UNKNOWN, WARNING
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.kinds import latency

from tests.support.loopback import Authority, Behaviour, Client, Pair, hang, options, probe, served


def answering(*delays: float, status: str = "200 OK") -> Behaviour:
    """Answer everything, after the next one of some delays."""
    turns = itertools.cycle(delays)

    def behave(client: Client) -> None:
        client.request()
        client.pause(next(turns))
        client.send(f"HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nok".encode())

    return behave


def statuses(port: int, **given: object) -> tuple[str, ...]:
    found = probe("latency", address="127.0.0.1", port=port, path="/", **given)
    return tuple(found[aspect].status for aspect in ("failures", "p50", "p95"))


def test_quick_service() -> None:
    with served(answering(0)) as port:
        found = probe("latency", address="127.0.0.1", port=port, path="/health", samples=25)
    assert {finding.status for finding in found.values()} == {OK}
    assert found["failures"].message == "25 of 25 requests succeeded"
    assert found["p95"].limits.warning == 200 and "95th percentile" in found["p95"].limits.source
    assert found["p95"].message.startswith("95 % of 25 requests took at most ")


def test_service_that_is_slow_now_and_then_is_seen_at_the_95th_percentile_only() -> None:
    with served(answering(*[0.0] * 8, 0.06, 0.06)) as port:
        found = statuses(port, p50_warning_ms=50, p95_warning_ms=50, p95_critical_ms=5000)
    assert found == (OK, OK, WARNING)


def test_service_that_stalls_most_of_the_time_is_not_measured_in_a_gap() -> None:
    """It answers at once during a fifth of the time, in which all samples would fit back to back."""

    def behave(client: Client) -> None:
        client.request()
        phase = time.monotonic() % 0.5
        client.pause(max(0.0, 0.4 - phase))
        client.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    with served(behave) as port:
        found = probe("latency", address="127.0.0.1", port=port, path="/", max_warning_ms=300)
    assert (found["failures"].status, found["p95"].status, found["max"].status) == (OK, WARNING, WARNING)
    assert float(found["max"].value or 0) >= float(found["p95"].value or 0) > 200


def test_slowest_sample_is_judged_which_the_95th_percentile_drops() -> None:
    with served(answering(*[0.0] * 19, 0.5)) as port:
        found = probe("latency", address="127.0.0.1", port=port, path="/", max_warning_ms=400, p95_warning_ms=400)
    assert (found["p95"].status, found["max"].status) == (OK, WARNING)


def test_slow_service_is_judged_by_the_samples_that_there_was_time_for() -> None:
    with served(answering(0.1)) as port:
        began = time.monotonic()
        slow = statuses(port, seconds=0.3, p50_warning_ms=50, p95_warning_ms=50, p95_critical_ms=90)
        assert time.monotonic() - began < 2
        assert slow == (OK, WARNING, CRITICAL)
        # Too few to prove that it is quick.
        assert statuses(port, seconds=0.3) == (OK, UNKNOWN, UNKNOWN)


def test_wrong_answers_are_failures() -> None:
    with served(answering(0, status="503 Service Unavailable")) as port:
        found = probe("latency", address="127.0.0.1", port=port, path="/")
    assert found["failures"].status == CRITICAL and found["failures"].value == 100
    assert found["failures"].message.endswith("0 of 20 requests succeeded; the last failure: HTTP 503, expected 200")
    assert found["p95"].status == UNKNOWN


def test_port_on_which_nothing_listens(closed_port: int) -> None:
    found = probe("latency", address="127.0.0.1", port=closed_port, path="/")
    assert found["failures"].status == CRITICAL and "connection refused" in found["failures"].message


def test_service_that_hangs_takes_no_longer_than_it_may() -> None:
    with served(hang) as port:
        began = time.monotonic()
        assert statuses(port, seconds=0.3, timeout=0.2) == (CRITICAL, UNKNOWN, UNKNOWN)
        assert time.monotonic() - began < 1.5


def test_handshakes(authority: Authority, foreign: Authority, leaf: Pair) -> None:
    with served(lambda _client: None, leaf.server_context()) as port:
        given = {"address": "127.0.0.1", "port": port, "scheme": "https"}
        trusted = probe("latency", ca=str(authority.file), **given)
        assert {finding.status for finding in trusted.values()} == {OK}
        assert trusted["failures"].message == "20 of 20 handshakes succeeded"
        refused = probe("latency", ca=str(foreign.file), **given)["failures"]
        assert refused.status == CRITICAL and "certificate not trusted" in refused.message


@pytest.mark.parametrize(("percent", "value"), [(50, 10.0), (95, 19.0), (100, 20.0), (1, 1.0)])
def test_percentiles_are_samples(percent: int, value: float) -> None:
    assert latency.percentile([float(number) for number in range(20, 0, -1)], percent) == value
    assert latency.percentile([7.0], percent) == 7.0


def test_no_sample_at_all_is_unknown() -> None:
    given = options("latency", port=80, path="/")
    assert latency.judge(95, [], "requests", given).status == UNKNOWN
    assert latency.failures(0, [], "requests", given).message == "0 of 0 requests succeeded"


@pytest.mark.parametrize(
    ("key", "given"),
    [
        ("path", {}),
        ("path", {"path": "health"}),
        ("samples", {"path": "/", "samples": 19}),
        ("samples", {"path": "/", "samples": 0}),
        ("samples", {"path": "/", "samples": 1001}),
        ("headers.A", {"path": "/", "headers": {"A": "b\n"}}),
    ],
)
def test_faults_are_named(key: str, given: dict[str, object]) -> None:
    assert [name for name, _message in latency.KIND.problems({"port": 80, **given})] == [key]
