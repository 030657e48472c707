# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The report as one page that needs nothing else: no network, no script, no font; readable on a phone and on paper."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import OK, STATUSES, Check, worst
from ansible_collections.xorb.runbook.plugins.module_utils._core.names import RUN
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ..causes import FAILING
from ..ledger.history import Trend
from ..report import Report
from . import wording
from .charts import charts

TEMPLATES = Path(__file__).parent / "templates"
STYLES = ("page.css", "charts.css")
WORST_FIRST = tuple(reversed(STATUSES))
COMMENT = re.compile(r"/\*.*?\*/\s*", re.DOTALL)
#: More hosts than this are shown as squares without their names.
NAMED_HOSTS = 6
#: How far a bar reaches beyond the last threshold.
BEYOND = 1.25


@dataclass(frozen=True)
class Bar:
    """A value and its thresholds as percentages of one length."""

    value: float
    limits: tuple[float, ...]


@dataclass(frozen=True)
class Line:
    """One check as it is shown, and where to jump for what explains it."""

    check: Check
    anchor: str
    name: str
    value: str
    limits: str
    gauge: Bar | None
    blocked_by: str = ""


@dataclass(frozen=True)
class Group:
    """What belongs together: a host with its lines, or a service with its hosts."""

    name: str
    anchor: str
    status: str
    counts: Mapping[str, int]
    lines: list[Line] = field(default_factory=list)
    hosts: list[Group] = field(default_factory=list)


def render(report: Report, trend: Trend | None = None) -> str:
    """The whole page, with plots of what led up to the run.

    Whatever a check says is escaped: it comes from hosts that may not be one's own any more.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        finalize=_harmless,
    )
    template = environment.get_template("page.html.j2")
    style = COMMENT.sub("", "".join((TEMPLATES / name).read_text(encoding="utf-8") for name in STYLES))
    return template.render(**_view(report), figures=charts.figures(report, trend or Trend()), style=Markup(style))  # noqa: S704 -- a file of the collection


def _harmless(value: Any) -> Any:
    """Without the characters that are invisible or turn text around; escaping follows."""
    return wording.clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _view(report: Report) -> dict[str, Any]:
    status = wording.verdict(report)
    lines = _lines(report)
    hosts = _hosts(lines)
    failing = report.failing(FAILING)
    return {
        "report": report,
        "status": status,
        "headline": "OK" if status == OK else wording.status_word(status).capitalize(),
        "counts": {status: amount for status, amount in report.counts.items() if amount},
        "total": len(report.checks),
        "failing": len(failing),
        "excused": wording.excused(report),
        "outcome": wording.outcome(report),
        "excuse": lambda check: report.excuses[check.address].sentence if check.address in report.excuses else "",
        "explained": sum(1 for check in failing if check.blocked_by),
        "causes": _causes(report, lines),
        "services": _services(report.checks, {host.name: host.anchor for host in hosts}),
        "named_hosts": NAMED_HOSTS,
        "hosts": hosts,
        "not_run": wording.by_host(report.not_run),
        "limited": wording.limited(report),
        "received": wording.received(report),
        "duration": wording.duration(report.duration_s),
        "count": wording.count,
        "word": wording.status_word,
        "where": wording.where,
        "deed": wording.deed,
        "anchor": {line.check.key: line.anchor for line in lines}.get,
        "moment": lambda text: f"{text[:10]} {text[11:19]} UTC" if text else "",
    }


def _lines(report: Report) -> list[Line]:
    anchors: dict[str, str] = {}
    for index, check in enumerate(report.checks):
        anchors.setdefault(check.address, f"check-{index}")
    return [
        Line(
            check=check,
            anchor=f"check-{index}",
            name=wording.full_name(check),
            value=wording.value_of(check),
            limits=wording.limits_of(check),
            gauge=_bar(check),
            blocked_by=anchors.get(check.blocked_by, ""),
        )
        for index, check in enumerate(report.checks)
    ]


def _causes(report: Report, lines: Iterable[Line]) -> list[dict[str, Any]]:
    by_address: dict[str, Line] = {}
    for line in lines:
        by_address.setdefault(line.check.address, line)
    return [{"line": by_address[cause.check], "explains": wording.by_host(cause.explains),
             "amount": len(cause.explains)} for cause in report.causes]  # fmt: skip


def _hosts(lines: Iterable[Line]) -> list[Group]:
    by_host: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        by_host[wording.where(line.check)].append(line)
    groups = [_group(host, [line.check for line in found], lines=found) for host, found in by_host.items()]
    groups.sort(key=lambda group: (WORST_FIRST.index(group.status), group.name))
    return [
        Group(group.name, f"host-{index}", group.status, group.counts, group.lines)
        for index, group in enumerate(groups)
    ]


def _services(checks: Iterable[Check], anchors: Mapping[str, str]) -> list[Group]:
    by_service: dict[str, list[Check]] = defaultdict(list)
    for check in checks:
        by_service[check.service].append(check)
    services = []
    for service, found in by_service.items():
        by_host: dict[str, list[Check]] = defaultdict(list)
        for check in found:
            by_host[wording.where(check)].append(check)
        hosts = [_group(host, said, anchor=anchors[host]) for host, said in sorted(by_host.items())]
        services.append(_group("this run itself" if service == RUN else service, found, hosts=hosts))
    return sorted(services, key=lambda group: (WORST_FIRST.index(group.status), group.name))


def _group(name: str, checks: list[Check], **given: Any) -> Group:
    counted = Counter(check.status for check in checks)
    status = worst(counted)
    return Group(
        name,
        given.pop("anchor", ""),
        status,
        {one: counted[one] for one in WORST_FIRST if counted[one]},
        **given,
    )


def _bar(check: Check) -> Bar | None:
    limits = [limit for limit in (check.warning, check.critical) if limit is not None]
    if not limits or not wording.is_number(check.value):
        return None
    value = float(check.value)  # type: ignore[arg-type]
    whole = 100.0 if check.unit == "%" else max(value, max(limits) * (2 if wording.is_falling(check) else BEYOND))
    if whole <= 0 or value < 0 or min(limits) < 0:
        return None
    return Bar(_percent(value, whole), tuple(sorted({_percent(limit, whole) for limit in limits})))


def _percent(part: float, whole: float) -> float:
    return round(min(100.0, part / whole * 100), 1)
