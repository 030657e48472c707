# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sets of a certificate on the disk: a matching pair at every moment, whatever dies when."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates import store
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates.store import CertificateSets, Layout
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from tests.support import crash

FILES = {"certificate": "cert.pem", "key": "key.pem", "fullchain": "fullchain.pem"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "tls"


def layout(folder: Path, key_mode: int = 0o400) -> Layout:
    return Layout(str(folder), FILES, os.getuid(), os.getgid(), key_mode)


def content(number: int) -> dict[str, bytes]:
    return {role: f"{role} {number}".encode() for role in FILES}


def plain(folder: Path, number: int = 1) -> None:
    """A folder as other tools leave it, with a key pending for the set after it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for role, data in content(number).items():
        path = folder / FILES[role]
        path.write_bytes(data)
        path.chmod(0o440 if role == "key" else 0o644)
    pending(folder, number + 1)


def pending(folder: Path, number: int) -> None:
    with CertificateSets(layout(folder)) as sets:
        sets.keep_pending(content(number)["key"], b"request")


def issued(number: int) -> dict[str, bytes]:
    return {role: data for role, data in content(number).items() if role != "key"}


def rotate(folder: Path, number: int = 2) -> None:
    """From one set to the next, as a deployment does it."""
    with CertificateSets(layout(folder)) as sets:
        old = sets.adopt("1")
        sets.stage(str(number), issued(number))
        sets.prepare(str(number), old)
        sets.forward(str(number))
        sets.finish(keep=(old,))


def in_service(folder: Path) -> int:
    """The number of the set that the service would read now; fails where the files do not belong together."""
    found = {role: (folder / name).read_bytes() for role, name in FILES.items()}
    number = int(found["key"].split()[-1])
    assert found == content(number)
    return number


def everything(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_rotation_changes_all_files_by_one_link(folder: Path) -> None:
    plain(folder)
    rotate(folder)
    assert in_service(folder) == 2
    assert {name: str((folder / name).readlink()) for name in FILES.values()} == {
        name: f".sets/current/{name}" for name in FILES.values()
    }
    assert str((folder / ".sets/current").readlink()) == "2"
    sets = {f".sets/{number}/{name}" for number in (1, 2) for name in FILES.values()}
    assert everything(folder) == {*FILES.values(), ".sets", ".sets/current", ".sets/1", ".sets/2", *sets}


def test_adopted_files_keep_owner_mode_and_inode(folder: Path) -> None:
    plain(folder)
    before = (folder / "key.pem").stat()
    with CertificateSets(layout(folder)) as sets:
        assert sets.adopt("1") == sets.current == "1"
        after = (folder / "key.pem").stat()
        assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode)
        marks = {path: path.lstat().st_mtime_ns for path in folder.rglob("*")}
        assert sets.adopt("1") == "1"
    assert {path: path.lstat().st_mtime_ns for path in folder.rglob("*")} == marks, "adopting again changed something"


def test_new_key_has_its_mode_and_was_moved(folder: Path) -> None:
    plain(folder)
    before = (folder / ".sets/.pending/key.pem").stat()
    assert before.st_mode & 0o777 == 0o600
    assert (folder / ".sets/.pending").stat().st_mode & 0o777 == 0o700
    rotate(folder)
    after = (folder / "key.pem").stat()
    assert (after.st_ino, after.st_mode & 0o777) == (before.st_ino, 0o400)
    assert (folder / "cert.pem").stat().st_mode & 0o777 == 0o444


def test_killed_anywhere_a_matching_pair_is_in_service(folder: Path) -> None:
    deaths = 0
    for _point in crash.every_point(lambda: rotate(folder), prepare=lambda: plain(folder)):
        deaths += 1
        number = in_service(folder)
        with CertificateSets(layout(folder)) as sets:
            # What the next run does: go on where the new set is in service, take it away where it is not.
            if sets.current == "2":
                assert number == 2
                sets.forward("2")
                sets.finish(keep=("1",))
            else:
                assert number == 1
                sets.adopt("1")
                sets.discard("2")
                sets.forget_pending()
        assert in_service(folder) == number
        assert everything(folder) <= {
            *FILES.values(),
            *(".sets", ".sets/current", ".sets/1", ".sets/2"),
            *(f".sets/{number}/{name}" for number in (1, 2) for name in FILES.values()),
        }, "something was left behind"
        assert all((folder / name).is_symlink() for name in FILES.values())
    assert deaths > 60


def test_killed_while_going_back_a_matching_pair_is_in_service(folder: Path) -> None:
    def prepare() -> None:
        plain(folder)
        with CertificateSets(layout(folder)) as sets:
            sets.adopt("1")
            sets.stage("2", issued(2))
            sets.prepare("2", "1")
            sets.forward("2")

    def back() -> None:
        with CertificateSets(layout(folder)) as sets:
            sets.back("1")
            sets.discard("2")

    deaths = 0
    for _point in crash.every_point(back, prepare=prepare):
        deaths += 1
        assert in_service(folder) in (1, 2)
        back()
        assert in_service(folder) == 1
        assert not (folder / ".sets/2").exists()
    assert deaths > 8


def test_first_set_of_all_and_back_to_none(folder: Path) -> None:
    folder.mkdir()
    pending(folder, 1)
    with CertificateSets(layout(folder)) as sets:
        assert sets.adopt("0") == ""
        sets.stage("1", issued(1))
        sets.prepare("1", "")
        sets.forward("1")
        assert in_service(folder) == 1
        sets.back("")
        sets.discard("1")
        assert sets.current == ""
    assert everything(folder) == {".sets"}


def test_going_back_takes_away_what_only_the_new_set_has(folder: Path) -> None:
    plain(folder)
    (folder / "fullchain.pem").unlink()
    with CertificateSets(layout(folder)) as sets:
        old = sets.adopt("1")
        sets.stage("2", issued(2))
        sets.prepare("2", old)
        sets.forward("2")
        assert in_service(folder) == 2
        sets.back(old)
    assert not (folder / "fullchain.pem").is_symlink()


def test_file_that_somebody_put_in_place_of_a_link_is_adopted(folder: Path) -> None:
    plain(folder)
    rotate(folder)
    for role, data in content(3).items():
        (folder / FILES[role]).unlink()
        (folder / FILES[role]).write_bytes(data)
    with CertificateSets(layout(folder)) as sets:
        assert sets.adopt("2") == "2.2", "the name is taken by another set"
    assert in_service(folder) == 3
    assert (folder / ".sets/2/key.pem").read_bytes() == b"key 2"


def test_live_link_of_another_tool_is_copied(folder: Path, tmp_path: Path) -> None:
    plain(folder)
    shared = tmp_path / "shared.pem"
    (folder / "fullchain.pem").rename(shared)
    (folder / "fullchain.pem").symlink_to(shared)
    rotate(folder)
    assert in_service(folder) == 2
    assert shared.read_bytes() == b"fullchain 1" and (folder / ".sets/1/fullchain.pem").read_bytes() == b"fullchain 1"


def test_last_three_sets_are_kept(folder: Path) -> None:
    plain(folder)
    for number in range(2, 7):
        pending(folder, number)
        rotate(folder, number)
        assert in_service(folder) == number
    with CertificateSets(layout(folder)) as sets:
        assert sets.names == ["6", "5", "4"]


def test_sets_of_somebody_else_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain(folder)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(RunbookError, match="belongs to another user"), CertificateSets(layout(folder)):
        pass


def test_sets_that_are_a_link_are_not_followed(folder: Path, tmp_path: Path) -> None:
    folder.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (folder / ".sets").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match=r"Not a directory|Too many"), CertificateSets(layout(folder)):
        pass


@pytest.mark.parametrize("name", ["../key.pem", "", "..", ".sets"])
def test_name_that_leads_elsewhere_is_refused(folder: Path, name: str) -> None:
    folder.mkdir()
    sets = CertificateSets(Layout(str(folder), {"key": name}))
    with pytest.raises(RunbookError, match="expected the name of a file"), sets:
        pass


def test_full_disk_leaves_the_old_set_in_service(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain(folder)
    real = os.write

    def full(descriptor: int, data: bytes) -> int:
        if data.startswith(b"fullchain 2"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space left"):
        rotate(folder)
    assert in_service(folder) == 1
    with CertificateSets(layout(folder)) as sets:
        sets.discard("2")
        assert sets.names == ["1"] and not (folder / ".sets/.staging").exists()


def test_going_back_needs_no_space(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain(folder)
    with CertificateSets(layout(folder)) as sets:
        sets.adopt("1")
        sets.stage("2", issued(2))
        sets.prepare("2", "1")
        sets.forward("2")

        def refuse(*_words: object, **_options: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        for name in ("symlink", "mkdir", "write", "link"):
            monkeypatch.setattr(os, name, refuse)
        sets.back("1")
    assert in_service(folder) == 1


def test_what_is_no_file_is_refused(folder: Path) -> None:
    plain(folder)
    (folder / "cert.pem").unlink()
    os.mkfifo(folder / "cert.pem")
    with CertificateSets(layout(folder)) as sets, pytest.raises(RunbookError, match="no file of a certificate"):
        sets.live()


def test_paths_are_those_that_the_service_knows(folder: Path) -> None:
    assert store.paths(layout(folder))["key"] == str(folder / "key.pem")
