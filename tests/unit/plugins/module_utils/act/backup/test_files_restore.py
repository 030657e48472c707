# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files that are restored: into a folder or in place, whole or not at all, and back again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup import create, files_restore, restore, verify
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.restorer import Request
from ansible_collections.xorb.runbook.plugins.module_utils._act.journal import Journal, locked, recover
from ansible_collections.xorb.runbook.plugins.module_utils._act.progress import Progress
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from tests.support import crash

NAME = "web.config"
IN_PLACE = Request(in_place=NAME)


class World:
    """A folder with files in it, their backup, and the state of a host."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.files = folder / "etc/app"
        self.single = folder / "etc/single.conf"
        self.absent = folder / "srv/late.conf"
        self.given: Mapping[str, Any] = {
            "kind": "files",
            "engine": "tar",
            "paths": [str(self.files), str(self.single)],
            "directory": str(folder / "backups"),
            "platform": "shop",
            "service": "web",
            "backup": "config",
            "host": "web1",
            "container": None,
        }
        self.fill("first")

    def fill(self, text: str) -> None:
        """Write the files of the service anew, so that each says the same."""
        shutil.rmtree(self.files, ignore_errors=True)
        self.files.mkdir(parents=True)
        (self.files / "a.conf").write_text(text)
        (self.files / "link").symlink_to("a.conf")
        self.single.write_text(text)

    def take(self, *, verified: bool = True) -> str:
        with self.journal() as journal:
            made = create.create(self.given, journal, Progress())
            if verified:
                verify.verify(self.given, create.store_of(self.given).find(made.id), (), journal, Progress())
        return made.id

    def journal(self) -> Any:
        return locked(self.state, what="test", operator="test")

    def restore(self, request: Request = IN_PLACE) -> restore.Outcome:
        with self.journal() as journal:
            self.recover(journal)
            return restore.restore(self.given, request, (), journal, Progress())

    def recover(self, journal: Journal) -> list[str]:
        ended, left = recover(journal, restore.recoveries(self.given))
        assert not left
        return [one.outcome for one in ended]

    def undo(self, name: str) -> str:
        with self.journal() as journal:
            self.recover(journal)
            return restore.undo(self.given, name, journal, Progress())

    def drop(self, name: str) -> None:
        with self.journal() as journal:
            restore.drop(self.given, name, journal, Progress())

    def says(self) -> str:
        """What all files of the service say; fails where they do not say the same, or one is missing."""
        texts = {(self.files / "link").read_text(), (self.files / "a.conf").read_text(), self.single.read_text()}
        (text,) = texts
        return text

    def everything(self) -> set[str]:
        """Every path but those of sets and of the host's state."""
        every = {str(path.relative_to(self.folder)) for path in self.folder.rglob("*")}
        return {path for path in every if not path.startswith(("backups/web.config/2", "state", "backups/web.config/."))}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_set_is_restored_into_a_folder_and_nothing_in_service_changes(world: World) -> None:
    name = world.take()
    world.fill("second")
    outcome = world.restore(Request())
    target = world.folder / "backups/web.config_recovery"
    assert (outcome.set, outcome.name, outcome.in_place, outcome.kept) == (name, str(target), False, "")
    assert (target / str(world.single).lstrip("/")).read_text() == "first"
    assert world.says() == "second"
    assert outcome.seconds > 0
    assert outcome.lost_seconds > 0


def test_a_folder_that_is_not_empty_is_left_alone(world: World) -> None:
    world.take()
    world.restore(Request())
    before = world.everything()
    with pytest.raises(RunbookError, match=r"web\.config_recovery is not empty, and nothing is restored into it"):
        world.restore(Request())
    assert world.everything() == before


def test_an_empty_folder_is_taken(world: World) -> None:
    world.take()
    target = world.folder / "empty"
    target.mkdir()
    world.restore(Request(target=str(target)))
    assert (target / str(world.single).lstrip("/")).read_text() == "first"


def test_in_place_the_old_files_are_kept_and_come_back_by_undo(world: World) -> None:
    world.take()
    world.fill("second")
    outcome = world.restore()
    assert world.says() == "first"
    assert outcome.kept.startswith("web.config_before_")
    stamp = outcome.kept[-16:]
    assert world.single.with_name(f"single.conf.before-{stamp}").read_text() == "second"
    undone = world.undo(outcome.kept)
    assert world.says() == "second"
    assert undone == f"web.config_undone_{stamp}"
    with pytest.raises(RunbookError, match="nothing is kept as"):
        world.undo(outcome.kept)
    world.drop(undone)
    assert not [path for path in world.everything() if stamp in path]


