# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The report as JUnit XML, which every build server shows: a suite for each host, a case for each check."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from xml.etree import ElementTree as ET

from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import (
    CRITICAL,
    NOT_APPLICABLE,
    UNKNOWN,
    WARNING,
    Check,
)

from ..report import Report
from . import formatting

#: What becomes of a status; a warning passes, as it does for the exit status, and says so in its output.
OUTCOMES = {CRITICAL: "failure", UNKNOWN: "error", NOT_APPLICABLE: "skipped", WARNING: "system-out"}


def render(report: Report) -> str:
    """The whole document."""
    root = ET.Element("testsuites", name=_safe(f"{report.run.platform} {report.run.procedure}"))
    by_host: dict[str, list[Check]] = defaultdict(list)
    for check in report.checks:
        by_host[formatting.where(check)].append(check)
    for host, checks in sorted(by_host.items()):
        _suite(root, host, checks, report)
    if report.not_run:
        _left_out(root, report)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suite(root: ET.Element, host: str, checks: list[Check], report: Report) -> None:
    counted = [_outcome(check, report) for check in checks]
    suite = ET.SubElement(
        root,
        "testsuite",
        name=_safe(host),
        tests=str(len(checks)),
        failures=str(counted.count("failure")),
        errors=str(counted.count("error")),
        skipped=str(counted.count("skipped")),
        timestamp=report.run.started_at[:19],
        time=_seconds(check.duration_ms for check in checks),
    )
    for check in checks:
        case = ET.SubElement(
            suite,
            "testcase",
            classname=_safe(check.service),
            name=_safe(check.id if check.owner == check.host else f"{check.id} (of {check.owner})"),
            time=_seconds([check.duration_ms]),
        )
        outcome = _outcome(check, report)
        suppression = report.suppressions.get(check.address)
        if outcome == "system-out":
            ET.SubElement(case, outcome).text = _safe(f"warning: {_evidence(check)}")
        elif suppression and outcome:
            message = f"{formatting.status_word(check.status)}, {suppression.sentence}"
            ET.SubElement(case, outcome, message=_safe(message)).text = _safe(_evidence(check))
        elif outcome:
            element = ET.SubElement(case, outcome, message=_safe(check.message))
            element.text = _safe(_evidence(check)) if outcome != "skipped" else None


def _outcome(check: Check, report: Report) -> str:
    """The element that a check becomes; nothing where it is fine. One that is suppressed neither fails nor passes."""
    outcome = OUTCOMES.get(check.status, "")
    return "skipped" if check.address in report.suppressions and outcome != "system-out" else outcome


def _left_out(root: ET.Element, report: Report) -> None:
    """A case for each host that was left out: one for each of its checks would be more than all that was run."""
    hosts = Counter(address.split("/", 1)[0] for address in report.not_run)
    amount = str(len(hosts))
    suite = ET.SubElement(root, "testsuite", name="not run", tests=amount, failures="0", errors="0", skipped=amount)
    for host, checks in hosts.items():
        case = ET.SubElement(suite, "testcase", classname=_safe(host), name=formatting.count(checks, "check"))
        ET.SubElement(case, "skipped", message=_safe(f"not run: {formatting.limited(report)}"))


def _evidence(check: Check) -> str:
    """Everything that helps a reader of the result alone."""
    measured = f"{formatting.value_of(check)} {formatting.limits_of(check)}".strip()
    blocked = f"blocked by {check.blocked_by}" if check.blocked_by else ""
    remedy = f"to fix it: {check.remedy}" if check.remedy else ""
    return "; ".join(part for part in (check.message, measured, blocked, remedy) if part)


def _seconds(milliseconds: Iterable[float | None]) -> str:
    return f"{sum(spent or 0 for spent in milliseconds) / 1000:.3f}"


def _safe(text: str) -> str:
    """Without the control characters that XML cannot hold; markup is escaped by the writer."""
    return formatting.clean(text)
