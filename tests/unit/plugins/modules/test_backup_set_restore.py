# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module that restores a set: what it previews, what it refuses, and what its job comes to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.modules import backup_set_restore

from tests.support.modules import run_module
from tests.support.restoring import Host


class World(Host):
    """A file, and its backup, of which there is a verified set."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "app.conf"
        self.file.write_text("first")
        super().__init__(folder, "files", "tar", paths=[str(self.file)])
        self.id = self.take()
        self.file.write_text("second")

    def run(self, *, check_mode: bool = False, **options: Any) -> dict[str, Any]:
        names = {name: self.given[name] for name in ("platform", "service", "backup", "host")}
        files = {name: self.given[name] for name in ("directory", "paths")}
        given = {**names, "files": files, "state_dir": str(self.folder / "state"), "wait": 600, **options}
        return run_module(backup_set_restore, check_mode=check_mode, **given)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_preview_changes_nothing(world: World) -> None:
    result = world.run(check_mode=True, in_place=world.name)
    assert result["changed"]
    assert result["lines"][0].startswith(f"{world.id} of ")
    assert result["seconds"] > 0
    assert world.file.read_text() == "second"


def test_set_is_restored_put_back_and_dropped_by_jobs(world: World) -> None:
    restored = world.run(in_place=world.name)
    assert world.file.read_text() == "first", restored
    assert restored["restored"]["set"] == world.id
    checks = {check["id"]: check["status"] for check in restored["checks"]}
    assert checks == dict.fromkeys(
        (f"main.daily.{aspect}" for aspect in ("recovery_time", "recovery_point", "recovered")), "ok"
    )
    undone = world.run(undo=restored["restored"]["kept"])
    assert world.file.read_text() == "second"
    dropped = world.run(drop=undone["done"].rpartition(" ")[2])
    assert dropped["done"].endswith("is removed for good")
    assert not [path for path in world.folder.iterdir() if path.name.startswith("app.conf.")]


def test_restore_that_took_too_long_and_an_old_set_are_warned_of(world: World) -> None:
    slow = {"restore_warning": 0.001, "age_critical": 0.0000001, "directory": world.given["directory"]}
    restored = world.run(files={**slow, "paths": world.given["paths"]})
    checks = {check["id"].rpartition(".")[2]: check["status"] for check in restored["checks"]}
    assert checks["recovery_time"] == "warning"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"undo": "a", "drop": "b"}, "undo and drop: only one thing is done at a time"),
        ({"undo": "a", "set": "b"}, "undo and set: only one thing is done at a time"),
        ({"set": "a", "at": "2026-11-30T09:45:00Z"}, "set and at: a set is chosen by its name or by a time"),
        ({"at": "2026-11-30T09:45:00"}, "has no offset; add Z for UTC"),
        ({"at": "yesterday"}, "expected a time like 2026-11-30T09:45:00Z"),
        ({"at": "2001-01-01T00:00:00+01:00"}, "there is no set of 2000-12-31 23:00:00 UTC or before it"),
        ({"set": "20010101T000000Z"}, "there is no set 20010101T000000Z; the newest are: "),
        ({"in_place": "other"}, "in place of 'other' was typed, and what is restored is 'main.daily'"),
        ({"undo": "main.daily_before_20010101T000000Z"}, "what is kept: nothing"),
        ({"database": "x"}, "a set of main.daily has no database 'x'"),
        ({"target": "relative"}, "relative: expected the absolute path of a folder"),
    ],
)
@pytest.mark.parametrize("check_mode", [True, False])
def test_wrong_wish_is_refused_by_preview_and_job(
    world: World, options: dict[str, str], message: str, check_mode: bool
) -> None:
    result = world.run(check_mode=check_mode, **options)
    assert result["failed"]
    assert message in result["msg"]
    assert world.file.read_text() == "second"
