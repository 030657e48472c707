# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kind ``prometheus``: it scrapes what it should, evaluates its rules, and its numbers are as they should be."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from fnmatch import fnmatchcase
from typing import Any, Callable
from urllib.parse import urlsplit

from ..._clients.http import HTTP_OPTIONS, Client, TooLarge, header_faults, path_faults
from ..._clients.network import Unreachable
from ..._clients.prometheus import Api, Refused, Sample, parse_time
from ..._core.about import ADDRESS, DEPENDENCY, DOWN, PROCESS, REPORTED, Fault
from ..._core.checks import CRITICAL, OK, UNKNOWN, WARNING, Finding, Limits, worst
from ..._core.options import (
    AT_LEAST_ONE,
    NOT_NEGATIVE,
    Given,
    Option,
    Options,
    crossed,
    limits,
    problems,
    with_defaults,
)
from ..._core.shared_options import port
from ..._core.text import excerpt, some_of
from ..kind import Kind

PORT = 9090

QUERY_OPTIONS: Options = {
    "query": Option("str", "The instant query, in PromQL.", required=True),
    "warning": Option("float", "Warn above this value. Without thresholds, a value is enough."),
    "critical": Option("float", "Fail above this value."),
    "falling": Option("bool", "Whether the thresholds are crossed downwards.", default=False),
    "unit": Option("str", "Unit of the value.", default=""),
}

OPTIONS: Options = {
    **HTTP_OPTIONS,
    "port": port(PORT),
    "max_body_bytes": Option(
        "int",
        "Largest answer that is read. Of a larger one nothing is known, which is C(unknown). A thousand targets are "
        "some megabytes.",
        default=67108864,
        within=AT_LEAST_ONE,
    ),
    "prefix": Option("str", "Path in front of C(/api/v1), where it is not served at the root."),
    "queries": Option(
        "dict",
        "Instant queries by name, each a text or a map of C(query), C(warning), C(critical), C(falling) and C(unit). "
        "Every element of the result is judged. A result without elements is unknown, and so is NaN.",
        filled=True,
    ),
    "ignore_jobs": Option("list", "Jobs whose targets may be down, as shell patterns.", elements="str", default=[]),
    "targets_warning": Option(
        "int", "Warn when more targets than this are down.", default=0, source="ours", within=NOT_NEGATIVE
    ),
    "targets_critical": Option(
        "int", "Fail when more targets than this are down.", default=0, source="ours", within=NOT_NEGATIVE
    ),
    "rule_groups": Option("list", "Groups of rules that must be loaded.", elements="str", default=[]),
    "ignore_alerts": Option("list", "Alerts that may fire, as shell patterns.", elements="str", default=[]),
}

#: What is checked besides the queries.
ITSELF = ("targets", "rules", "alerts")

#: A group is late when it was not evaluated for this many of its intervals, and for this time.
LATE_INTERVALS, LATE = 5, timedelta(minutes=2)

#: Severities of alerts that fire all the time, to prove that they can, or that need no operator.
QUIET = ("none", "info")

#: How many names a message has.
NAMED = 8


def _queries(given: Given) -> Mapping[str, Any]:
    queries = given.get("queries")
    return queries if isinstance(queries, Mapping) else {}


def _full(query: Any) -> Mapping[str, Any]:
    return query if isinstance(query, Mapping) else {"query": query}


def check(given: Given) -> Iterator[tuple[str, str]]:
    """Yield the faults of queries, prefix and headers."""
    for name, query in _queries(given).items():
        where = f"queries.{name}"
        if name in ITSELF:
            yield where, "is checked anyway; give the query another name"
        elif not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", str(name)):
            yield where, "a name has letters, digits and underscores only"
        elif not isinstance(query, (str, Mapping)):
            yield where, f"expected a query, or a map with {', '.join(QUERY_OPTIONS)}; got {query!r}"
        else:
            for key, message in _query_faults(_full(query)):
                yield f"{where}.{key}" if isinstance(query, Mapping) else where, message
    if given.get("prefix"):
        yield from path_faults("prefix", str(given["prefix"]))
    yield from header_faults(given)


