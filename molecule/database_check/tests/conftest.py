# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The databases of the test hosts: checked as an operator would, broken for real, and fixed."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from tests.support.procedures import BIN, ROOT, Ran, environment, play
from tests.testbed import engine
from tests.testbed.layout import scenario_bed

BED = scenario_bed()
DB = BED.host("db").name

Psql = Callable[[str], str]


@pytest.fixture(scope="session")
def report() -> Callable[..., Ran]:
    """Run the database check; ``depth`` changes options of the probes, by service."""

    def run(playbook: str = "database_check", **depth: Any) -> Ran:
        overrides = {service: {"endpoints": {"stats": options}} for service, options in depth.items()}
        extra = yaml.safe_dump({"platform_overrides": overrides}, default_flow_style=True, width=10_000).strip()
        reports = BED.directory / "reports"
        return play(ROOT / "inventories/demo", playbook, "-e", extra, reports=reports, XORB_BED=BED.name)

    return run


@pytest.fixture(scope="session")
def module() -> Callable[..., dict[str, Any]]:
    """Run a module of the collection on the database host."""

    def run(name: str, **arguments: Any) -> dict[str, Any]:
        more = {"ANSIBLE_STDOUT_CALLBACK": "json", "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1", "XORB_BED": BED.name}
        words = ["-i", "inventories/demo", "xorb-db", "-m", f"xorb.runbook.{name}", "-a", json.dumps(arguments)]
        done = subprocess.run(
            [str(BIN / "ansible"), *words],
            cwd=ROOT,
            env=environment(**more),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=1200,
            check=False,
        )
        assert done.stdout.startswith("{"), done.stdout + done.stderr
        result: dict[str, Any] = json.loads(done.stdout)["plays"][0]["tasks"][0]["hosts"]["xorb-db"]
        return result

    return run


@pytest.fixture(scope="session")
def shell() -> Callable[..., str]:
    """Run a script on the database host."""
    docker = engine.ensure()

    def run(script: str, *, check: bool = True, data: str | None = None) -> str:
        return docker.run("exec", "-i", DB, "sh", "-eu", "-c", script, data=data, check=check).stdout

    return run


@pytest.fixture(scope="session")
def psql(shell: Callable[..., str]) -> Psql:
    """Run SQL as the owner of the server; one statement after the other, none in a transaction of all."""
    return lambda sql: shell("runuser -u postgres -- psql -XAtq -d xorb_db", data=sql)


@pytest.fixture
def until(psql: Psql) -> Callable[[str], None]:
    """Wait until a query says ``t``."""

    def wait(query: str) -> None:
        for _attempt in range(50):
            if psql(query).strip() == "t":
                return
            time.sleep(0.2)
        pytest.fail(f"never came true: {query}")

    return wait
