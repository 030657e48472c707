# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A host that has nothing but a copy elsewhere: what is refused first, what comes back, and what kills leave."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup import space
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.files import restore
from ansible_collections.xorb.runbook.plugins.modules import backup_set_restore

from tests.support import peers
from tests.support.backup_jobs import worked
from tests.support.copies import Copies
from tests.support.modules import run_module


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


class Lost:
    """A host of which there is nothing any more but the copy of its backup, and what stands in for it."""

    def __init__(self, site: Copies) -> None:
        self.site = site
        self.id = site.initialized()
        self.etc = site.folder / "etc"
        self.before = digests(self.etc)
        for folder in (site.store.folder, site.folder / "state", self.etc):
            shutil.rmtree(folder)

    def given(self, **options: Any) -> dict[str, Any]:
        names = ("repository", "password", "answer_timeout")
        copy = {name: self.site.given[name] for name in names}
        about = {"host": "one", **options.pop("copy", {})}
        return {**self.site.backup, "copy": {"name": "offsite", **copy, **about}, **options}

    def plan(self, **options: Any) -> dict[str, Any]:
        return run_module(backup_set_restore, only_plan=True, **self.given(**options))

    def restore(self, **options: Any) -> dict[str, Any]:
        return worked(backup_set_restore, **self.given(**options))

    def nothing_here(self) -> bool:
        return not self.site.store.folder.exists() and not self.etc.exists()


@pytest.fixture
def lost(site: Copies) -> Lost:
    return Lost(site)


def test_preview_says_all_and_changes_nothing_anywhere(lost: Lost) -> None:
    there = digests(lost.site.repository)
    shown = lost.plan(in_place="proxy.config")
    text = "\n".join(shown["lines"])
    (snapshot,) = lost.site.snapshots()
    assert f"{lost.id} comes from the copy offsite in {lost.site.repository}, snapshot {snapshot['id'][:8]}" in text
    assert "of the host one" in text and "copied once it was verified" in text
    assert shown["seconds"] > 0 and shown["brought"] is True
    assert lost.nothing_here() and digests(lost.site.repository) == there


def test_files_come_back_where_they_were_out_of_the_copy(lost: Lost) -> None:
    there = digests(lost.site.repository)
    done = lost.restore(in_place="proxy.config")
    assert not done.get("failed"), done["msg"]
    assert digests(lost.etc) == lost.before
    assert done["restored"]["set"] == lost.id and "out of the copy offsite in" in done["done"]
    assert [one.id for one in lost.site.store.sets()] == [lost.id], "the set stays"
    assert digests(lost.site.repository) == there, "nothing is written where it came from"
    again = lost.plan()
    assert "is on this host already, and is not brought back again" in "\n".join(again["lines"])
    assert again["brought"] is False


def test_set_is_chosen_by_its_name_or_its_time(site: Copies) -> None:
    first = site.initialized()
    second = site.take()
    site.copy()
    host = Lost.__new__(Lost)
    host.site = site
    moment = f"{first[:4]}-{first[4:6]}-{first[6:11]}:{first[11:13]}:{first[13:15]}Z"
    for options in ({"set": first}, {"at": moment}):
        shown = host.plan(**options)
        assert shown["lines"][0].startswith(f"{first} comes from") and second in "\n".join(shown["lines"])
    assert host.plan()["lines"][0].startswith(f"{second} comes from")
    too_early = host.plan(at="2001-01-01T00:00:00Z")
    assert too_early["failed"] and "there is no copy of any set" in too_early["msg"]


def test_snapshots_of_others_and_of_the_future_are_no_newest_set(lost: Lost) -> None:
    """Whatever another client has tagged costs no set of the backup."""
    tags = ["--tag", "platform:lab,service:proxy,backup:config"]
    for name in ("99999999T999999Z", "of-another-client", ""):
        lost.site.restic("backup", "--host", "one", *tags, "--tag", f"set:{name}", __file__)
    assert lost.plan()["lines"][0].startswith(f"{lost.id} comes from")
    lost.site.restic("backup", "--host", "one", *tags, "--tag", "set:20990101T000000Z", __file__)
    assert "20990101T000000Z is from the future" in lost.plan()["msg"]
    assert lost.plan(set=lost.id)["lines"][0].startswith(f"{lost.id} comes from")


