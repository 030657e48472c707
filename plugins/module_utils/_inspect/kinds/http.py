# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kind ``http``: a web service answers, and reports that it is well."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..._clients.http import HTTP_OPTIONS, Answer, Client, TooLarge, fault_of_status, header_faults, path_faults
from ..._clients.network import Unreachable
from ..._core.about import DEPENDENCY, PROCESS, SLOW, UNWELL, Fault
from ..._core.checks import CRITICAL, OK, UNKNOWN, Finding, Limits, worst
from ..._core.options import (
    HTTP_STATUS,
    NOT_NEGATIVE,
    Given,
    Option,
    Options,
    limits,
    problems,
    thresholds,
    with_defaults,
)
from ..._core.refusal import reasons_in
from ..._core.shared_options import port
from ..._core.text import excerpt
from ..expect import DEFAULTS, RULE_OPTIONS, Body, Expectation, Verdict, follow, rule_faults
from ..kind import Kind

NAMED = tuple(DEFAULTS)

PAGE_OPTIONS: Options = {
    "path": Option("str", "Path on the server, with its query if it needs one.", required=True),
    "status": Option(
        "list", "Status codes that are right.", elements="int", default=[200], within=HTTP_STATUS, filled=True
    ),
    "expect": Option("list", "Rules that the answer must keep.", elements="dict", options=RULE_OPTIONS),
}

OPTIONS: Options = {
    **HTTP_OPTIONS,
    "port": port(required=True),
    "health": Option(
        "raw",
        "Path that reports whether the service is well, or a map of C(path), C(status) and C(expect). Without "
        "C(expect), the body must be a JSON object whose C(status) is healthy, ok, ready, pass or up.",
    ),
    "readiness": Option("raw", "Path that reports whether the service can work now; judged as I(health) is."),
    "metrics": Option(
        "raw", "Path of metrics; without C(expect), the body must be Prometheus text or a JSON object with metrics."
    ),
    "paths": Option(
        "dict",
        "Other paths by name, each a text or a map of C(path), C(status) and C(expect). Without C(expect), only the "
        "status code is judged.",
        filled=True,
    ),
    "latency_warning_ms": Option(
        "int", "Warn when one request takes longer.", default=1000, source="ours", within=NOT_NEGATIVE
    ),
    "latency_critical_ms": Option(
        "int", "Fail when one request takes longer.", default=3000, source="ours", within=NOT_NEGATIVE
    ),
    **thresholds("skew", "number of seconds between the clocks of service and host", 60, 300, source="ours"),
}


@dataclass(frozen=True)
class Page:
    """One path of the service and what is expected of its answer."""

    name: str
    path: str
    status: tuple[int, ...]
    expectation: Expectation

    @classmethod
    def from_options(cls, name: str, given: Any) -> Page:
        """Read the short form (a path) or the full one (a map)."""
        options = with_defaults(PAGE_OPTIONS, _full(given))
        rules = options["expect"]
        expectation = DEFAULTS.get(name, follow([])) if rules is None else follow(rules)
        return cls(name, options["path"], tuple(options["status"]), expectation)


def _full(given: Any) -> Mapping[str, Any]:
    return given if isinstance(given, Mapping) else {"path": given}


def _pages(given: Given) -> dict[str, Any]:
    """The unread description of each page by its name."""
    named = {name: given[name] for name in NAMED if given.get(name) is not None}
    others = given.get("paths")
    return {**named, **(others if isinstance(others, Mapping) else {})}


def split(given: Given) -> list[dict[str, Any]]:
    """One part for each page."""
    common = {key: value for key, value in given.items() if key not in (*NAMED, "paths")}
    return [
        {**common, **({name: page} if name in NAMED else {"paths": {name: page}})}
        for name, page in _pages(given).items()
    ]


def check(given: Given) -> Iterator[tuple[str, str]]:
    """Yield the faults of paths, rules and headers."""
    if not _pages(given):
        yield "health", "missing; give health, readiness, metrics or paths, or nothing would be checked"
    for name in NAMED:
        if given.get(name) is not None:
            yield from _page_faults(name, given[name])
    for name, page in (given.get("paths") or {}).items():
        if name in NAMED:
            yield f"paths.{name}", f"is an option of its own: write it as {name}, not under paths"
        elif not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", str(name)):
            yield f"paths.{name}", "a name has letters, digits and underscores only"
        else:
            yield from _page_faults(f"paths.{name}", page)
    yield from header_faults(given)


