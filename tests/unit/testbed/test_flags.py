# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import pytest

from tests.testbed.errors import BedError
from tests.testbed.flags import run_flags


def test_run_flags_version_1_gives_systemd_a_writable_place_in_a_read_only_tree() -> None:
    flags = run_flags(1)
    assert "--tmpfs=/sys/fs/cgroup/systemd/docker" in flags
    assert "--volume=/sys/fs/cgroup:/sys/fs/cgroup:ro" in flags
    assert "--cgroupns=host" not in flags


def test_run_flags_version_2_shares_the_unified_tree() -> None:
    flags = run_flags(2)
    assert "--cgroupns=host" in flags
    assert "--volume=/sys/fs/cgroup:/sys/fs/cgroup:rw" in flags
    assert not any("systemd/docker" in flag for flag in flags)


@pytest.mark.parametrize("version", [1, 2])
def test_run_flags_both_versions_need_two_capabilities_and_are_not_privileged(version: int) -> None:
    flags = run_flags(version)
    assert {"--cap-add=SYS_ADMIN", "--cap-add=NET_ADMIN"} <= set(flags)
    assert "--privileged" not in flags


def test_run_flags_privileged_is_added_on_version_2_only() -> None:
    assert set(run_flags(2, privileged=True)) == {*run_flags(2), "--privileged"}
    with pytest.raises(BedError, match="privileged"):
        run_flags(1, privileged=True)


def test_run_flags_unknown_version_is_refused() -> None:
    with pytest.raises(BedError, match="version 3"):
        run_flags(3)
