# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module that keeps what was proved elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.modules import backup_set, backup_set_receipt

from tests.support import backup_jobs
from tests.support.backup_jobs import worked
from tests.support.bringing import Prover


@pytest.fixture
def given(tmp_path: Path) -> dict[str, Any]:
    return backup_jobs.files(tmp_path)


def test_preview_keeps_nothing_and_a_receipt_that_is_none_is_refused(given: dict[str, Any], tmp_path: Path) -> None:
    name = worked(backup_set, **given)["set"]["id"]
    other = Prover(tmp_path / "other", given)
    receipt = other.prove(name)["receipt"]
    receipts = tmp_path / "backups/proxy.config/.receipts"
    assert other.keep(name, receipt, check_mode=True)["changed"] and not receipts.exists()
    for wrong in ({}, {**receipt, "more": 1}, {key: value for key, value in receipt.items() if key != "at"}):
        refused = other.keep(name, wrong)
        assert refused["failed"] and "the receipt cannot be read" in refused["msg"]
    assert not receipts.exists() and backup_set_receipt.OPTIONS["receipt"].required
    assert other.keep(name, receipt)["kept"]["faults"] == [] and len(list(receipts.iterdir())) == 1
