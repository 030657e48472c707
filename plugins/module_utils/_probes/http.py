# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kind ``http``: a web service answers, and says that it is well."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils import _tls
from ansible_collections.xorb.runbook.plugins.module_utils._checks import CRITICAL, OK, Finding, Limits, worst
from ansible_collections.xorb.runbook.plugins.module_utils._expect import (
    DEFAULTS,
    RULE_OPTIONS,
    Body,
    Expectation,
    follow,
    rule_faults,
)
from ansible_collections.xorb.runbook.plugins.module_utils._http import Answer, get
from ansible_collections.xorb.runbook.plugins.module_utils._kind import NETWORK_OPTIONS, TLS_OPTIONS, Given, Kind
from ansible_collections.xorb.runbook.plugins.module_utils._network import Unreachable
from ansible_collections.xorb.runbook.plugins.module_utils._options import (
    Option,
    Options,
    limits,
    problems,
    with_defaults,
)
from ansible_collections.xorb.runbook.plugins.module_utils._wording import excerpt

#: Some services refuse the usual ``Accept: */*``, and answer anything but JSON without being asked for it.
DEFAULT_HEADERS = {"Accept": "application/json", "User-Agent": "xorb-runbook"}

NAMED = tuple(DEFAULTS)

#: Headers that carry secrets.
CREDENTIALS = ("authorization", "proxy-authorization", "cookie", "x-api-key")

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t -~\xa0-\xff]*")

PAGE_OPTIONS: Options = {
    "path": Option("str", "Path on the server, with its query if it needs one.", required=True),
    "status": Option("list", "Status codes that are right.", elements="int", default=[200]),
    "expect": Option("list", "Rules that the body must keep.", elements="dict", options=RULE_OPTIONS),
}

