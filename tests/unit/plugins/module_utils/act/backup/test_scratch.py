# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Scratch folders: what runs in one ends with it, and nothing else does."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup import scratch
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError


def sleeping(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "600"], cwd=folder)


def test_what_works_inside_is_ended(tmp_path: Path) -> None:
    folder = scratch.make(str(tmp_path))
    (folder / "restored" / "data").mkdir(parents=True)
    other = tmp_path / f"{folder.name}-other"
    other.mkdir()
    inside = [sleeping(folder), sleeping(folder / "restored" / "data")]
    outside = [sleeping(tmp_path), sleeping(other)]
    try:
        scratch.clean(folder)
        assert [one.wait(60) for one in inside] == [-9, -9]
        assert [one.poll() for one in outside] == [None, None]
        assert not folder.exists() and other.exists()
    finally:
        for one in (*inside, *outside):
            one.kill()
            one.wait()


def test_one_whose_folder_has_gone_is_ended(tmp_path: Path) -> None:
    folder = scratch.make(str(tmp_path))
    (folder / "gone").mkdir()
    inside = sleeping(folder / "gone")
    (folder / "gone").rmdir()
    scratch.clean(folder)
    assert inside.wait(60) == -9


def test_closed_folders_go_too(tmp_path: Path) -> None:
    folder = scratch.make(str(tmp_path))
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "file").touch(mode=0o400)
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o500)
    (folder / "a" / "link").symlink_to(outside)
    (folder / "a" / "b").chmod(0o500)
    (folder / "a").chmod(0o000)
    scratch.clean(folder)
    assert not folder.exists()
    assert outside.stat().st_mode & 0o777 == 0o500


@pytest.mark.parametrize("path", ["/", "/tmp", "xorb-runbook-scratch-1", "/tmp/xorb-runbook-scratch-1/..", "/tmp/../x"])  # noqa: S108
def test_nothing_else_is_ever_cleaned(path: str) -> None:
    with pytest.raises(RunbookError, match="is no scratch folder, and is left alone"):
        scratch.clean(Path(path))


def test_a_name_is_never_used_twice(tmp_path: Path) -> None:
    folder = scratch.choose(str(tmp_path))
    assert not folder.exists() and scratch.is_one(folder)
    scratch.clean(folder)
    scratch.make_chosen(folder)
    assert folder.stat().st_mode & 0o777 == 0o711
    with pytest.raises(FileExistsError):
        scratch.make_chosen(folder)
