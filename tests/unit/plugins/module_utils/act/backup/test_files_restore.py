# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files that are restored: into a folder or in place, whole or not at all, and back again."""

from __future__ import annotations

import os
import pwd
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup import create, restore
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.files import restore as files_restore
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.restorer import Request
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from tests.support.restoring import Host

NAME = "main.daily"


class World(Host):
    """A folder with files in it, and their backup."""

    def __init__(self, folder: Path) -> None:
        self.files, self.single = folder / "etc/app", folder / "etc/single.conf"
        super().__init__(folder, "files", "tar", paths=[str(self.files), str(self.single)])
        self.fill("first")

    def fill(self, text: str) -> None:
        """Write the files of the service anew, so that each says the same."""
        shutil.rmtree(self.files, ignore_errors=True)
        self.files.mkdir(parents=True)
        (self.files / "a.conf").write_text(text)
        (self.files / "link").symlink_to("a.conf")
        self.single.write_text(text)

    def says(self) -> str:
        """What all files of the service say; fails where they do not say the same, or one is missing."""
        (text,) = {(self.files / "link").read_text(), (self.files / "a.conf").read_text(), self.single.read_text()}
        return text

    def everything(self) -> set[str]:
        """Every path but those of sets and of the host's state."""
        every = {str(path.relative_to(self.folder)) for path in self.folder.rglob("*")}
        return {path for path in every if not path.startswith((f"backups/{NAME}/2", "state", f"backups/{NAME}/."))}

    def forget(self) -> None:
        """Remove what restores have kept."""
        for path in [*self.folder.rglob("*.before-*"), *self.folder.rglob("*.undone-*")]:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
        shutil.rmtree(self.folder / f"backups/{NAME}/.kept", ignore_errors=True)

    def is_whole(self) -> None:
        """Fails where some files are old and some new, or where something is left of a restore."""
        assert self.says() in {"first", "second"}
        assert not [path for path in self.everything() if ".xorb-restore-" in path]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_set_is_restored_into_a_folder_and_nothing_in_service_changes(world: World) -> None:
    name = world.take()
    world.fill("second")
    outcome = world.restore()
    target = world.folder / "backups/main.daily_recovery"
    assert (outcome.set, outcome.name, outcome.in_place, outcome.kept) == (name, str(target), False, "")
    assert (target / str(world.single).lstrip("/")).read_text() == "first"
    assert world.says() == "second"
    assert outcome.seconds > 0
    assert outcome.lost_seconds > 0


def test_a_folder_that_is_not_empty_is_left_alone(world: World) -> None:
    world.take()
    world.restore()
    before = world.everything()
    with pytest.raises(RunbookError, match=r"main\.daily_recovery is not empty, and nothing is restored into it"):
        world.restore()
    assert world.everything() == before


def test_an_empty_folder_is_taken(world: World) -> None:
    world.take()
    target = world.folder / "empty"
    target.mkdir()
    world.restore(target=str(target))
    assert (target / str(world.single).lstrip("/")).read_text() == "first"


def test_in_place_the_old_files_are_kept_and_come_back_by_undo(world: World) -> None:
    world.take()
    world.fill("second")
    outcome = world.restore(in_place=NAME)
    assert world.says() == "first"
    assert outcome.kept.startswith("main.daily_before_")
    stamp = outcome.kept[-16:]
    assert world.single.with_name(f"single.conf.before-{stamp}").read_text() == "second"
    undone = world.undo(outcome.kept)
    assert world.says() == "second"
    assert undone == f"main.daily_undone_{stamp}"
    with pytest.raises(RunbookError, match="nothing is kept as"):
        world.undo(outcome.kept)
    world.drop(undone)
    assert not [path for path in world.everything() if stamp in path]


def test_what_was_kept_is_dropped_by_its_name_and_by_no_other(world: World) -> None:
    world.take()
    outcome = world.restore(in_place=NAME)
    for wrong in ("main.daily", outcome.kept[:-1], f"{outcome.kept}x", "main.daily_before_20000101T000000Z"):
        with pytest.raises(RunbookError, match=f"what is kept: {outcome.kept}"):
            world.drop(wrong)
    world.drop(outcome.kept)
    assert world.says() == "first"
    with pytest.raises(RunbookError, match="what is kept: nothing"):
        world.drop(outcome.kept)


def test_another_name_than_that_of_the_backup_changes_nothing(world: World) -> None:
    world.take()
    with pytest.raises(
        RunbookError, match=r"in place of 'main\.dayly' was typed, and what is restored is 'main\.daily'"
    ):
        world.restore(in_place="main.dayly")
    assert not list((world.folder / "state/journal").glob("*restore*"))


def test_a_path_that_was_not_there_is_gone_again_after_undo(world: World) -> None:
    world.take()
    world.single.unlink()
    outcome = world.restore(in_place=NAME)
    assert world.single.read_text() == "first"
    world.undo(outcome.kept)
    assert not world.single.exists()


def test_a_set_that_was_never_verified_is_restored_only_on_demand(world: World) -> None:
    name = world.take(verified=False)
    with pytest.raises(RunbookError, match=f"the set {name} was never verified, .* backup_restore_unverified: true"):
        world.restore()
    assert world.restore(unverified=True).set == name


def test_one_flipped_bit_and_nothing_is_changed(world: World) -> None:
    name = world.take()
    archive = next((world.folder / "backups/main.daily" / name).glob("files.tar*"))
    data = bytearray(archive.read_bytes())
    data[len(data) // 2] ^= 1
    archive.write_bytes(data)
    world.fill("second")
    before = world.everything()
    with pytest.raises(RunbookError, match=rf"the set {name} is damaged: {archive.name}: is not as it was written"):
        world.restore(in_place=NAME)
    assert world.says() == "second"
    assert world.everything() == before


def test_an_owner_who_is_another_one_here_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.take()
    world.fill("second")
    here = pwd.getpwuid(os.geteuid()).pw_name
    monkeypatch.setattr(files_restore, "_user_name", lambda _number: "stranger")
    with pytest.raises(RunbookError, match=f"the user {os.geteuid()} of the set is {here}, and here it is stranger"):
        world.restore()
    assert world.says() == "second"


def test_killed_anywhere_the_files_are_all_old_or_all_new(world: World) -> None:
    world.take()

    def prepare() -> None:
        world.forget()
        world.fill("second")

    outcomes = world.killed_everywhere(lambda: world.restore(in_place=NAME), prepare, world.is_whole)
    assert outcomes == {"done", "rolled_back"}


def test_an_undo_that_is_killed_anywhere_is_done_or_is_not(world: World) -> None:
    world.take()
    kept: list[str] = []

    def prepare() -> None:
        world.forget()
        world.fill("second")
        kept[:] = [world.restore(in_place=NAME).kept]

    outcomes = world.killed_everywhere(lambda: world.undo(kept[0]), prepare, world.is_whole)
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