OPTIONS: Options = {
    **NETWORK_OPTIONS,
    **TLS_OPTIONS,
    "port": Option("int", "TCP port.", required=True),
    "scheme": Option("str", "Protocol.", default="http", choices=("http", "https")),
    "verify": Option("bool", "Whether the server's certificate must be trusted.", default=True),
    "host_header": Option("str", "Value of the header Host, for services that answer to certain names only."),
    "headers": Option("dict", "Headers to send. Without one of its own, Accept is C(application/json)."),
    "secret_headers": Option("dict", "Headers to send whose values are secrets.", secret=True),
    "health": Option(
        "raw",
        "Path that says whether the service is well, or a map of C(path), C(status) and C(expect). Without C(expect), "
        "the body must be a JSON object whose C(status) is healthy, ok, ready, pass or up.",
    ),
    "readiness": Option("raw", "Path that says whether the service can work now; judged as I(health) is."),
    "metrics": Option(
        "raw", "Path of metrics; without C(expect), the body must be Prometheus text or a JSON object with metrics."
    ),
    "paths": Option(
        "dict",
        "Other paths by name, each a text or a map of C(path), C(status) and C(expect). Without C(expect), only the "
        "status code is judged.",
    ),
    "latency_warning_ms": Option("int", "Warn when one request takes longer.", default=1000, source="ours"),
    "latency_critical_ms": Option("int", "Fail when one request takes longer.", default=3000, source="ours"),
    "max_body_bytes": Option("int", "Largest body that is read; a larger one fails.", default=4194304),
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
        yield "health", "missing; give health, readiness, metrics or paths, or nothing would be looked at"
    for name in NAMED:
        if given.get(name) is not None:
            yield from _page_faults(name, given[name])
    for name, page in (given.get("paths") or {}).items():
        if name in NAMED:
            yield f"paths.{name}", f"has a place of its own: write it as {name}, not under paths"
        elif not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", str(name)):
            yield f"paths.{name}", "a name has letters, digits and underscores only"
        else:
            yield from _page_faults(f"paths.{name}", page)
    for option in ("headers", "secret_headers"):
        for name, value in (given.get(option) or {}).items():
            yield from ((f"{option}.{name}", message) for message in _header_faults(option, str(name), str(value)))


def _header_faults(option: str, name: str, value: str) -> Iterator[str]:
    """Yield what is wrong with a header."""
    if option == "headers" and name.lower() in CREDENTIALS:
        yield "belongs to secret_headers, where it is kept out of logs"
    # The standard library refuses such a value too, but repeats it in its error.
    elif not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
        yield "cannot be sent as a header: it has a line break or an odd character"


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
    if not re.fullmatch(r"/[!-~]*", page["path"]):
        yield "path", f"expected a path that begins with a slash and has no blanks, got {page['path']!r}"
    rules = page.get("expect")
    if rules is not None and not rules:
        yield "expect", "no rule would accept every body; leave it out for the default"
    for index, rule in enumerate(rules or ()):
        for key, message in rule_faults(rule):
            yield f"expect[{index}].{key}", message


def run(given: Given) -> Iterator[Finding]:
    """Ask for every page and judge what comes."""
    context = None
    if given["scheme"] == "https":
        context = _tls.context(given, verify=given["verify"])
    headers = _headers(given)
    latency = limits(OPTIONS, given, "latency_", suffix="_ms")
    for name, options in _pages(given).items():
        page = Page.from_options(name, options)
        try:
            answer = get(given, page.path, headers, context)
        except Unreachable as exc:
            yield Finding(name, CRITICAL, str(exc))
        else:
            yield judge(page, answer, latency)


def _headers(given: Given) -> dict[str, str]:
    """The headers to send; names are the same whatever their case."""
    named = {"Host": given["host_header"]} if given.get("host_header") else {}
    chosen: dict[str, tuple[str, str]] = {}
    for source in (DEFAULT_HEADERS, named, given.get("headers") or {}, given.get("secret_headers") or {}):
        chosen.update({str(name).lower(): (str(name), str(value)) for name, value in source.items()})
    return dict(chosen.values())


def judge(page: Page, answer: Answer, latency: Limits) -> Finding:
    """Judge an answer: its status code, its body, and the time that it took."""
    body = Body(answer.text)
    verdicts = page.expectation(body)
    statuses = [latency.judge(answer.milliseconds), *(verdict.status for verdict in verdicts)]
    broken = [verdict.message for verdict in verdicts if verdict.status != OK]
    took = f"in {answer.milliseconds:g} ms"
    if answer.status not in page.status:
        statuses.append(CRITICAL)
        # Rules have something to say of an error only where it speaks their language.
        said = [_wrong_status(page, answer), *(broken if body.is_json else ())]
        message = "; ".join(said)
    elif broken:
        # Several rules fail for one reason where the body is not JSON.
        message = f"{'; '.join(dict.fromkeys(broken))} (HTTP {answer.status} {took})"
    else:
        slow = "slow: " if statuses[0] != OK else ""
        message = ", ".join([f"{slow}HTTP {answer.status} {took}", *(verdict.message for verdict in verdicts)])
    return Finding(page.name, worst(statuses), message, value=answer.milliseconds, unit="ms", limits=latency)


def _wrong_status(page: Page, answer: Answer) -> str:
    expected = f"expected {' or '.join(str(status) for status in page.status)}"
    if answer.redirects_to:
        return f"HTTP {answer.status} redirects to {excerpt(answer.redirects_to)}, {expected}"
    if answer.text.strip().lower() == "invalid host header":
        return f"HTTP {answer.status}, {expected}: Invalid host header (set host_header to a name that is allowed)"
    return f"HTTP {answer.status}, {expected}: {excerpt(answer.text)}"


KIND = Kind(
    name="http",
    summary="A web service answers in time, and its body says that it is well.",
    topic="health",
    options=OPTIONS,
    expected=lambda given: tuple(_pages(given)),
    run=run,
    # Without the path: who does not get as far as a path must name the same target.
    target=lambda given: str(given.get("port", "")),
    check=check,
    split=split,
)
