# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kind ``latency``: many requests or TLS handshakes after one another, judged by percentiles and the slowest."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Callable

from ..._clients import tls
from ..._clients.http import HTTP_OPTIONS, Client, fault_of_status, header_faults, path_faults
from ..._clients.network import Deadline, Unreachable
from ..._core.about import DEPENDENCY, PROCESS, SLOW, Fault
from ..._core.checks import OK, UNKNOWN, Finding, Limits
from ..._core.options import HTTP_STATUS, NOT_NEGATIVE, PERCENT, POSITIVE, Given, Option, Options, Range, limits
from ..._core.shared_options import port
from ..kind import Kind

#: With fewer samples, the 95th percentile is nothing but the slowest one. More than the most are no sample any more.
FEWEST, MOST = 20, 1000

KPI = "the runbook (response time < 200 ms at the 95th percentile)"

OPTIONS: Options = {
    **HTTP_OPTIONS,
    "port": port(required=True),
    "path": Option("str", "Path to request. Without it, the TLS handshake is measured, which needs scheme https."),
    "status": Option(
        "list", "Status codes that are right.", elements="int", default=[200], within=HTTP_STATUS, filled=True
    ),
    "spread": Option(
        "float",
        "Seconds that the samples are spread over at least: back to back, all of them would fit between two stalls.",
        default=1.0,
        within=NOT_NEGATIVE,
    ),
    "samples": Option("int", "How many to make.", default=FEWEST, within=Range(FEWEST, MOST)),
    "seconds": Option(
        "float", "Seconds after which no further one is begun.", default=10.0, within=POSITIVE, lasting=True
    ),
    "failed_warning": Option(
        "float", "Warn above this percentage of failures.", default=0.0, source="ours", within=PERCENT
    ),
    "failed_critical": Option(
        "float", "Fail above this percentage of failures.", default=5.0, source="ours", within=PERCENT
    ),
    "p50_warning_ms": Option(
        "float", "Warn when half of them take longer.", default=200.0, source=KPI, within=NOT_NEGATIVE
    ),
    "p50_critical_ms": Option(
        "float", "Fail when half of them take longer.", default=1000.0, source="ours", within=NOT_NEGATIVE
    ),
    "p95_warning_ms": Option(
        "float", "Warn when one in twenty takes longer.", default=200.0, source=KPI, within=NOT_NEGATIVE
    ),
    "p95_critical_ms": Option(
        "float", "Fail when one in twenty takes longer.", default=1000.0, source="ours", within=NOT_NEGATIVE
    ),
    "max_warning_ms": Option(
        "float", "Warn when the slowest of them takes longer.", default=1000.0, source="ours", within=NOT_NEGATIVE
    ),
    "max_critical_ms": Option(
        "float", "Fail when the slowest of them takes longer.", default=3000.0, source="ours", within=NOT_NEGATIVE
    ),
}

PERCENTILES = (50, 95)

#: Does it once and returns the milliseconds that it took; raises `Unreachable` where it failed.
Attempt = Callable[[], float]


def check(given: Given) -> Iterator[tuple[str, str]]:
    """Yield what cannot be measured."""
    if given.get("path") is not None:
        yield from path_faults("path", str(given["path"]))
    elif given.get("scheme") != "https":
        yield "path", "missing; only scheme https has something to measure without one"
    yield from header_faults(given)


def run(given: Given) -> Iterator[Finding]:
    """Make the samples one after another: more at once would be a load test."""
    attempt = _request(given) if given.get("path") else _handshake(given)
    what = "requests" if given.get("path") else "handshakes"
    began = time.monotonic()
    times: list[float] = []
    failed: list[Unreachable] = []
    while len(times) + len(failed) < given["samples"] and time.monotonic() < began + given["seconds"]:
        due = began + given["spread"] * (len(times) + len(failed)) / max(given["samples"] - 1, 1)
        time.sleep(max(0.0, due - time.monotonic()))
        try:
            times.append(attempt())
        except Unreachable as exc:
            failed.append(exc)
    yield failures(len(times), failed, what, given)
    for percent in PERCENTILES:
        yield judge(percent, times, what, given)
    yield slowest(times, what, given)


def _request(given: Given) -> Attempt:
    client = Client(given)

    def request() -> float:
        answer = client.get(given["path"])
        if answer.status not in given["status"]:
            expected = " or ".join(str(status) for status in given["status"])
            raise Unreachable(f"HTTP {answer.status}, expected {expected}", fault=fault_of_status(answer.status))
        return answer.milliseconds

    return request


def _handshake(given: Given) -> Attempt:
    context = tls.context(given, verify=given["verify"])

    def handshake() -> float:
        began = time.monotonic()
        tls.open_connection(given, context, Deadline(given["timeout"])).close()
        return (time.monotonic() - began) * 1000

    return handshake


def failures(good: int, failed: list[Unreachable], what: str, given: Given) -> Finding:
    """Judge how many of the samples failed, whatever time that took."""
    total = good + len(failed)
    percent = round(100 * len(failed) / total, 1) if total else 0.0
    message = f"{good} of {total} {what} succeeded"
    if failed:
        message += f"; the last failure: {failed[-1]}"
    limit = limits(OPTIONS, given, "failed_")
    met = failed[-1].fault if failed else None
    return Finding.measured("failures", message, value=percent, unit="%", limits=limit, faults=(met,) if met else ())


def judge(percent: int, times: list[float], what: str, given: Given) -> Finding:
    """Judge a percentile. Too few samples can prove that a service is slow, never that it is quick."""
    aspect = f"p{percent}"
    limit: Limits = limits(OPTIONS, given, f"{aspect}_", suffix="_ms")
    if not times:
        return Finding(aspect, UNKNOWN, "not determined: none succeeded", unit="ms", limits=limit)
    value = round(percentile(times, percent), 1)
    spread = f"{min(times):.1f} to {max(times):.1f} ms"
    finding = Finding.measured(
        aspect,
        f"{percent} % of {len(times)} {what} took at most {value:g} ms (all {spread})",
        value=value,
        unit="ms",
        limits=limit,
        faults=(Fault(SLOW),),
    )
    if len(times) < FEWEST and finding.status == OK:
        message = f"not determined: only {len(times)} {what} succeeded within {given['seconds']:g} s ({spread})"
        return Finding(aspect, UNKNOWN, message, value=value, unit="ms", limits=limit)
    return finding


def slowest(times: list[float], what: str, given: Given) -> Finding:
    """Judge the slowest sample, which no percentile of so few of them sees."""
    limit = limits(OPTIONS, given, "max_", suffix="_ms")
    if not times:
        return Finding("max", UNKNOWN, "not determined: none succeeded", unit="ms", limits=limit)
    value = round(max(times), 1)
    message = f"the slowest of {len(times)} {what} took {value:g} ms"
    return Finding.measured("max", message, value=value, unit="ms", limits=limit, faults=(Fault(SLOW),))


def percentile(times: list[float], percent: int) -> float:
    """The smallest sample that so many percent of the samples do not exceed."""
    return sorted(times)[max(math.ceil(len(times) * percent / 100), 1) - 1]


KIND = Kind(
    name="latency",
    summary="Requests, or TLS handshakes, take no longer than the service promises.",
    topic="performance",
    options=OPTIONS,
    expected=lambda _given: ("failures", *(f"p{percent}" for percent in PERCENTILES), "max"),
    run=run,
    target=lambda given: str(given.get("port", "")),
    check=check,
    explained_by=frozenset({PROCESS, DEPENDENCY}),
    opens=("failures",),
)
