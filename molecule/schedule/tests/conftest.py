# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The platform of the test hosts with a ledger of its own, and the host that plays a control node."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.support.procedures import ROOT, Ran, play
from tests.testbed import engine, faults
from tests.testbed.layout import scenario_bed

BED = scenario_bed()


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Ran]:
    """Run a playbook on the test hosts, with a ledger that no other test has written to."""

    def run_playbook(playbook: str, *options: str) -> Ran:
        state = ("-e", f"platform_state_dir={tmp_path}", "-e", f"platform_report_dir={tmp_path}/reports")
        return play(
            ROOT / "inventories/demo", playbook, *state, *options, reports=tmp_path / "reports", XORB_BED=BED.name
        )

    return run_playbook


@pytest.fixture(scope="session")
def broken() -> Callable[[str], AbstractContextManager[None]]:
    """Break a real service, and fix it whatever happens in between."""
    docker = engine.ensure()

    @contextmanager
    def breaking(name: str) -> Iterator[None]:
        fault = faults.fault_named(name)
        try:
            faults.break_it(docker, BED, fault)
            yield
        finally:
            faults.mend(docker, BED, fault)

    return breaking


@pytest.fixture(scope="session")
def shell() -> Callable[..., str]:
    """Run a shell script on the control node, and return what it printed."""
    docker = engine.ensure()

    def run_script(script: str, *, check: bool = True) -> str:
        return docker.run(
            "exec", BED.host("monitor").name, "sh", "-eu", "-c", script, check=check, timeout=1800
        ).stdout.strip()

    return run_script
