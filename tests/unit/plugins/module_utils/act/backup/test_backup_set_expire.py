# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What expires: exactly what was named and the rule still lets go; and whatever is killed, a set is whole or gone."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._act import journal
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup import expire
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.recoveries import RECOVERIES
from ansible_collections.xorb.runbook.plugins.modules import backup_set_expire

from tests.support import crash
from tests.support.modules import run_module
from tests.support.sets import DAY, HOUR, Sets

NONE = {"daily": 0, "weekly": 0, "monthly": 0, "minimum_redundancy": 1}


@pytest.fixture
def sets(tmp_path: Path) -> Sets:
    """Two old sets, and a new one that is verified."""
    made = Sets(tmp_path / "backups")
    for days in (3, 2):
        made.take(days * DAY, now=time.time())
    made.verify(made.take(HOUR, now=time.time()))
    return made


def names(sets: Sets) -> list[str]:
    return [one.id for one in sets.store.sets()]


def given(made: Sets, **more: Any) -> dict[str, Any]:
    return {"service": "proxy", "backup": "config", "directory": str(made.folder), "keep": NONE, **more}


def expired(sets: Sets, *named: str, check_mode: bool = False) -> dict[str, Any]:
    state = str(sets.folder.parent / "state")
    return run_module(
        backup_set_expire, check_mode=check_mode, backups=[given(sets, sets=list(named))], state_dir=state
    )


def test_only_what_is_named_goes(sets: Sets) -> None:
    newest, older, oldest = names(sets)
    preview = expired(sets, oldest, check_mode=True)
    assert preview["changed"] and names(sets) == [newest, older, oldest]
    result = expired(sets, oldest)
    assert [one["id"] for one in result["expired"]] == [oldest]
    assert names(sets) == [newest, older]


def test_what_the_rule_keeps_is_refused_and_the_others_go(sets: Sets) -> None:
    newest, older, oldest = names(sets)
    result = expired(sets, newest, oldest, "20200101T000000Z")
    assert result["failed"] and f"{newest} stays: among the newest verified ones" in result["msg"]
    assert "there is no set '20200101T000000Z'" in result["msg"]
    assert names(sets) == [newest, older]


def test_nothing_goes_once_the_newest_verified_set_is_damaged(sets: Sets) -> None:
    newest, _older, oldest = names(sets)
    sets.damage(sets.store.find(newest))
    before = names(sets)
    result = expired(sets, oldest)
    assert result["failed"] and "nothing expires" in result["msg"]
    assert names(sets) == before


def test_killed_anywhere_a_set_is_whole_or_gone_and_the_next_run_ends_it(sets: Sets) -> None:
    state, saved = sets.folder.parent / "state", sets.folder.parent / "saved"
    shutil.copytree(sets.folder, saved)
    newest, older, oldest = names(sets)

    def prepare() -> None:
        for folder in (state, sets.folder):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(saved, sets.folder)
        with journal.locked(state, what="test", operator="test"):
            pass

    def remove() -> None:
        with journal.locked(state, what="test", operator="test") as held:
            list(expire.expire(given(sets), [oldest], held))

    deaths = 0
    for _point in crash.every_point(remove, prepare=prepare):
        deaths += 1
        assert all(one.manifest and (one.folder / "data").is_file() for one in sets.store.sets())
        assert {newest, older} <= {*names(sets)}
        with journal.locked(state, what="test", operator="test") as held:
            journal.recover(held, RECOVERIES)
            assert held.unfinished() == []
        if oldest not in names(sets):
            assert sets.store.left_over() == []
    assert deaths and names(sets) == [newest, older]