def _page_faults(where: str, page: Any) -> Iterator[tuple[str, str]]:
    """Yield the faults of one page, in the short form or in the full one."""
    if not isinstance(page, (str, Mapping)):
        yield where, f"expected a path, or a map with {', '.join(PAGE_OPTIONS)}; got {page!r}"
        return
    full = _full(page)
    found = list(problems(PAGE_OPTIONS, full)) or list(_deeper_faults(full))
    for key, message in found:
        yield f"{where}.{key}" if isinstance(page, Mapping) else where, message


def _deeper_faults(page: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a page whose options have the right types."""
    yield from path_faults("path", page["path"])
    rules = page.get("expect")
    if rules is not None and not rules:
        yield "expect", "no rule would accept every body; leave it out for the default"
    for index, rule in enumerate(rules or ()):
        for key, message in rule_faults(rule):
            yield f"expect[{index}].{key}", message


def run(given: Given) -> Iterator[Finding]:
    """Ask for every page and judge what comes."""
    client = Client(given)
    latency = limits(OPTIONS, given, "latency_", suffix="_ms")
    skew = limits(OPTIONS, given, "skew_")
    for name, options in _pages(given).items():
        page = Page.from_options(name, options)
        try:
            answer = client.get(page.path)
        except Unreachable as exc:
            yield Finding.failed(name, CRITICAL, str(exc), exc.fault)
        except TooLarge as exc:
            yield _unread(page, exc)
        else:
            yield judge(page, answer, latency, skew)


def judge(page: Page, answer: Answer, latency: Limits, skew: Limits) -> Finding:
    """Judge an answer: its status code, its body, the time that it took, and the time that the server believes in."""
    body = Body(answer.text, answer.headers)
    verdicts = [*page.expectation(body), *_clock(answer, skew)]
    statuses = [latency.judge(answer.milliseconds), *(verdict.status for verdict in verdicts)]
    broken = [verdict.message for verdict in verdicts if verdict.status != OK]
    took = f"in {answer.milliseconds:g} ms"
    if answer.status not in page.status:
        statuses.append(CRITICAL)
        # Rules judge an error only where it speaks their language.
        message = "; ".join([_wrong_status(page, answer), *(broken if body.is_json else ())])
    elif broken:
        # Several rules fail for one reason where the body is not JSON.
        message = f"{'; '.join(dict.fromkeys(broken))} (HTTP {answer.status} {took})"
    else:
        slow = "slow: " if statuses[0] != OK else ""
        message = ", ".join([f"{slow}HTTP {answer.status} {took}", *(verdict.message for verdict in verdicts)])
    met = Fault(UNWELL if broken else SLOW) if answer.status in page.status else fault_of_status(answer.status)
    return Finding(
        page.name, worst(statuses), message, value=answer.milliseconds, unit="ms", limits=latency, faults=(met,)
    )


def _unread(page: Page, exc: TooLarge) -> Finding:
    """What is known of an answer whose body was not read."""
    status = exc.details["status"]
    if status not in page.status:
        return Finding(page.name, CRITICAL, f"HTTP {status}, expected {_expected(page)}")
    return Finding(page.name, UNKNOWN, f"not determined: {exc}")


def _expected(page: Page) -> str:
    return " or ".join(str(status) for status in page.status)


def _clock(answer: Answer, skew: Limits) -> Iterator[Verdict]:
    """What a server whose clock is wrong deserves: its tokens, logs and signatures are wrong with it."""
    if answer.skew is not None and skew.judge(abs(answer.skew)) != OK:
        way = "ahead of" if answer.skew > 0 else "behind"
        message = f"the service's clock is {abs(answer.skew):.0f} s {way} this host's"
        yield Verdict(skew.judge(abs(answer.skew)), message)


def _wrong_status(page: Page, answer: Answer) -> str:
    expected = f"expected {_expected(page)}"
    if answer.redirects_to:
        return f"HTTP {answer.status} redirects to {excerpt(answer.redirects_to)}, {expected}"
    if answer.text.strip().lower() == "invalid host header":
        return f"HTTP {answer.status}, {expected}: Invalid host header (set host_header to a name that is allowed)"
    return f"HTTP {answer.status}, {expected}: {reasons_in(answer.text)}"


KIND = Kind(
    name="http",
    summary="A web service answers in time, and its body reports that it is well.",
    topic="health",
    options=OPTIONS,
    expected=lambda given: tuple(_pages(given)),
    run=run,
    # Without the path: a probe that does not get as far as a path must name the same target.
    target=lambda given: str(given.get("port", "")),
    check=check,
    split=split,
    explained_by=frozenset({PROCESS, DEPENDENCY}),
)
