# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The platform of the test hosts, inspected as an operator would."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.support.procedures import ROOT, Ran, play
from tests.testbed import engine, faults
from tests.testbed.layout import scenario_bed

BED = scenario_bed()


@pytest.fixture(scope="session")
def run() -> Callable[..., Ran]:
    """Run a playbook on the test hosts."""

    def run_playbook(playbook: str, *options: str, inventory: Path | str = ROOT / "inventories/demo") -> Ran:
        return play(inventory, playbook, *options, reports=BED.directory / "reports", XORB_BED=BED.name)

    return run_playbook


@pytest.fixture(scope="session")
def broken(run: Callable[..., Ran]) -> Callable[[str], AbstractContextManager[None]]:
    """Break a real service, and fix it whatever happens in between."""
    docker = engine.ensure()

    @contextmanager
    def breaking(name: str) -> Iterator[None]:
        fault = faults.fault_named(name)
        with faults.broken(docker, BED, [fault]):
            yield
        if fault.found_by != "daily":
            # What that playbook has found stays found until it is run again.
            ran = run(fault.found_by)
            assert ran.status == 0, ran.output

    return breaking


@pytest.fixture(scope="session")
def standin() -> Callable[[str], AbstractContextManager[None]]:
    """Put the stand-in of the API into a state, and back whatever happens in between."""
    docker = engine.ensure()
    web = BED.host("web").name

    @contextmanager
    def state(name: str) -> Iterator[None]:
        try:
            docker.run("exec", web, "sh", "-c", f"echo {name} > /run/xorb-standin/state")
            yield
        finally:
            docker.run("exec", web, "rm", "-f", "/run/xorb-standin/state")

    return state
