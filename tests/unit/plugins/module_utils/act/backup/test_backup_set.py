# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module that takes sets: a job does the work, and the plan changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.modules import backup_set

from tests.support import backup_jobs
from tests.support.backup_jobs import worked
from tests.support.modules import run_module


@pytest.fixture
def given(tmp_path: Path) -> dict[str, Any]:
    return backup_jobs.files(tmp_path)


def test_set_is_taken_by_a_job(given: dict[str, Any], tmp_path: Path) -> None:
    plan = run_module(backup_set, only_plan=True, **given)
    assert not plan["changed"] and plan["forecast"]["plain_bytes"] and plan["predicted"] == {}
    assert not (tmp_path / "backups").exists() and not (tmp_path / "state").exists()
    assert run_module(backup_set, check_mode=True, **given)["changed"]

    made = worked(backup_set, **given)
    assert made["changed"] and made["set"]["parts"] == "2 files" and not made["set"]["verified"]
    assert (tmp_path / "backups/proxy.config" / made["set"]["id"] / "manifest.json").is_file()
    assert run_module(backup_set, only_plan=True, **given)["predicted"]["bytes"] == made["set"]["size"]


@pytest.mark.parametrize(
    ("kinds", "got"),
    [({"files": None}, "none"), ({"postgres": {"databases": ["a"], "login": {"user": "a"}}}, "postgres and files")],
)
def test_exactly_one_kind_is_taken(given: dict[str, Any], kinds: dict[str, Any], got: str) -> None:
    result = run_module(backup_set, only_plan=True, **{**given, **kinds})
    assert result["failed"] and f"expected exactly one of them, got {got}" in result["msg"]


def test_path_that_is_missing_refuses_plan_and_job(given: dict[str, Any], tmp_path: Path) -> None:
    given["files"]["paths"] = [str(tmp_path / "gone")]
    assert "gone" in run_module(backup_set, only_plan=True, **given)["msg"]
    result = worked(backup_set, **given)
    assert result["failed"] and "gone" in result["msg"]
    assert not list((tmp_path / "backups").rglob("manifest.json"))


def test_job_that_is_unknown_is_refused(given: dict[str, Any]) -> None:
    result = run_module(backup_set, job="0" * 32, **given)
    assert result["failed"] and "there is no job" in result["msg"]