def test_what_was_kept_is_dropped_by_its_name_and_by_no_other(world: World) -> None:
    world.take()
    outcome = world.restore()
    for wrong in ("web.config", outcome.kept[:-1], f"{outcome.kept}x", "web.config_before_20000101T000000Z"):
        with pytest.raises(RunbookError, match=f"what is kept: {outcome.kept}"):
            world.drop(wrong)
    world.drop(outcome.kept)
    assert world.says() == "first"
    with pytest.raises(RunbookError, match="what is kept: nothing"):
        world.drop(outcome.kept)


def test_another_name_than_that_of_the_backup_changes_nothing(world: World) -> None:
    world.take()
    with pytest.raises(RunbookError, match=r"in place of 'web\.confg' was typed, and what is restored is 'web\.config'"):
        world.restore(Request(in_place="web.confg"))
    assert not list((world.state / "journal").glob("*restore*"))


def test_a_path_that_was_not_there_is_gone_again_after_undo(world: World) -> None:
    world.take()
    world.single.unlink()
    outcome = world.restore()
    assert world.single.read_text() == "first"
    world.undo(outcome.kept)
    assert not world.single.exists()


def test_a_set_that_was_never_verified_is_restored_only_on_demand(world: World) -> None:
    name = world.take(verified=False)
    with pytest.raises(RunbookError, match=f"the set {name} was never verified, .* backup_restore_unverified: true"):
        world.restore(Request())
    assert world.restore(Request(unverified=True)).set == name


def test_one_flipped_bit_and_nothing_is_changed(world: World) -> None:
    name = world.take()
    archive = next((world.folder / "backups/web.config" / name).glob("files.tar*"))
    data = bytearray(archive.read_bytes())
    data[len(data) // 2] ^= 1
    archive.write_bytes(data)
    world.fill("second")
    before = world.everything()
    with pytest.raises(RunbookError, match=rf"the set {name} is damaged: {archive.name}: is not as it was written"):
        world.restore()
    assert world.says() == "second"
    assert world.everything() == before


def test_an_owner_who_is_another_one_here_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.take()
    world.fill("second")
    here = files_restore.pwd.getpwuid(os.geteuid()).pw_name
    monkeypatch.setattr(files_restore, "_user_name", lambda _number: "stranger")
    with pytest.raises(RunbookError, match=f"the user {os.geteuid()} of the set is {here}, and here it is stranger"):
        world.restore()
    assert world.says() == "second"


def kill_everywhere(world: World, act: Any, prepare: Any, allowed: set[str]) -> set[str]:
    """Kill something at each point, and have the next run end it; returns how those ended."""
    outcomes = set()
    for _point in crash.every_point(act, prepare=prepare):
        with world.journal() as journal:
            outcomes |= set(world.recover(journal))
        assert world.says() in allowed
        left = [path for path in world.everything() if ".xorb-restore-" in path]
        assert not left
    return outcomes


def test_killed_anywhere_the_files_are_all_old_or_all_new(world: World) -> None:
    world.take()
    store = create.store_of(world.given)
    (one,) = store.sets()
    scratch: list[Path] = []

    def prepare() -> None:
        for path in world.folder.rglob("*.before-*"):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
        shutil.rmtree(store.folder / ".kept", ignore_errors=True)
        world.fill("second")

    outcomes = kill_everywhere(world, lambda: world.restore(), prepare, {"first", "second"})
    assert outcomes == {"done", "rolled_back"}
    assert one.verified
    assert not scratch


def test_an_undo_that_is_killed_anywhere_is_done_or_is_not(world: World) -> None:
    world.take()
    kept: list[str] = []

    def prepare() -> None:
        for path in [*world.folder.rglob("*.before-*"), *world.folder.rglob("*.undone-*")]:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
        shutil.rmtree(world.folder / "backups/web.config/.kept", ignore_errors=True)
        world.fill("second")
        kept[:] = [world.restore().kept]

    outcomes = kill_everywhere(world, lambda: world.undo(kept[0]), prepare, {"first", "second"})
    assert outcomes == {"done", "rolled_back"}


def test_a_time_chooses_the_newest_set_before_it(world: World) -> None:
    store = create.store_of(world.given)
    ids = [world.take(), world.take()]
    sets = store.sets()
    assert [one.id for one in sets] == ids[::-1]
    assert restore.chosen(sets, Request()).id == ids[1]
    assert restore.chosen(sets, Request(at=sets[1].begin + 0.5)).id == ids[0]
    assert restore.chosen(sets, Request(set=ids[0])).id == ids[0]
    with pytest.raises(RunbookError, match="there is no set of 1970-01-01 00:00:00 UTC or before it"):
        restore.chosen(sets, Request(at=0.0))
    damaged = [replace(sets[0], fault="torn", manifest=None, receipt=None), sets[1]]
    assert restore.chosen(damaged, Request()).id == ids[0]
    with pytest.raises(RunbookError, match=f"the set {ids[1]} cannot be restored: torn"):
        restore.chosen(damaged, Request(set=ids[1], unverified=True))
