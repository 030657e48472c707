# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module that verifies sets: which are due, what a receipt has, and that a bad set fails."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.modules import backup_set, backup_set_verify

from tests.support import backup_jobs
from tests.support.backup_jobs import worked
from tests.support.modules import run_module


@pytest.fixture
def given(tmp_path: Path) -> dict[str, Any]:
    return backup_jobs.files(tmp_path)


def test_newest_set_is_verified_once(given: dict[str, Any]) -> None:
    made = worked(backup_set, **given)
    due = run_module(backup_set_verify, only_plan=True, **given)["due"]
    assert [one["id"] for one in due] == [made["set"]["id"]]
    proved = worked(backup_set_verify, **given)
    assert proved["changed"] and [one["faults"] for one in proved["receipts"]] == [[]]

    again = worked(backup_set_verify, **given)
    assert (again["changed"], again["receipts"]) == (False, [])
    named = worked(backup_set_verify, sets=[made["set"]["id"]], **given)
    assert [one["id"] for one in named["receipts"]] == [made["set"]["id"]]


def test_random_older_set_is_chosen_alike_by_plan_and_run(given: dict[str, Any]) -> None:
    for _set in range(3):
        worked(backup_set, **given)
        time.sleep(1)
    plan = run_module(backup_set_verify, only_plan=True, older=True, **given)
    proved = worked(backup_set_verify, older=True, **given)
    assert len(proved["receipts"]) == 2
    assert [one["id"] for one in plan["due"]] == [one["id"] for one in proved["receipts"]]


def test_set_that_is_bad_fails_and_keeps_its_receipt(given: dict[str, Any], tmp_path: Path) -> None:
    made = worked(backup_set, **given)
    folder = tmp_path / "backups/proxy.config" / made["set"]["id"]
    stored = next(path for path in sorted(folder.iterdir()) if path.name != "manifest.json")
    stored.write_bytes(stored.read_bytes()[:-1])
    result = worked(backup_set_verify, **given)
    assert result["failed"] and f"{made['set']['id']}: {stored.name}: has " in result["msg"]
    assert result["receipts"][0]["faults"]