def test_host_of_another_name_is_shown_which_hosts_have_copies(lost: Lost) -> None:
    for act in (lost.plan, lost.restore):
        result = act(copy={"host": "two"})
        assert result["failed"] and "on two; the hosts that there are copies of: one" in result["msg"]
        assert lost.nothing_here()


class TestRefusals:
    """Whatever the manifest says is refused before the set is brought back, by preview and job alike."""

    @pytest.fixture(autouse=True)
    def nothing_is_done(self, lost: Lost) -> Iterator[None]:
        there = digests(lost.site.repository)
        yield
        assert not lost.site.store.folder.exists() and digests(lost.site.repository) == there

    @pytest.fixture(params=["plan", "restore"])
    def act(self, request: pytest.FixtureRequest, lost: Lost) -> Any:
        return getattr(lost, request.param)

    def test_another_name_was_typed(self, act: Any) -> None:
        assert "in place of 'proxy' was typed, and what is restored is 'proxy.config'" in act(in_place="proxy")["msg"]

    def test_target_has_something(self, act: Any, lost: Lost) -> None:
        target = lost.site.folder / "target"
        target.mkdir()
        (target / "file").write_text("of the owner")
        assert f"{target} is not empty, and nothing is restored into it" in act(target=str(target))["msg"]
        assert (target / "file").read_text() == "of the owner"

    def test_password_is_another(self, act: Any) -> None:
        assert "this password does not open it" in act(copy={"password": "of-another-one"})["msg"]

    def test_more_than_one_thing(self, act: Any) -> None:
        assert "only one thing is done at a time" in act(drop="proxy.config_before_20010101T000000Z")["msg"]


def test_owner_of_files_that_is_another_account_here(lost: Lost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restore, "_user_name", lambda _number: "stranger")
    shown = lost.plan(in_place="proxy.config")
    assert f"the user {os.geteuid()} of the set is " in shown["msg"] and "here it is stranger" in shown["msg"]
    assert lost.nothing_here()


def test_room_for_the_set_and_the_restore_is_added_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = os.statvfs_result((4096, 4096, 100000, 10, 10, 0, 0, 0, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda _path: blocks)
    for count, refused in ((1, 1), (10, 1)):
        needs = [space.Need(tmp_path / name, count * 4096, f"for {name}") for name in ("set", "files")]
        found = list(space.shortages(needs))
        assert len(found) == refused
    assert "for set and for files" in found[0] and str(tmp_path / "set") in found[0]


#: Kills the job that has started this program, once, when it is to do a command of restic.
KILLS = """#!/bin/bash
case " $* " in *" {command} "*) ;; *) exec {real} "$@" ;; esac
[ -e {done} ] && exec {real} "$@"
touch {done}
if [ {when} = after ]; then {real} "$@"; status=$?; kill -9 $PPID; exit $status; fi
kill -9 $PPID
exec {real} "$@"
"""


@pytest.mark.parametrize(("command", "when"), [("dump", "after"), ("restore", "before"), ("restore", "after")])
def test_killed_while_it_asks_or_brings_back_the_next_run_does_it(lost: Lost, command: str, when: str) -> None:
    path = lost.site.folder / "commands/restic"
    own, real = path.read_text(), shlex.join(peers.program("restic"))
    path.write_text(KILLS.format(command=command, when=when, real=real, done=lost.site.folder / "killed"))
    cut_off = lost.restore(in_place="proxy.config")
    assert cut_off["failed"] and "was killed" in cut_off["msg"], cut_off
    path.write_text(own)
    assert lost.site.store.sets() == [] and not lost.etc.exists()
    done = lost.restore(in_place="proxy.config")
    assert not done.get("failed"), done["msg"]
    assert digests(lost.etc) == lost.before and lost.site.store.left_over() == []
    assert [one.id for one in lost.site.store.sets()] == [lost.id]
