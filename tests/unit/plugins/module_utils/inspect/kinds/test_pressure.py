# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The kinds load, swap, network and clock: texts of the kernel judged, and those of this host."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._clients import proc
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import (
    CRITICAL,
    NOT_APPLICABLE,
    OK,
    UNKNOWN,
    WARNING,
)
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.kinds import clock, load, network, swap

from tests.support.loopback import options, probe

PRESSURE = "some avg10=99.00 avg60=75.50 avg300=1.00 total=5\nfull avg10=99.00 avg60=20.00 avg300=1.00 total=5\n"

DEV = """Inter-|   Receive                        |  Transmit
 face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo colls carrier compressed
    lo: 12138223 7951 9 9 0 0 0 0 12138223 7951 0 0 0 0 0 0
  eth0: 25321039 6074 {errs} {drop} 0 0 0 0 1281147 6048 1 2 0 0 0 0
  wan0:25321039 6074 0 0 0 0 0 0 1281147 6048 0 0 0 0 0 0
"""


@pytest.mark.parametrize(
    ("averages", "status", "share"),
    [((9.0, 2.0, 0.0), OK, 1.0), ((0.0, 4.0, 0.0), WARNING, 2.0), ((0.0, 9.0, 0.0), CRITICAL, 4.5)],
)
def test_load_is_shared_among_the_processors(averages: tuple[float, float, float], status: str, share: float) -> None:
    found = load.average(averages, 2, options("load"))
    assert (found.status, found.value) == (status, share)


@pytest.mark.parametrize(
    ("resource", "status", "value"), [("cpu", WARNING, 75.5), ("memory", WARNING, 20.0), ("io", OK, 20.0)]
)
def test_pressure_of_the_last_minute(resource: str, status: str, value: float) -> None:
    found = load.pressure(resource, PRESSURE, options("load"))
    assert (found.aspect, found.status, found.value) == (f"{resource}_pressure", status, value)


def test_load_of_this_host() -> None:
    found = probe("load")
    assert set(found) == {"average", "cpu_pressure", "memory_pressure", "io_pressure"}
    assert isinstance(found["average"].value, float)


def test_kernel_without_pressure_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proc, "PROC", tmp_path)
    found = probe("load")["io_pressure"]
    assert found.status == NOT_APPLICABLE
    assert found.message == "the kernel does not measure pressure: No such file or directory"
    with pytest.raises(RunbookError, match="/proc/pressure/io has no full"):
        load.pressure("io", "some avg60=0.00", options("load"))


def test_swap_of_this_host() -> None:
    assert set(probe("swap", sample_seconds=0.01)) == {"used", "activity"}


def test_host_without_swap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "meminfo").write_text("SwapTotal: 0 kB\nSwapFree: 0 kB\n")
    monkeypatch.setattr(proc, "PROC", tmp_path)
    assert {finding.status for finding in probe("swap").values()} == {NOT_APPLICABLE}


@pytest.mark.parametrize(("free", "status"), [(60, OK), (40, WARNING), (5, CRITICAL)])
def test_swap_that_is_used(free: int, status: str) -> None:
    assert swap.used(100, free, options("swap")).status == status


def test_swap_that_moves() -> None:
    given = options("swap", sample_seconds=2)
    assert swap.activity("pswpin 10\npswpout 5\nother 1", "pswpin 10\npswpout 5", given).status == OK
    found = swap.activity("pswpin 10\npswpout 5", "pswpin 1010\npswpout 1005", given)
    assert (found.status, found.value, found.unit) == (WARNING, 1000.0, "pages/s")
    assert found.message == "1000 pages in and 1000 out within 2 s"
    with pytest.raises(RunbookError, match="/proc/vmstat has no pswpin"):
        swap.activity("", "", given)


def test_network_of_this_host() -> None:
    found = probe("network", interfaces=["*"], sample_seconds=0.01)
    assert set(found) == {"errors", "drops"}


def test_network_losses_of_the_worst_interface() -> None:
    given = options("network", sample_seconds=2)
    before, after = (network.losses(DEV.format(errs=errs, drop=drop), None) for errs, drop in ((3, 0), (5, 300)))
    assert set(after) == {"eth0", "wan0"}
    errors, drops = (network.judge(aspect, before, after, given) for aspect in ("errors", "drops"))
    assert (errors.status, errors.value) == (WARNING, 1.0)
    assert errors.message == "2 errors on eth0 within 2 s (6 since it is there; 2 interfaces)"
    assert (drops.status, drops.value) == (CRITICAL, 150.0)


def test_network_without_a_fault() -> None:
    same = network.losses(DEV.format(errs=3, drop=0), ["eth*"])
    assert network.judge("errors", same, same, options("network")).status == OK


def test_network_interface_that_is_missing_is_a_reason_not_to_know() -> None:
    with pytest.raises(RunbookError, match="the host has no interface of the name bond0"):
        probe("network", interfaces=["bond0"], sample_seconds=0.01)


@pytest.mark.parametrize(
    ("reading", "statuses"),
    [
        (clock.Clock(synchronised=True, offset=-0.4, error=1.0), (OK, OK, OK)),
        (clock.Clock(synchronised=True, offset=-400.0, error=3000.0), (OK, WARNING, CRITICAL)),
        (clock.Clock(synchronised=False, offset=0.0, error=16000.0), (CRITICAL, UNKNOWN, UNKNOWN)),
    ],
)
def test_clock_is_judged(reading: clock.Clock, statuses: tuple[str, ...]) -> None:
    assert tuple(finding.status for finding in clock.judge(reading, options("clock"))) == statuses


def test_clock_of_this_machine_can_be_read() -> None:
    reading = clock.read()
    assert isinstance(reading.synchronised, bool) and reading.error >= 0


def test_clock_of_a_container_is_that_of_its_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "CONTAINER_MARKS", (tmp_path,))
    found = probe("clock")
    assert {finding.status for finding in found.values()} == {NOT_APPLICABLE}
    monkeypatch.setattr(clock, "CONTAINER_MARKS", (tmp_path / "gone",))
    assert NOT_APPLICABLE not in {finding.status for finding in probe("clock").values()}
