# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What containers use, as two versions of Docker show it: docker_stats and docker_disk."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, OK, UNKNOWN, WARNING
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.kinds import docker_disk, docker_stats

from tests.support.fake_docker import only
from tests.support.loopback import options, probe

Recording = dict[str, Any]
Docker = Callable[[Recording], Path]


def row(name: str = "api", cpu: str = "0.00%", memory: str = "0.00%", usage: str = "1MiB / 1GiB") -> dict[str, str]:
    return {"Name": name, "CPUPerc": cpu, "MemPerc": memory, "MemUsage": usage}


NOTHING = row(usage="0B / 0B")
DASHES = row(cpu="--", memory="--", usage="-- / --")


def test_stats_of_a_project(recording: Recording, docker: Docker) -> None:
    log = docker(only(recording, "healthy", "plain", "exited0"))
    found = probe("docker_stats", project="xorb")
    assert {aspect: finding.status for aspect, finding in found.items()} == {"cpu": OK, "memory": OK}
    assert "xorb-plain-1" in found["cpu"].message
    assert found["memory"].message.count("MiB / 23.54GiB") == 2
    running = [json.loads(line)["ID"] for line in only(recording, "healthy", "plain")["ps"]]
    assert (
        log.read_text().splitlines()[1] == f"stats --no-stream --no-trunc {' '.join(running)} --format {{{{json .}}}}"
    )


def test_stats_of_containers_that_stopped_meanwhile_are_not_measured(recording: Recording, docker: Docker) -> None:
    docker({**recording, "stats": recording["stats_of_none"]})
    found = probe("docker_stats")
    assert {finding.status for finding in found.values()} == {UNKNOWN}
    assert "has no measurement of xorb-created-1, xorb-exited0-1" in found["cpu"].message


def test_stats_where_nothing_runs(recording: Recording, docker: Docker) -> None:
    docker(only(recording, "exited0"))
    with pytest.raises(RunbookError, match="no container of the Compose project xorb runs"):
        probe("docker_stats", project="xorb")
    with pytest.raises(RunbookError, match="no container of this host runs"):
        probe("docker_stats")


def test_stats_without_an_engine(recording: Recording, docker: Docker) -> None:
    docker({**recording, "down": ["ps"]})
    with pytest.raises(RunbookError, match="the Docker engine does not answer"):
        probe("docker_stats")


@pytest.mark.parametrize(
    ("cpu", "status", "share"), [("150.00%", OK, 75.0), ("170%", WARNING, 85.0), ("196%", CRITICAL, 98.0)]
)
def test_stats_cpu_is_a_share_of_all_processors(cpu: str, status: str, share: float) -> None:
    found = docker_stats.judge_cpu([row(), row("busy", cpu=cpu)], options("docker_stats"), 2)
    assert (found.status, found.value) == (status, share)
    assert found.message.startswith("busy 1") and f"the busiest has {share:g} % of 2 processors" in found.message


@pytest.mark.parametrize(("memory", "status"), [("85%", OK), ("85.01%", WARNING), ("99.3%", CRITICAL)])
def test_stats_memory_is_judged_against_the_limit(memory: str, status: str) -> None:
    found = docker_stats.judge_memory([row(memory=memory, usage="127MiB / 128MiB"), row()], options("docker_stats"))
    assert found.status == status and "(127MiB / 128MiB)" in found.message


@pytest.mark.parametrize("nothing", [NOTHING, DASHES])
def test_stats_without_measurements_are_unknown(nothing: dict[str, str]) -> None:
    given = options("docker_stats")
    for found in (docker_stats.judge_cpu([nothing], given, 2), docker_stats.judge_memory([nothing], given)):
        assert (found.status, found.value) == (UNKNOWN, None)
        assert found.message == "the engine has no measurement of api: it cannot read their control groups"
    assert docker_stats.judge_memory([nothing, row("web")], given).message.endswith("; no measurement of 1 more")


def test_stats_names_the_first_five() -> None:
    rows = [row(f"c{number}", cpu=f"{number}%") for number in range(8)]
    assert (
        "c7 7 %, c6 6 %, c5 5 %, c4 4 %, c3 3 % and 3 more;"
        in docker_stats.judge_cpu(rows, options("docker_stats"), 8).message
    )


def test_stats_check() -> None:
    assert [key for key, _message in docker_stats.KIND.problems({"compose_service": "api"})] == ["project_src"]
    assert not list(docker_stats.KIND.problems({}))


def test_disk(recording: Recording, docker: Docker) -> None:
    log = docker(recording)
    found = probe("docker_disk")
    assert tuple(found) == docker_disk.KIND.expected({})
    assert {finding.status for finding in found.values()} == {OK}
    assert found["images"].value in (5.632, 0.092)  # 20.10 and 26.1
    assert log.read_text() == "system df --format {{json .}}\n"


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0B", 0.0),
        ("117kB (5%)", 117e3),
        ("46.25MB", 46.25e6),
        ("1.916GB (40%)", 1.916e9),
        ("2TB", 2e12),
        ("1e+03kB", 1e6),
        ("", None),
        ("N/A", None),
    ],
)
def test_disk_sizes(text: str, size: float | None) -> None:
    assert docker_disk.count(text) == size


def df(reclaimable: str) -> dict[str, dict[str, str]]:
    sizes = {"TotalCount": "3", "Active": "1", "Size": "90GB", "Reclaimable": "0B"}
    rows = {sort: dict(sizes) for sort in docker_disk.SORTS.values()}
    rows["Images"]["Reclaimable"] = reclaimable
    return rows


@pytest.mark.parametrize(
    ("text", "given", "status"),
    [("20GB (22%)", {}, OK), ("21GB (23%)", {}, WARNING), ("21GB", {"reclaimable_critical": 20}, CRITICAL)],
)
def test_disk_reclaimable(text: str, given: dict[str, int], status: str) -> None:
    found = {finding.aspect: finding for finding in docker_disk.judge(df(text), options("docker_disk", **given))}
    assert found["reclaimable"].status == status and found["reclaimable"].remedy == "docker system prune"
    assert found["images"].message == f"3 (1 in use): 90GB, {text} reclaimable"


def test_disk_of_an_engine_that_leaves_something_out() -> None:
    rows = df("0B")
    del rows["Build Cache"]
    found = {finding.aspect: finding.status for finding in docker_disk.judge(rows, options("docker_disk"))}
    assert found == {"images": OK, "containers": OK, "volumes": OK, "build_cache": UNKNOWN, "reclaimable": UNKNOWN}
