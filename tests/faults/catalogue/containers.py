# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Containers: a Compose project with a service for each way in which a container can be broken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.faults.matrix import Command, Expected, Row, Task
from tests.testbed.faults import Fault, shell

_FOLDER = "/opt/xorb-lab"
# One at a time: two would make the same network and containers.
_UP = f"flock /run/lock/xorb-lab docker compose --project-directory {_FOLDER} up --detach --wait --wait-timeout 60"


#: A project of its own, that can be renamed.
_NAMED_FOLDER = "/opt/xorb-lab-named"
_OVERRIDE = f"{_NAMED_FOLDER}/docker-compose.override.yml"
_NAMED = f"docker compose --project-directory {_NAMED_FOLDER}"


def _container(service: str) -> str:
    return f"xorb-lab-{service}-1"


def _is(service: str, template: str, test: str) -> str:
    return f"test \"$(docker inspect --format '{{{{{template}}}}}' {_container(service)})\" {test}"


def _row(
    service: str,
    sentence: str,
    broken: str,
    *expected: Expected,
    takes_hold: str = "",
    mended: str = ":",
    telling: str = "",
    evidence: str = "",
    shown: tuple[str, str] = ("", ""),
    look: Mapping[str, Any] | None = None,
    command: Command | None = None,
) -> Row:
    """A row about a service of the lab's project, named after the service."""
    state = f"{_FOLDER}/state/{service}"
    return Row(
        fault=Fault(
            name=f"container_{service}",
            sentence=sentence,
            role="compose",
            broken_by=shell(broken),
            mended_by=shell(
                # A new container where the old one remembers what it went through.
                f'if test -n "$(ls {state})"; then docker rm --force {_container(service)}; fi; '
                f"rm -f {state}/*; {mended}; {_UP} {service}"
            ),
            takes_hold=takes_hold,
        ),
        chapter="Containers",
        look=look or {"supervisor": {"kind": "compose", "project_src": _FOLDER, "service": service}},
        expected=expected,
        command=command or Command("health.containers", folder=_FOLDER, telling=telling, evidence=evidence),
        task=Task(
            "community.docker.docker_container_info", {"name": _container(service)}, telling=shown[0], evidence=shown[1]
        ),
        uses=frozenset({f"compose/{service}"}),
    )


ROWS = (
    _row(
        "unhealthy",
        "a container runs, and its health check fails",
        f"touch {_FOLDER}/state/unhealthy/sick",
        Expected("supervisor.state", "critical", "unhealthy ("),
        takes_hold=_is("unhealthy", ".State.Health.Status", "= unhealthy"),
        shown=('"Status": "unhealthy"', "Health.Status: unhealthy"),
    ),
    _row(
        "missing",
        "a container was removed",
        f"docker rm --force {_container('missing')}",
        Expected("supervisor.state", "critical", "there is no container of service missing"),
        shown=('"exists": false', "exists: false"),
    ),
    _row(
        "restarting",
        "a container ends at its start, and is started again and again",
        f"touch {_FOLDER}/state/restarting/ends; docker restart --time 1 {_container('restarting')}",
        Expected("supervisor.state", "critical", "ended with exit code 3 and waits to be started again"),
        # Docker waits twice as long before each start: half a minute by then, so that no probe meets it running.
        takes_hold=_is("restarting", ".RestartCount", "-ge 9"),
        telling=r"xorb-lab-restarting-1.*Restarting \(3\)",
        evidence="a line with Restarting (3)",
        shown=('"RestartCount": [1-9]', "RestartCount"),
    ),
    _row(
        "paused",
        "a container is paused: its processes are frozen",
        f"docker pause {_container('paused')}",
        Expected("supervisor.state", "critical", "is paused"),
        mended=f"docker unpause {_container('paused')} || :",
        shown=('"Paused": true', "State.Paused: true"),
    ),
    _row(
        "exited",
        "a container that should run has ended, with exit code 0",
        f"docker stop {_container('exited')}",
        Expected("supervisor.state", "critical", "with exit code 0"),
        shown=('"Running": false', "State.Running: false"),
    ),
    _row(
        "squeezed",
        "a container has used nearly all the memory of its control group",
        f"touch {_FOLDER}/state/squeezed/filled; docker exec {_container('squeezed')} redis-cli EVAL "
        "\"for i = 1, 52 do redis.call('SET', i, string.rep('x', 1000000)) end\" 0",
        Expected("figures.memory", "critical", _container("squeezed")),
        look={
            "checks": {
                "figures": {
                    "kind": "docker_stats",
                    "project_src": _FOLDER,
                    "compose_service": "squeezed",
                    "memory_warning": 60,
                    "memory_critical": 75,
                    "cpu_warning": 100,
                    "cpu_critical": 100,
                    "timeout": 20,
                }
            }
        },
        command=Command(
            "performance.container_stats",
            telling=r"xorb-lab-squeezed-1\s.*\s[789]\d\.\d+%",
            evidence="MEM % in the container's line",
        ),
    ),
    Row(
        fault=Fault(
            name="docker_engine_stopped",
            sentence="the Docker engine is stopped, and every container with it",
            role="compose",
            broken_by=shell("systemctl stop docker.socket docker.service"),
            mended_by=shell("systemctl start docker.service"),
            # It starts the containers that ran before.
            holds_no_more=_is("paused", ".State.Status", "= running"),
        ),
        chapter="Containers",
        look={"supervisor": {"kind": "compose", "project_src": _FOLDER, "service": "paused"}},
        expected=(Expected("supervisor.state", "unknown", "the Docker engine does not answer"),),
        command=Command("health.containers", folder=_FOLDER),
        task=Task("community.docker.docker_container_info", {"name": _container("paused")}),
        uses=frozenset({"compose"}),
    ),
    Row(
        fault=Fault(
            name="compose_project_renamed",
            sentence="an override file gives a Compose project another name; its containers run",
            role="compose",
            broken_by=shell(
                f"{_NAMED} down --timeout 1; echo 'name: xorb-lab-renamed' > {_OVERRIDE}; "
                f"{_NAMED} up --detach --wait --wait-timeout 60"
            ),
            mended_by=shell(
                f"if test -e {_OVERRIDE}; then {_NAMED} down --timeout 1; "
                f"rm -f {_OVERRIDE}; fi; {_NAMED} up --detach --wait --wait-timeout 60"
            ),
        ),
        chapter="Containers",
        look={"supervisor": {"kind": "compose", "project_src": _NAMED_FOLDER, "service": "cache"}},
        expected=(Expected("supervisor.state", "ok", "xorb-lab-renamed-cache-1"),),
        command=Command("health.containers", folder=_NAMED_FOLDER),
        task=Task("community.docker.docker_host_info", {"containers": True}),
        uses=frozenset({"compose/named"}),
        harmless=True,
    ),
)
