# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Containers of a real Compose project on a real engine, broken in each way that a container can be."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from dataclasses import dataclass

import pytest

from tests.support.procedures import ROOT, Ran, play
from tests.testbed import engine, faults
from tests.testbed.inventory import MORE_HOSTS
from tests.testbed.layout import scenario_bed

BED = scenario_bed()
PROJECT = "docker compose --project-directory /opt/xorb --file /opt/xorb/docker-compose.production.yml"
UP = f"{PROJECT} up --detach --wait --wait-timeout 60 --quiet-pull"
# It gives up at once on a container that is still unhealthy from what was done to it.
MENDED = f"for _ in 1 2 3 4 5 6; do if {UP}; then exit 0; fi; sleep 5; done; exit 1"
API, REDIS = "xorb-api-1", "xorb-redis-1"
PROGRAM = "/opt/xorb/xorb_standin.py"


def on_host(script: str) -> str:
    """Run a shell script on the host, by the engine that runs the hosts."""
    return engine.ensure().run("exec", BED.host("compose").name, "sh", "-euc", script).stdout.strip()


def run(playbook: str, *options: str) -> Ran:
    """Run a playbook on the Compose host."""
    described = ROOT / "tests/testplatform/compose_platform.yml"
    more = ("-i", str(MORE_HOSTS), "-e", f"@{described}", "--limit", "compose", *options)
    return play(ROOT / "inventories/demo", playbook, *more, reports=BED.directory / "reports", XORB_BED=BED.name)


@dataclass(frozen=True)
class Fault:
    """How containers are broken and fixed, when that shows in the engine, and what the report must have."""

    broken_by: str
    mended_by: str
    shows: str  # a command that succeeds as soon as the engine has noticed
    check: str
    status: str
    message: str
    explains: str = ""
    cause: str = ""  # the check that is to blame, where it is another one


def _is(container: str, template: str, value: str) -> str:
    return f"test \"$(docker inspect --format '{{{{{template}}}}}' {container})\" = {value}"


FAULTS = {
    "unhealthy": Fault(
        broken_by="touch /opt/xorb/state/sick",
        mended_by="rm -f /opt/xorb/state/sick",
        shows=_is(API, ".State.Health.Status", "unhealthy"),
        check="api.supervisor.state",
        status="critical",
        message="unhealthy (",
    ),
    "missing": Fault(
        broken_by=f"docker rm --force {API}",
        mended_by=":",
        shows=f"! docker inspect {API}",
        check="api.supervisor.state",
        status="critical",
        message="there is no container of service api of the Compose project xorb",
        explains="api.rest.health",
    ),
    "restarting": Fault(
        # In place: the container has this very file.
        broken_by=f"cp {PROGRAM} /run/kept; echo 'raise SystemExit(3)' > {PROGRAM}; docker restart --time 1 {API}",
        mended_by=f"if test -s /run/kept; then cat /run/kept > {PROGRAM}; fi; docker restart --time 1 {API}",
        # Docker waits twice as long before each start: half a minute by then, so that no probe meets it running.
        shows=f"test \"$(docker inspect --format '{{{{.RestartCount}}}}' {API})\" -ge 9",
        check="api.supervisor.state",
        status="critical",
        message="ended with exit code 3 and waits to be started again",
        explains="api.rest.health",
    ),
    "paused": Fault(
        broken_by=f"docker pause {API}",
        mended_by=f"docker unpause {API} || :",
        shows=_is(API, ".State.Status", "paused"),
        check="api.supervisor.state",
        status="critical",
        message=f"{API} is paused",
        explains="api.rest.health",
    ),
    "exited_with_0": Fault(
        broken_by=f"docker stop {REDIS}",
        mended_by=f"docker start {REDIS}",
        shows=_is(REDIS, ".State.Status", "exited"),
        check="redis.supervisor.state",
        status="critical",
        message="with exit code 0",
        explains="api.rest.redis",
    ),
    "engine_stopped": Fault(
        broken_by="systemctl stop docker.socket docker.service",
        mended_by="systemctl start docker.service",
        shows="! docker version",
        check="api.supervisor.state",
        status="unknown",
        message="the Docker engine does not answer: ",
        cause="engine.supervisor.state",
    ),
}


def broken(name: str) -> AbstractContextManager[None]:
    """Break it, wait until the engine has noticed, and fix it whatever happens in between."""
    fault = FAULTS[name]
    script = faults.shell(f"{fault.mended_by}; {MENDED}")
    real = faults.Fault(name, name, "compose", faults.shell(fault.broken_by), script, takes_hold=fault.shows)
    return faults.broken(engine.ensure(), BED, [real])


@pytest.mark.parametrize("name", FAULTS)
def test_daily_fault_is_reported(name: str) -> None:
    fault = FAULTS[name]
    with broken(name):
        ran = run("daily")
    assert ran.status != 0, ran.output
    address = f"xorb-compose/{fault.check}"
    assert (ran.statuses[address], fault.message in ran.message(address)) == (fault.status, True), ran.output
    cause = f"xorb-compose/{fault.cause or fault.check}"
    assert cause in ran.causes
    if fault.cause:
        (check,) = [check for check in ran.report["checks"] if check["id"] == fault.check]
        assert check["blocked_by"] == cause, ran.output
    if fault.explains:
        (check,) = [check for check in ran.report["checks"] if check["id"] == fault.explains]
        assert (check["status"], check["blocked_by"]) == ("critical", address), ran.output


def test_engine_that_is_stopped_is_a_cause_of_its_own() -> None:
    with broken("engine_stopped"):
        ran = run("health_check")
    assert ran.statuses["xorb-compose/engine.supervisor.state"] == "critical"
    assert ran.statuses["xorb-compose/engine.named.state"] == "unknown"


def test_user_who_may_not_ask_the_engine_knows_nothing() -> None:
    ran = run("health_check", "-e", "ansible_user=ansible")
    assert ran.statuses["xorb-compose/api.supervisor.state"] == "unknown"
    assert "permission denied" in ran.message("xorb-compose/api.supervisor.state")


def test_daily_mended_platform_is_green() -> None:
    deadline = time.monotonic() + 90
    found = run("daily")
    # A container that the engine has just started again is a warning for a minute.
    while found.status == 0 and "warning" in found.statuses.values() and time.monotonic() < deadline:
        time.sleep(10)
        found = run("daily")
    assert found.status == 0, found.output
    assert not {"critical", "unknown"} & set(found.statuses.values())
    assert {check["id"] for check in found.report["checks"] if check["host"] == "xorb-compose"} >= {
        "redis.supervisor.image",
        "engine.project.restarts",
        "engine.figures.memory",
        "engine.kept.images",
    }


def test_figures_agree_with_the_control_group() -> None:
    """A nested engine does give figures: the memory of a container against what the kernel counts for it."""
    (check,) = [check for check in run("daily").report["checks"] if check["id"] == "engine.figures.memory"]
    assert check["status"] == "ok" and f"{API} " in check["message"] and "/ 256MiB)" in check["message"]
    assert 0 < check["value"] < 85
