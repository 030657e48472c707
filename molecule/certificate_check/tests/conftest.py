# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The certificates of the test hosts: checked as an operator would, broken for real, and fixed."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from tests.support.procedures import BIN, ROOT, Ran, environment, play
from tests.testbed import engine
from tests.testbed.layout import scenario_bed

BED = scenario_bed()


@pytest.fixture(scope="session")
def check() -> Callable[..., Ran]:
    """Run the certificate check, of one host where that is enough."""

    def run(*options: str) -> Ran:
        reports = BED.directory / "reports"
        return play(ROOT / "inventories/demo", "certificate_check", *options, reports=reports, XORB_BED=BED.name)

    return run


@pytest.fixture(scope="session")
def shell() -> Callable[..., str]:
    """Run a script on a host of this role."""
    docker = engine.ensure()

    def run(role: str, script: str, data: str | None = None) -> str:
        return docker.run("exec", "-i", BED.host(role).name, "sh", "-eu", "-c", script, data=data).stdout

    return run


@pytest.fixture(scope="session")
def kept(shell: Callable[..., str]) -> Callable[[str, str], AbstractContextManager[None]]:
    """Put back the folder of a host as it was, whatever happens to it."""

    @contextmanager
    def keeping(role: str, folder: str) -> Iterator[None]:
        shell(role, f"rm -rf {folder}.kept; cp -a {folder} {folder}.kept")
        try:
            yield
        finally:
            # The folder itself stays: the service may have it open.
            shell(role, f"find {folder} -mindepth 1 -delete; cp -a {folder}.kept/. {folder}/; rm -rf {folder}.kept")

    return keeping


@pytest.fixture(scope="session")
def module() -> Callable[..., dict[str, Any]]:
    """Run certificate_info on a host of the inventory, or on this machine."""

    def run(host: str, **arguments: Any) -> dict[str, Any]:
        more = {"ANSIBLE_STDOUT_CALLBACK": "json", "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1", "XORB_BED": BED.name}
        words = ["-i", "inventories/demo", host, "-m", "xorb.runbook.certificate_info", "-a", json.dumps(arguments)]
        done = subprocess.run(
            [str(BIN / "ansible"), *words],
            cwd=ROOT,
            env=environment(**more),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=1800,
            check=False,
        )
        assert done.stdout.startswith("{"), done.stdout + done.stderr
        result: dict[str, Any] = json.loads(done.stdout)["plays"][0]["tasks"][0]["hosts"][host]
        return result

    return run
