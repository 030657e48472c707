# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A real fault, silenced, acknowledged and waited for: it stays critical everywhere, and only the verdict differs."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.support.procedures import Ran

Run = Callable[..., Ran]
Broken = Callable[[str], AbstractContextManager[None]]

READINESS = "xorb-web/api.rest.readiness"
ONLY = ("-e", '{"platform_only_services": ["api"]}')


def silence(run: Run, playbook: str, **given: str) -> Ran:
    """Run one of the playbooks for silences."""
    ran = run(playbook, *(word for name, value in given.items() for word in ("-e", f"silence_{name}='{value}'")))
    assert ran.status == 0, ran.output
    return ran


def suppressions(ran: Ran) -> dict[str, str]:
    """The kind of each suppression, by the check."""
    return {suppression["check"]: suppression["kind"] for suppression in ran.report["suppressed"]}


def test_silenced_fault_stays_critical_and_fails_no_run(run: Run, broken: Broken, tmp_path: Path) -> None:
    with broken("api_unready"):
        assert run("health_check", *ONLY).status == 2
        silence(run, "silence_create", services="api", reason="a new release", **{"for": "1h"})
        ran = run("health_check", *ONLY)
    assert ran.status == 0, ran.output
    assert ran.statuses[READINESS] == "critical" and ran.report["counts"]["critical"] >= 1
    assert suppressions(ran)[READINESS] == "silence"
    assert ran.report["causes"] == []
    assert "CRITICAL  xorb-demo" in ran.output
    assert " by " in ran.output and ": a new release" in ran.output
    page = (tmp_path / "reports/latest.html").read_text()
    assert "a new release" in page and '<header class="verdict critical">' in page
    cases = ET.fromstring((tmp_path / "reports/latest.xml").read_text()).iter("testcase")  # noqa: S314
    (case,) = [case for case in cases if case.get("name") == "api.rest.readiness"]
    assert [child.tag for child in case] == ["skipped"] and "critical, silenced" in str(case[0].get("message"))
    metrics = (tmp_path / "reports/latest.prom").read_text()
    assert 'check="api.rest.readiness",kind="silence"} 1' in metrics
    assert 'runbook_failing_checks{platform="xorb-demo",procedure="health_check"} 0' in metrics
    assert run("ledger_verify").status == 0


def test_silence_of_something_else_fails_all_the_same(run: Run, broken: Broken) -> None:
    silence(run, "silence_create", services="redis", reason="another thing", **{"for": "1h"})
    with broken("api_unready"):
        ran = run("health_check", *ONLY)
    assert ran.status == 2
    assert ran.report["suppressed"] == []


def test_silence_ends_by_itself_and_is_reported(run: Run, broken: Broken) -> None:
    end = datetime.now(UTC) + timedelta(seconds=45)
    silence(run, "silence_create", services="api", reason="a new release", until=end.isoformat())
    with broken("api_unready"):
        time.sleep(max(0.0, (end - datetime.now(UTC)).total_seconds()) + 1)
        ran = run("health_check", *ONLY)
    assert ran.status == 2
    assert ran.report["suppressed"] == []
    assert any(note.startswith("ended, and") and "a new release" in note for note in ran.report["notes"])


def test_acknowledgement_covers_one_failure_only(run: Run, broken: Broken) -> None:
    with broken("api_unready"):
        assert run("health_check", *ONLY).status == 2
        silence(run, "acknowledgement_create", checks="api.*", reason="on it", **{"for": "1h"})
        acknowledged = run("health_check", *ONLY)
    assert acknowledged.status == 0, acknowledged.output
    assert suppressions(acknowledged)[READINESS] == "acknowledgement"
    assert run("health_check", *ONLY).status == 0
    with broken("api_unready"):
        again = run("health_check", *ONLY)
    assert again.status == 2
    assert any("was fine meanwhile" in note for note in again.report["notes"])


def test_failure_counts_after_as_many_as_were_asked_for(run: Run, broken: Broken) -> None:
    patient = ("-e", "platform_fail_after='2 of 3'")
    assert run("health_check", *ONLY, *patient).status == 0
    with broken("api_unready"):
        first, second = (run("health_check", *ONLY, *patient) for _run in range(2))
    assert (first.status, second.status) == (0, 2)
    assert suppressions(first)[READINESS] == "pending" and second.report["suppressed"] == []
    assert first.statuses[READINESS] == "critical"


def test_slices_are_put_together_and_a_lost_one_is_no_green(run: Run) -> None:
    part = ("-e", "platform_slice_of=tonight")
    assert run("health_check", "--limit", "xorb-web:xorb-db", *part).status == 0
    lost = run("report_merge", *part)
    assert lost.status == 2
    assert lost.statuses["xorb-monitor/runbook.host.reachable"] == "unknown"
    assert run("health_check", "--limit", "xorb-monitor", *part).status == 0
    whole = run("report_merge", *part)
    assert whole.status == 0, whole.output
    assert whole.report["received"] == whole.report["expected"] > 20
    assert whole.report["not_run"] == []
