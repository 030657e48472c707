# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fixtures of scenarios: the hosts of the test bed, broken in small ways that the demo does not have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
import yaml

from tests.support.procedures import ROOT, Ran, play
from tests.testbed import engine, faults
from tests.testbed.layout import scenario_bed

BED = scenario_bed()

Run = Callable[..., Ran]
Shell = Callable[[str, str], str]
Broken = Callable[[str, str, str], AbstractContextManager[None]]


@pytest.fixture(scope="session")
def run() -> Run:
    """Run a playbook on the test hosts, with some changes of their description."""

    def run_playbook(playbook: str, **overrides: Any) -> Ran:
        # None of these tests is about time, and the machine may be busy with others.
        variables = {"platform_overrides": overrides, "platform_deadline": 100}
        extra = yaml.safe_dump(variables, default_flow_style=True, width=10_000).strip()
        reports = BED.directory / "reports"
        return play(ROOT / "inventories/demo", playbook, "-e", extra, reports=reports, XORB_BED=BED.name)

    return run_playbook


@pytest.fixture(scope="session")
def shell() -> Shell:
    """Run a shell script on the host of a role, and tell what it printed."""
    docker = engine.ensure()

    def run_script(role: str, script: str) -> str:
        return docker.run("exec", BED.host(role).name, "sh", "-eu", "-c", script).stdout

    return run_script


@pytest.fixture(scope="session")
def broken() -> Broken:
    """Break something real by a script, and mend it by another one whatever happens in between."""
    docker = engine.ensure()

    @contextmanager
    def breaking(role: str, script: str, mended_by: str) -> Iterator[None]:
        fault = faults.Fault("script", script, role, faults.shell(script), faults.shell(mended_by))
        with faults.broken(docker, BED, [fault]):
            yield

    return breaking
