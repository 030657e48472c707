# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module that hands a piece to a job."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.xorb.runbook.plugins.modules import backup_set_deliver

from tests.support.modules import run_module


def test_job_that_there_is_not_and_what_is_no_base64(tmp_path: Path) -> None:
    state = str(tmp_path / "state")
    gone = run_module(backup_set_deliver, job="0" * 32, data="YQ==", state_dir=state)
    assert gone["failed"] and "there is no job" in gone["msg"]
    assert not Path(state).exists()
    wrong = run_module(backup_set_deliver, job="0" * 32, data="?", state_dir=state)
    assert wrong["failed"] and "data: expected base64" in wrong["msg"]
