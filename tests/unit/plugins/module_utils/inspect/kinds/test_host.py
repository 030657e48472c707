# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The kinds that inspect the host itself: disk, memory, cpu."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, NOT_APPLICABLE, OK, WARNING
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.kinds import cpu, disk, memory

from tests.support.loopback import options, probe

MIB = 256  # blocks of 4096 bytes


def usage(
    *, blocks: int = 100, free: int = 50, available: int = 50, files: int = 100, left: int = 50
) -> os.statvfs_result:
    return os.statvfs_result((4096, 4096, blocks * MIB, free * MIB, available * MIB, files, left, left, 0, 255))


def test_disk_of_this_host() -> None:
    found = probe("disk", path="/")
    assert set(found) == {"space", "inodes", "mount"}
    assert found["space"].unit == "%" and " used on / (" in found["space"].message


def test_disk_agrees_with_df() -> None:
    usage_of_root = os.statvfs("/")
    printed = os.popen("df --output=pcent / | tail -1").read().strip(" %\n")  # noqa: S605
    value = disk.space("/", usage_of_root, options("disk", path="/")).value
    assert isinstance(value, float) and abs(value - int(printed)) <= 1


@pytest.mark.parametrize(
    ("free", "available", "status", "value"),
    [(50, 50, OK, 50.0), (25, 20, OK, 78.9), (20, 15, WARNING, 84.2), (9, 9, CRITICAL, 91.0), (5, 0, CRITICAL, 100.0)],
)
def test_disk_space_is_judged_as_df_counts(free: int, available: int, status: str, value: float) -> None:
    found = disk.space("/srv", usage(free=free, available=available), options("disk", path="/srv"))
    assert (found.status, found.value) == (status, value)
    assert found.message.startswith(f"{100 - free}.0 MiB of 100.0 MiB used on /srv")


def test_disk_inodes() -> None:
    given = options("disk", path="/srv")
    assert disk.inodes("/srv", usage(left=50), given).status == OK
    found = disk.inodes("/srv", usage(left=0), given)
    assert (found.status, found.message) == (CRITICAL, "100 of 100 inodes used on /srv (100 %)")
    uncounted = disk.inodes("/srv", usage(files=0, left=0), given)
    assert (uncounted.status, uncounted.message) == (
        NOT_APPLICABLE,
        "the file system on /srv does not count inodes",
    )


def test_disk_path_that_is_missing_is_a_reason_not_to_know(tmp_path: Path) -> None:
    with pytest.raises(RunbookError, match="gone: No such file or directory"):
        probe("disk", path=str(tmp_path / "gone"))


def test_disk_limits_name_where_they_come_from() -> None:
    assert disk.space("/", usage(), options("disk", path="/")).limits.source == "ours"
    given = options("disk", path="/", warning=10)
    assert disk.space("/", usage(), given).limits.source == "platform description"


def test_memory_of_this_host() -> None:
    found = probe("memory")["used"]
    assert found.unit == "%" and found.limits.source == "the runbook (memory > 85 %)"


@pytest.mark.parametrize(("available", "status"), [(500, OK), (149, WARNING), (49, CRITICAL)])
def test_memory_counts_what_is_available(available: int, status: str) -> None:
    text = f"MemTotal:  {1024 * 1000} kB\nMemFree: 1 kB\nMemAvailable: {1024 * available} kB\n"
    found = memory.judge(text, options("memory"))
    assert (found.status, found.value) == (status, round((1000 - available) / 10, 1))


def test_memory_that_a_kernel_does_not_report() -> None:
    with pytest.raises(RunbookError, match="/proc/meminfo has no MemAvailable"):
        memory.judge("MemTotal: 1 kB\n", options("memory"))


def test_cpu_of_this_host() -> None:
    found = probe("cpu", sample_seconds=0.05)["used"]
    assert isinstance(found.value, float) and 0 <= found.value <= 100
    assert "% busy over 0.05 s on " in found.message and "load average" in found.message


@pytest.mark.parametrize(
    ("after", "percent"),
    [
        ("cpu  0 0 0 100 0 0 0 0 0 0", 0.0),
        ("cpu  0 0 0 50 50 0 0 0 0 0", 0.0),
        ("cpu  50 0 0 50 0 0 0 0 50 0", 50.0),
        ("cpu  10 10 10 0 0 10 10 50 0 0", 100.0),
    ],
)
def test_cpu_waiting_is_not_work(after: str, percent: float) -> None:
    assert cpu.busy("cpu  0 0 0 0 0 0 0 0 0 0\ncpu0 1 1 1 1", f"{after}\ncpu0 9 9 9 9") == percent


def test_cpu_without_time_is_a_reason_not_to_know() -> None:
    with pytest.raises(RunbookError, match="counted no processor time"):
        cpu.busy("cpu 1 1 1 1 1 1 1 1", "cpu 1 1 1 1 1 1 1 1")
    with pytest.raises(RunbookError, match="has no line for all processors"):
        cpu.busy("", "")