def _query_faults(query: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the faults of one query, whose thresholds are crossed in the direction that it has itself."""
    found = list(problems(QUERY_OPTIONS, query))
    yield from found
    if not found:
        yield from crossed(QUERY_OPTIONS, query, falling=bool(with_defaults(QUERY_OPTIONS, query)["falling"]))


def run(given: Given) -> Iterator[Finding]:
    """Request targets, rules and every query, each for itself: what one answer hides, the others may show."""
    api = Api(Client(given), given.get("prefix") or "")
    silent = 0
    met: Fault | None = None
    for aspect, request in _requests(api, given).items():
        if silent >= _PATIENCE:
            yield Finding.failed(aspect, UNKNOWN, "not determined: Prometheus does not answer", met)
            continue
        try:
            yield request()
            silent = 0
        except Unreachable as exc:
            # The first silence is the finding; what cannot be requested because of it is not known.
            first = aspect in ITSELF and not silent
            why = str(exc) if first else f"not determined: {exc}"
            met = exc.fault
            yield Finding.failed(aspect, CRITICAL if first else UNKNOWN, why, met)
            silent += 1
        except Refused as exc:
            its_own = aspect in ("targets", "rules")
            yield Finding(aspect, CRITICAL if its_own else UNKNOWN, str(exc) if its_own else f"not determined: {exc}")
        except TooLarge as exc:
            yield Finding(aspect, UNKNOWN, f"not determined: {exc}")


#: A server that is silent so often in a row gets no further request: each would wait as long.
_PATIENCE = 2


def _requests(api: Api, given: Given) -> dict[str, Callable[[], Finding]]:
    """How each aspect is requested; rules and alerts are in one answer."""
    groups: list[list[Mapping[str, Any]]] = []

    def of_rules() -> Finding:
        groups.append(api.rule_groups())
        return rules(groups[0], given, datetime.now(timezone.utc))

    def of_alerts() -> Finding:
        if not groups:
            return Finding("alerts", UNKNOWN, "not determined: the rules cannot be read")
        return alerts(groups[0], given)

    def of_query(name: str, query: Any) -> Callable[[], Finding]:
        options = with_defaults(QUERY_OPTIONS, _full(query))
        return lambda: judge(name, *api.query(options["query"]), options)

    queries = {name: of_query(name, query) for name, query in _queries(given).items()}
    return {"targets": lambda: targets(api.targets(), given), "rules": of_rules, "alerts": of_alerts, **queries}


def targets(found: Iterable[Mapping[str, Any]], given: Given) -> Finding:
    """Judge what is scraped, and name what does not answer."""
    active = list(found)
    if not active:
        return Finding("targets", CRITICAL, "Prometheus scrapes nothing: no target is active")
    ignored = [target for target in active if _matches(_label(target, "job"), given["ignore_jobs"])]
    judged = [target for target in active if target not in ignored]
    down = [target for target in judged if target.get("health") == "down"]
    fresh = [target for target in judged if target.get("health") not in ("up", "down")]
    message = f"{len(active) - len(down) - len(fresh) - len(ignored)} of {len(active)} targets up"
    if ignored:
        message += f", {len(ignored)} of jobs that may be down"
    if down:
        message += f"; down: {_some(f'{_where(target)}: {_error(target)}' for target in down)}"
    if fresh:
        message += f"; not scraped yet: {_some(_where(target) for target in fresh)}"
    limit = limits(OPTIONS, given, "targets_")
    status = worst([limit.judge(len(down)), WARNING if fresh else OK])
    faults = tuple(_reported(urlsplit(str(target.get("scrapeUrl", ""))).netloc) for target in down)
    return Finding("targets", status, message, value=len(down), limits=limit, faults=faults)


def _reported(address: str) -> Fault:
    """That something is wrong with what Prometheus knows by an address; without one, it cannot be found out what."""
    return Fault(DOWN, ((ADDRESS, address),), REPORTED)


def _label(target: Mapping[str, Any], name: str) -> str:
    return str((target.get("labels") or {}).get(name, ""))


def _where(target: Mapping[str, Any]) -> str:
    return f"{excerpt(_label(target, 'job'))} at {excerpt(_label(target, 'instance'))}"


def _error(target: Mapping[str, Any]) -> str:
    """Why a target was not scraped, without the address that Go puts in front of it."""
    return excerpt(re.sub(r'^Get "[^"]*": ', "", str(target.get("lastError", ""))))


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _some(items: Iterable[str]) -> str:
    return some_of(items, NAMED)


def rules(groups: list[Mapping[str, Any]], given: Given, now: datetime) -> Finding:
    """Judge whether rules are loaded and evaluated; those that are not there never fire."""
    missing = [name for name in given["rule_groups"] if name not in [group.get("name") for group in groups]]
    if missing:
        return Finding("rules", CRITICAL, f"not loaded: {_some(missing)}", value=len(groups))
    every = [rule for group in groups for rule in group.get("rules") or ()]
    if not every:
        return Finding("rules", WARNING, "no rules are loaded, so nothing would ever alert", value=0)
    bad = [
        f"{excerpt(rule.get('name'))} is {excerpt(rule.get('health'))}: {excerpt(rule.get('lastError'))}"
        for rule in every
        if rule.get("health") == "err"
    ]
    fresh = [excerpt(rule.get("name")) for rule in every if rule.get("health") not in ("ok", "err")]
    late = [excerpt(group.get("name")) for group in groups if _is_late(group, now)]
    message = f"{len(every)} rules in {len(groups)} groups"
    for what, names in (("failing", bad), ("late", late), ("not evaluated yet", fresh)):
        if names:
            message += f"; {what}: {_some(names)}"
    status = CRITICAL if bad or late else WARNING if fresh else OK
    return Finding("rules", status, message, value=len(every))


def _is_late(group: Mapping[str, Any], now: datetime) -> bool:
    last = parse_time(group.get("lastEvaluation"))
    interval = timedelta(seconds=float(group.get("interval") or 0))
    return last is not None and now - last > max(LATE_INTERVALS * interval, LATE)


def _labels(alert: Mapping[str, Any]) -> dict[str, str]:
    """The labels of an alert; there is no rule for how its severity is written."""
    labels = {name: str(value) for name, value in (alert.get("labels") or {}).items()}
    return {**labels, "severity": labels.get("severity", "").strip().lower()}


def alerts(groups: Iterable[Mapping[str, Any]], given: Given) -> Finding:
    """Judge what fires, by the alerts' own severity."""
    firing = [
        (str(rule.get("name")), _labels(alert))
        for group in groups
        for rule in group.get("rules") or ()
        for alert in rule.get("alerts") or ()
        if alert.get("state") == "firing" and not _matches(str(rule.get("name")), given["ignore_alerts"])
    ]
    loud = [(name, labels) for name, labels in firing if labels["severity"] not in QUIET]
    if not loud:
        return Finding("alerts", OK, "no alert fires that needs an operator", value=0)
    status = CRITICAL if any(labels["severity"] == CRITICAL for _name, labels in loud) else WARNING
    named = _some(sorted({f"{excerpt(name)} ({excerpt(labels['severity'])})" for name, labels in loud}))
    faults = tuple(dict.fromkeys(_reported(labels.get("instance", "")) for _name, labels in loud))
    return Finding("alerts", status, f"{len(loud)} firing: {named}", value=len(loud), faults=faults)


def judge(name: str, samples: list[Sample], warnings: list[str], query: Given) -> Finding:
    """Judge every element of a result. No element is no answer: a metric may have vanished with what it measured."""
    source = "platform description" if query["warning"] is not None or query["critical"] is not None else ""
    limit = Limits(query["warning"], query["critical"], source=source, falling=query["falling"])
    unit = query["unit"]
    if not samples:
        return Finding(name, UNKNOWN, f"no data: the result of {excerpt(query['query'])} is empty", limits=limit)
    numbers = sorted((one for one in samples if one.is_number), key=lambda one: one.value, reverse=not limit.falling)
    odd = [one for one in samples if not one.is_number]
    statuses = [limit.judge(one.value) for one in numbers] + [UNKNOWN for _one in odd] + [WARNING for _one in warnings]
    crossing = [one for one in numbers if limit.judge(one.value) != OK]
    shown = [f"{one.name} is {one.value:g}" for one in crossing or numbers[:1]]
    shown += [f"{one.name} is {one.value:g}, which is no number to judge" for one in odd]
    message = f"{_some(shown)} ({len(samples)} in the result)"
    if warnings:
        message += f"; Prometheus warns: {excerpt(warnings[0])}"
    value = numbers[0].value if numbers else None
    faults = tuple(dict.fromkeys(_reported(one.labels.get("instance", "")) for one in crossing))
    return Finding(name, worst(statuses), message, value=value, unit=unit, limits=limit, faults=faults)


KIND = Kind(
    name="prometheus",
    summary="Prometheus scrapes its targets, evaluates its rules, and the results of queries are as they should be.",
    topic="monitoring",
    options=OPTIONS,
    expected=lambda given: (*ITSELF, *_queries(given)),
    run=run,
    target=lambda given: str(given.get("port") or PORT),
    check=check,
    explained_by=frozenset({PROCESS, DEPENDENCY}),
    opens=("targets", "rules"),
)
