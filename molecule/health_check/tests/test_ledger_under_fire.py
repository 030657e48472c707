# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The ledger when runs collide or are killed: whole runs of the shipped playbook, not just the code that writes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.procedures import BIN, ROOT, Ran, environment
from tests.testbed.layout import scenario_bed

BED = scenario_bed()
Run = Callable[..., Ran]


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """The path of a new ledger."""
    return tmp_path / "ledger.sqlite"


def start(ledger: Path) -> subprocess.Popen[bytes]:
    """Start a health check in a process group of its own."""
    words = ["-i", "inventories/demo", "xorb.runbook.health_check", "-e", f"platform_ledger={ledger}"]
    return subprocess.Popen(
        [str(BIN / "ansible-playbook"), *words],
        cwd=ROOT,
        env=environment(XORB_BED=BED.name),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def recorded(run: Run, ledger: Path) -> int:
    """How many runs the ledger has, which must be consistent."""
    ran = run("ledger_verify", "-e", f"platform_ledger={ledger}")
    assert ran.status == 0, ran.output
    assert "consistent" in ran.output
    found = re.search(r"(\d+) runs?", ran.output)
    assert found, ran.output
    return int(found[1])


def test_four_runs_at_once_break_no_link(run: Run, ledger: Path) -> None:
    runs = [start(ledger) for _number in range(4)]
    assert [one.wait(timeout=1200) for one in runs] == [0, 0, 0, 0]
    assert recorded(run, ledger) == 4


def test_killed_runs_leave_the_ledger_consistent(run: Run, ledger: Path) -> None:
    began = time.monotonic()
    assert start(ledger).wait(timeout=1200) == 0
    whole = time.monotonic() - began
    for tenth in (3, 5, 6, 7, 8, 9):
        killed = start(ledger)
        time.sleep(whole * tenth / 10)
        os.killpg(killed.pid, signal.SIGKILL)
        killed.wait(timeout=10)
    before = recorded(run, ledger)
    assert start(ledger).wait(timeout=1200) == 0
    assert recorded(run, ledger) == before + 1
