# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The largest users: printed by its own procedure, the largest first, and not twice."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, OK, Check
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.render import html, largest
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.report import Report

from tests.support.sample_reports import RUN, assembled, check


def look(host: str, resource: str, value: float, status: str = OK) -> Check:
    """A look at the processes of a host."""
    message = f"python3[7] {value} %, java[8] 0.1 %"
    return check(
        host, "host", "processes", resource, status, topic="performance", value=value, unit="%", message=message
    )


def performance(*checks: Check, procedure: str = "performance_check") -> Report:
    """A report of the procedure that lists the largest users."""
    return assembled(checks, run=replace(RUN, procedure=procedure))


def test_lines_have_the_largest_user_first() -> None:
    report = performance(look("web", "cpu", 3.5), look("db", "cpu", 40.5), look("db", "memory", 12.5))
    assert list(largest.lines(report, 100)) == [
        "largest by cpu",
        "  db processes cpu: python3[7] 40.5 %, java[8] 0.1 %",
        "  web processes cpu: python3[7] 3.5 %, java[8] 0.1 %",
        "largest by memory",
        "  db processes memory: python3[7] 12.5 %, java[8] 0.1 %",
    ]


def test_lines_fit_the_terminal() -> None:
    report = performance(replace(look("db", "cpu", 40), message=", ".join(f"python3[{pid}] 1 %" for pid in range(30))))
    assert max(map(len, largest.lines(report, 80))) <= 80


def test_nothing_in_other_procedures_or_where_it_stands_already() -> None:
    assert largest.shares(performance(look("db", "cpu", 40), procedure="daily")) == []
    assert largest.shares(performance(look("db", "cpu", 99, CRITICAL))) == []
    assert largest.shares(performance(check("db", "host", "cpu", "used", topic="capacity", value=40, unit="%"))) == []
    assert len(largest.shares(performance(look("db", "cpu", 40), procedure="performance_check_merged"))) == 1


def test_of_many_hosts_those_with_the_largest_shares() -> None:
    report = performance(*(look(f"node{number:02}", "cpu", float(number)) for number in range(60)))
    (share,) = largest.shares(report)
    assert [one.value for one in share.checks] == [float(number) for number in range(59, 39, -1)]
    assert next(iter(largest.lines(report, 80))) == "largest by cpu, 20 of 60 checks"
    assert "40 other checks with smaller shares, in the JSON file" in html.render(report)
