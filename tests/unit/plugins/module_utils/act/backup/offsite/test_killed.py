# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs that are killed at each of their steps: the next one finds out what became of it, and ends with the same."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.support import peers
from tests.support.copies import Copies

KEEP_ONE = {"keep": {"daily": 0, "weekly": 0, "monthly": 0, "minimum_redundancy": 1}}

#: Kills the job that has started this program, once, when it is to do a command of restic.
KILLS = """#!/bin/bash
case " $* " in *" {command} "*) ;; *) exec {real} "$@" ;; esac
[ -e {done} ] && exec {real} "$@"
touch {done}
if [ {when} = after ]; then {real} "$@"; status=$?; kill -9 $PPID; exit $status; fi
kill -9 $PPID
exec {real} "$@"
"""


@pytest.fixture
def temporary(site: Copies, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where jobs put what is theirs alone."""
    folder = site.folder / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@pytest.mark.parametrize(
    ("command", "when"),
    [
        *((command, "after") for command in ("cat", "snapshots", "backup", "ls", "dump", "check", "forget", "prune")),
        *((command, "before") for command in ("backup", "check", "forget", "prune")),
    ],
)
def test_next_run_ends_with_the_same(site: Copies, temporary: Path, command: str, when: str) -> None:
    old = site.initialized()
    new = site.take()
    # The first of both is copied already, and expires as soon as the second one is.
    site.options = KEEP_ONE
    shown = [one["snapshot"] for one in site.plan()["expires"]]
    path = site.folder / "commands/restic"
    own, real = path.read_text(), shlex.join(peers.program("restic"))
    path.write_text(KILLS.format(command=command, when=when, real=real, done=site.folder / "killed"))
    cut_off = site.copy(check=True, expires=shown)
    assert cut_off["failed"] and "was killed" in cut_off["msg"], cut_off
    path.write_text(own)

    done = site.copy(check=True, expires=shown)
    assert not done.get("failed"), done["msg"]
    assert site.copied() == [new] and old != new
    assert [one.id for one in site.record.copies] == [new]
    assert site.record.lost == () and site.record.clients == ()
    assert site.statuses() == {"copied": "ok", "copy_proved": "ok"}
    # A file that restic was killed while writing is no lock yet, and none to any client.
    assert [path for path in (site.repository / "locks").iterdir() if "tmp" not in path.name] == []
    assert not list(temporary.iterdir()), "nothing is left of either"
    site.restic("check", "--read-data")


@pytest.mark.parametrize("when", ["before", "after"])
def test_set_that_was_being_brought_back_is_none(site: Copies, when: str) -> None:
    name = site.initialized()
    path = site.folder / "commands/restic"
    own, real = path.read_text(), shlex.join(peers.program("restic"))
    path.write_text(KILLS.format(command="restore", when=when, real=real, done=site.folder / "killed"))
    elsewhere = site.folder / "elsewhere"
    cut_off = site.fetch(folder=str(elsewhere))
    assert cut_off["failed"] and "was killed" in cut_off["msg"], cut_off
    path.write_text(own)
    assert not (elsewhere / "proxy.config" / name).exists()
    done = site.fetch(folder=str(elsewhere))
    assert not done.get("failed"), done["msg"]
    assert done["recovered"] and [one.name for one in (elsewhere / "proxy.config").iterdir()] == [name]
