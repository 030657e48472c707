# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The playbook ``run_diff``: what changed, and exit status 0 unless it was impossible to compare."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, OK
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.ledger.ledger import Ledger

from tests.support.lab import Lab
from tests.support.sample_reports import assembled, check


def record(lab: Lab, status: str = OK, **run: Any) -> str:
    """Append a run where the platform's ledger is looked for and return its id."""
    made = assembled([check("one", "api", "port", "connect", status, message=f"it is {status}")])
    made = replace(made, run=replace(made.run, **{"platform": "lab", **run}))
    Ledger(str(lab.folder / "state" / "ledger.sqlite")).append(made, retention_days=90)
    return made.run.id


def test_run_diff_of_real_runs_names_the_new_failure(lab: Lab, open_port: int, closed_port: int) -> None:
    def api(port: int) -> dict[str, Any]:
        return {"api": {"hosts": "web", "endpoints": {"port": {"kind": "tcp", "port": port}}}}

    lab.variables["platform_services"] = api(open_port)
    assert lab.play("health_check").status == 0
    lab.variables["platform_services"] = api(closed_port)
    assert lab.play("health_check").status == 2
    ran = lab.play("run_diff", "--check", "--tags", "nothing")
    assert ran.status == 0, ran.output
    assert "run 2 of health_check" in ran.output and "against run 1 of health_check" in ran.output
    assert "new failures (1)" in ran.output and "-> critical" in ran.output


def test_run_diff_skips_bad_runs_unless_told(lab: Lab) -> None:
    record(lab)
    bad = record(lab, CRITICAL, id="20260101T000000-bad")
    record(lab)
    ran = lab.play("run_diff")
    assert ran.status == 0, ran.output
    assert "against run 1 of daily" in ran.output
    assert "no difference: 1 check as before" in ran.output
    ran = lab.play("run_diff", "-e", f"run_diff_from={bad}", "-e", "run_diff_to=3")
    assert "fixed (1)" in ran.output


def test_run_diff_takes_the_procedure_that_is_asked_for(lab: Lab) -> None:
    record(lab)
    record(lab)
    record(lab, procedure="health_check")
    assert "run 2 of daily" in lab.play("run_diff", "-e", "run_diff_procedure=daily").output


def test_run_diff_impossible_is_a_sentence(lab: Lab) -> None:
    ran = lab.play("run_diff")
    assert ran.status == 2
    assert "there is no ledger at" in " ".join(ran.output.split())
    record(lab, CRITICAL)
    ran = lab.play("run_diff")
    assert ran.status == 2
    assert "there is no good run of daily before run 1" in " ".join(ran.output.split())
    ran = lab.play("run_diff", "-e", "run_diff_from=1")
    assert ran.status == 2
    assert "cannot be compared with itself" in " ".join(ran.output.split())
