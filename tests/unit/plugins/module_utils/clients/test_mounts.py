# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is mounted, what should be, and what a disk is judged by where the two differ."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._clients import mounts
from ansible_collections.xorb.runbook.plugins.module_utils._clients.mounts import Meant, Mount
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, OK, UNKNOWN
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.kinds import disk
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.loopback import options, probe

_MOUNTINFO = r"""21 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw,errors=remount-ro
22 21 8:2 / /srv/data rw,relatime - ext4 /dev/sdb1 ro
23 21 8:3 / /srv/odd\040name ro,relatime shared:1 - xfs /dev/sdc1 rw
24 21 7:1 / /snap/core ro,nodev - squashfs /dev/loop1 ro
25 22 8:4 / /srv/data rw - xfs /dev/sdd1 rw
26 21 8:5 / /srv/failed rw - ext4 /dev/sde1 rw,emergency_ro
"""


def test_parse_knows_both_ways_of_being_read_only() -> None:
    found = {mount.point: mount for mount in mounts.parse(_MOUNTINFO)}
    assert {point for point, mount in found.items() if mount.read_only} == {
        "/srv/odd name",
        "/snap/core",
        "/srv/failed",
    }
    assert found["/snap/core"].never_written and not found["/srv/odd name"].never_written
    # The later one covers the earlier one.
    assert found["/srv/data"].kind == "xfs"


def test_of_fstab_has_what_is_mounted_by_itself() -> None:
    text = (
        "# a comment\nUUID=1 / ext4 defaults 0 1\nUUID=2 none swap sw 0 0\n/dev/cdrom /media/cd iso9660 noauto,ro 0 0\n"
        "UUID=3\t/srv/data\text4 defaults,nofail 0 2\nUUID=4 /srv/odd\\040name xfs ro 0 2\nbroken\n"
    )
    assert [(one.point, one.read_only) for one in mounts.of_fstab(text)] == [
        ("/", False),
        ("/srv/data", False),
        ("/srv/odd name", True),
    ]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.text(st.characters(min_codepoint=1, exclude_categories=["Cs"], exclude_characters="/"), min_size=1))
def test_unit_name_is_what_systemd_calls_it(name: str) -> None:
    path = f"/srv/{name}"
    if name in (".", ".."):
        return
    named = subprocess.run(
        ["systemd-escape", "--path", "--suffix=mount", path], capture_output=True, check=True, encoding="utf-8"
    )
    assert mounts.unit_name(path) == named.stdout.rstrip("\n")


_ROOT = Mount("/", "ext4", read_only=False)
_DATA = Mount("/srv/data", "ext4", read_only=False)
_FSTAB = Meant("/srv/data", read_only=False, source="/etc/fstab")


@pytest.mark.parametrize(
    ("mount", "meant", "more", "status"),
    [
        (_DATA, _FSTAB, {}, OK),
        (_ROOT, _FSTAB, {}, CRITICAL),
        (_ROOT, _FSTAB, {"mounted": False}, OK),
        (_ROOT, None, {}, OK),
        (_ROOT, None, {"mounted": True}, CRITICAL),
        (Mount("/srv/data/own", "xfs", read_only=False), _FSTAB, {}, OK),
        (Mount("/srv/data", "ext4", read_only=True), _FSTAB, {}, CRITICAL),
        (Mount("/srv/data", "ext4", read_only=True), _FSTAB, {"read_only": True}, OK),
        (Mount("/srv/data", "ext4", read_only=True), Meant("/srv/data", read_only=True, source="x"), {}, OK),
        (Mount("/srv/data", "squashfs", read_only=True), None, {}, OK),
        (Mount("/srv/data", "squashfs", read_only=True), None, {"read_only": False}, CRITICAL),
    ],
)
def test_mount_is_judged_by_what_should_be_there(
    mount: Mount, meant: Meant | None, more: dict[str, bool], status: str
) -> None:
    given = options("disk", path="/srv/data", **more)
    found = disk.not_mounted(mount, "/srv/data", meant, given) or disk.writable(mount, meant, given)
    assert found.status == status, found


def test_space_of_another_file_system_is_not_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is in fstab, and not mounted: what can be measured is the file system above."""
    path = tmp_path / "data"
    path.mkdir()
    monkeypatch.setattr(mounts, "FSTAB", tmp_path / "fstab")
    (tmp_path / "fstab").write_text(f"UUID=1 {path} ext4 defaults 0 2\n")
    found = probe("disk", path=str(path))
    assert (found["mount"].status, found["space"].status, found["inodes"].status) == (CRITICAL, UNKNOWN, UNKNOWN)
    assert f"{path} is not mounted, and {tmp_path}/fstab has it" in found["mount"].message
    (tmp_path / "fstab").write_text("")
    assert {finding.status for finding in probe("disk", path=str(path)).values()} <= {OK, "not_applicable", "warning"}


def test_holding_agrees_with_the_kernel() -> None:
    for path in ("/", "/proc", "/dev", "/tmp"):  # noqa: S108 - nothing is written there
        assert os.path.ismount(mounts.holding(os.path.realpath(path)).point)
