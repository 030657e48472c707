# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""JUnit XML: what build servers count is what the report counted, whatever a host says."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.render import junit
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.report import Report

from tests.support import sample_reports
from tests.support.sample_reports import assembled, check

HOSTILE = "]]></failure><testcase name='x'>&amp;\x00\x1b\ud800\u202e"


def document(report: Report) -> ET.Element:
    """The report as a build server reads it."""
    return ET.fromstring(junit.render(report))  # noqa: S314 -- written here


def test_render_counts_are_those_of_the_report() -> None:
    report = sample_reports.bad_night()
    root = document(report)
    suites = root.findall("testsuite")
    assert [suite.get("name") for suite in suites] == ["control", "db", "web", "not run"]
    total = {name: sum(int(suite.get(name, "")) for suite in suites) for name in ("tests", "failures", "errors")}
    assert total == {"tests": len(report.checks) + 1, "failures": 5, "errors": 8}
    for name, element in (("failures", "failure"), ("errors", "error")):
        assert len(root.findall(f".//{element}")) == total[name]
    assert len(root.findall(".//skipped")) == 1


def test_render_host_that_was_left_out_is_one_case_with_its_checks_counted() -> None:
    (case,) = document(sample_reports.bad_night()).findall(".//skipped/..")
    assert (case.get("classname"), case.get("name")) == ("spare", "4 checks")
    (skipped,) = case
    assert skipped.get("message") == "not run: limited to db:web:control"


def test_render_failure_has_evidence_and_remedy() -> None:
    root = document(sample_reports.bad_night())
    (case,) = root.findall(".//testcase[@name='host.root.space']/failure/..")
    failure = case.find("failure")
    assert failure is not None and failure.get("message") == "19.5 GiB of 20 GiB are in use"
    assert failure.text == (
        "19.5 GiB of 20 GiB are in use; 97.6 % max 80 / 90 %;"
        " to fix it: ansible-playbook xorb.runbook.capacity_report --limit db"
    )
    assert (case.get("classname"), case.get("time")) == ("host", "0.004")


def test_render_warning_passes_and_is_said() -> None:
    root = document(sample_reports.bad_night())
    (output,) = root.findall(".//testcase[@name='host.memory.used']/system-out")
    assert (output.text or "").startswith("warning: 3.5 GiB of 4 GiB are in use; 88.1 % max 85 / 95 %")


def test_render_not_applicable_is_skipped_with_its_reason() -> None:
    (skipped,) = document(sample_reports.quiet_morning()).findall(".//skipped")
    assert skipped.get("message") == "no UI image in the production file"


def test_render_hostile_values_are_text() -> None:
    fields = ("message", "service", "host", "target", "remedy", "unit", "id")
    evil = replace(
        check("one", "api", "port", "connect", CRITICAL),
        **dict.fromkeys(fields, HOSTILE),  # type: ignore[arg-type]
    )
    report = replace(assembled([evil]), not_run=(f"{HOSTILE}/{HOSTILE}",))
    root = document(report)
    assert len(root.findall(".//testcase")) == 2
    assert "</failure><testcase name='x'>" in (root.findtext(".//failure") or "")
    junit.render(report).encode("utf-8")
