# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The list of sets: each with what is known of it, and a folder that cannot be read costs its own backup only."""

from __future__ import annotations

import time
from pathlib import Path

from ansible_collections.xorb.runbook.plugins.modules import backup_set_info

from tests.support.modules import run_module
from tests.support.sets import DAY, HOUR, Sets


def test_each_set_is_listed_with_its_proof_and_its_end(tmp_path: Path) -> None:
    sets = Sets(tmp_path)
    now = time.time()
    damaged = sets.take(3 * DAY, now=now)
    sets.damage(damaged)
    failed = sets.verify(sets.take(2 * DAY, now=now), "data: is gone")
    good = sets.verify(sets.take(HOUR, now=now))
    sets.store.make("20200101T000000Z")
    (tmp_path / "proxy.broken").write_text("no folder")
    backups = [
        {"service": "proxy", "backup": name, "directory": str(tmp_path)} for name in ("config", "broken", "none")
    ]
    listed, broken, none = run_module(backup_set_info, backups=backups, state_dir=str(tmp_path / "state"))["backups"]
    assert [(one["id"], one["verified"]) for one in listed["sets"]] == [
        (good.id, True),
        (failed.id, False),
        (damaged.id, False),
    ]
    assert listed["sets"][0]["keeps"] and listed["sets"][1]["expires"] == listed["sets"][2]["expires"]
    assert listed["sets"][1]["receipt"]["faults"] == ["data: is gone"]
    assert "digest" in listed["sets"][2]["fault"] or "JSON" in listed["sets"][2]["fault"]
    assert listed["left_over"] == [".making-20200101T000000Z"]
    assert "Not a directory" in broken["fault"] and broken["sets"] == []
    assert (none["fault"], none["sets"]) == ("", [])
    assert not (tmp_path / "state").exists()
