# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Containers in each of their states, as two versions of Docker show them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._clients.docker import Selection
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, OK, UNKNOWN, WARNING, Finding
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.kinds import container

from tests.support.fake_docker import only
from tests.support.loopback import options, probe

Recording = dict[str, Any]
Docker = Callable[[Recording], Path]

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def details(recording: Recording, service: str, *, restarts: int | None = None, **state: Any) -> dict[str, Any]:
    """The details of a recorded container, some of them changed."""
    (found,) = [one for one in recording["containers"] if one["Name"] == f"/xorb-{service}-1"]
    changed: dict[str, Any] = copy.deepcopy(found)
    changed["State"].update(state)
    if restarts is not None:
        changed["RestartCount"] = restarts
    return changed


def judged(*found: dict[str, Any], wanted: str = "running", replicas: int = 1) -> Finding:
    return container.judge(found, wanted, replicas, now=NOW)


@pytest.mark.parametrize(
    ("service", "status", "message"),
    [
        ("healthy", OK, "xorb-healthy-1 running since 2026-11-23T"),
        ("healthy", OK, "Z, healthy"),
        ("plain", OK, "Z, no health check"),
        ("starting", WARNING, "health check still starting (0 failed so far)"),
        ("unhealthy", CRITICAL, "failed health checks in a row)"),
        ("restarting", CRITICAL, "xorb-restarting-1 ended with exit code 3 and waits to be started again"),
        ("paused", CRITICAL, "xorb-paused-1 is paused: its processes are frozen"),
        ("exited0", CRITICAL, "with exit code 0"),
        ("exited3", CRITICAL, "with exit code 3"),
        ("killed", CRITICAL, "with exit code 137"),
        ("oom", CRITICAL, "with exit code 137, killed for lack of memory"),
        ("created", CRITICAL, "was made but has not been started (exit code 0)"),
        ("unstartable", CRITICAL, "has not been started (exit code 127, failed to create"),
    ],
)
def test_state_of_a_service(recording: Recording, docker: Docker, service: str, status: str, message: str) -> None:
    docker(recording)
    found = probe("container", project="xorb", compose_service=service)
    assert set(found) == {"state", "restarts", "image"}
    assert found["state"].status == status and message in found["state"].message


def test_selects_by_labels_and_reads_json_only(recording: Recording, docker: Docker) -> None:
    log = docker(recording)
    probe("container", project="xorb", compose_service="plain")
    commands = log.read_text().splitlines()
    labels = "--filter label=com.docker.compose.project=xorb --filter label=com.docker.compose.service=plain"
    assert commands[0] == f"ps --no-trunc --all {labels} --format {{{{json .}}}}"
    assert [line.split(" --")[0] for line in commands[1:]] == ["inspect", "inspect"]


def test_container_of_compose_run_is_not_the_services(recording: Recording, docker: Docker) -> None:
    docker(recording)
    assert "oneoff" not in probe("container", project="xorb", compose_service="plain")["state"].message


def test_container_by_name(recording: Recording, docker: Docker) -> None:
    docker(recording)
    assert probe("container", container="xorb-plain-1")["state"].status == OK
    # Neither a part of a name nor a pattern is the name.
    for name in ("xorb-plain", "xorb.plain-1"):
        missing = probe("container", container=name)
        assert (missing["state"].status, missing["state"].message) == (CRITICAL, f"there is no container {name}")


def test_missing_container_of_a_service(recording: Recording, docker: Docker) -> None:
    docker(recording)
    found = probe("container", project="xorb", compose_service="gone")
    message = "there is no container of service gone of the Compose project xorb"
    assert {aspect: (finding.status, finding.message) for aspect, finding in found.items()} == {
        "state": (CRITICAL, message)
    }


def test_project_as_a_whole_is_as_bad_as_its_worst(recording: Recording, docker: Docker) -> None:
    docker(only(recording, "healthy", "plain", "starting", "paused"))
    state = probe("container", project="xorb")["state"]
    assert state.status == CRITICAL
    parts = [part.split()[0] for part in state.message.split("; ")]
    assert parts == ["xorb-paused-1", "xorb-starting-1", "xorb-healthy-1", "xorb-plain-1"]


@pytest.mark.parametrize("down", [["ps", "version"], ["inspect", "version"]])
def test_engine_that_is_gone_is_a_reason_not_to_know(recording: Recording, docker: Docker, down: list[str]) -> None:
    docker({**recording, "down": down})
    with pytest.raises(RunbookError, match="the Docker engine does not answer: Cannot connect to the Docker daemon"):
        probe("container", project="xorb", compose_service="plain")


def test_container_that_vanished_meanwhile_is_missing(recording: Recording, docker: Docker) -> None:
    docker({**recording, "containers": []})
    assert probe("container", project="xorb", compose_service="plain")["state"].status == CRITICAL


def test_host_without_docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RunbookError, match="docker cannot be run: No such file or directory"):
        probe("container", container="api")


@pytest.mark.parametrize(("printed", "why"), [("json", "no JSON: json"), ('["a"]', "no JSON object")])
def test_answer_that_is_no_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, printed: str, why: str) -> None:
    (tmp_path / "docker").write_text(f"#!/bin/sh\necho '{printed}'\n")
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(RunbookError, match=f"docker printed what is {why}"):
        probe("container", project="xorb")


def test_replicas_that_are_missing(recording: Recording) -> None:
    found = judged(details(recording, "plain"), replicas=2)
    assert found.status == CRITICAL and found.message.startswith("1 of 2 containers are there: xorb-plain-1 running")
    assert judged(details(recording, "plain"), details(recording, "healthy"), replicas=2).status == OK


def test_completed_is_enough_where_the_description_has_it(recording: Recording) -> None:
    assert judged(details(recording, "exited0"), wanted="completed").status == OK
    assert judged(details(recording, "exited3"), wanted="completed").status == CRITICAL
    assert judged(details(recording, "plain"), wanted="completed").status == WARNING


def test_running_again_for_seconds_is_not_well(recording: Recording) -> None:
    again = details(recording, "plain", restarts=4, StartedAt="2026-11-23T23:59:30.1Z", ExitCode=3)
    assert judged(again).status == WARNING
    assert "the engine has just started it again" in judged(again).message
    long_ago = details(recording, "plain", restarts=4, StartedAt="2026-11-23T23:00:00.1Z")
    assert judged(long_ago).status == OK


def test_running_after_a_kill_for_memory_is_not_well(recording: Recording) -> None:
    found = judged(details(recording, "plain", OOMKilled=True))
    assert found.status == WARNING and "killed for lack of memory" in found.message


@pytest.mark.parametrize(("health", "status"), [({"Status": "none"}, OK), ({"Status": "odd"}, UNKNOWN), (None, OK)])
def test_health_that_is_absent_or_odd(recording: Recording, health: dict[str, Any] | None, status: str) -> None:
    assert judged(details(recording, "plain", Health=health)).status == status


@pytest.mark.parametrize(("status", "message"), [("dead", "is dead"), ("removing", "is removing"), ("", "is (empty)")])
def test_rare_states_are_critical(recording: Recording, status: str, message: str) -> None:
    found = judged(details(recording, "plain", Status=status))
    assert found.status == CRITICAL and message in found.message


@pytest.mark.parametrize(
    ("count", "given", "status"),
    [(3, {}, OK), (4, {}, WARNING), (400, {}, WARNING), (4, {"restarts_critical": 3}, CRITICAL)],
)
def test_restarts_are_judged_by_the_most_restless(
    recording: Recording, count: int, given: dict[str, int], status: str
) -> None:
    found = [details(recording, "healthy"), details(recording, "plain", restarts=count)]
    finding = container.restarts(found, options("container", project="xorb", **given))
    assert (finding.status, finding.value) == (status, count)
    assert finding.message == f"xorb-plain-1 was started again {count} times by the engine"


def test_image_is_named_with_its_digest(recording: Recording) -> None:
    found = details(recording, "plain")
    digest = f"sha256:{'a' * 64}"
    images = {found["Image"]: {"Id": found["Image"], "RepoDigests": [f"shop/api@{digest}"]}}
    finding = container.judge_images([found], images)
    assert (finding.status, finding.message) == (OK, f"xorb/local:1, digest {digest}")


def test_image_that_was_built_here_has_an_id_only(recording: Recording, docker: Docker) -> None:
    docker(recording)
    finding = probe("container", project="xorb", compose_service="plain")["image"]
    assert finding.status == OK
    assert finding.message == f"xorb/local:1, no digest, id {details(recording, 'plain')['Image']}"


def test_image_whose_name_stands_for_another_by_now(recording: Recording) -> None:
    found = details(recording, "plain")
    newer = {"Id": "sha256:newer", "RepoTags": ["xorb/local:1"]}
    finding = container.judge_images([found], {"xorb/local:1": newer, "sha256:newer": newer})
    assert finding.status == WARNING
    assert "xorb-plain-1 still runs it, but xorb/local:1 stands for sha256:newer by now" in finding.message


@pytest.mark.parametrize(
    ("given", "keys"),
    [
        ({}, ["project_src"]),
        ({"compose_service": "api"}, ["project_src"]),
        ({"container": "a", "project": "b"}, ["container"]),
        ({"container": "a b"}, ["container"]),
        ({"container": "^a.*"}, ["container"]),
        ({"project": "b", "replicas": 0}, ["replicas"]),
        ({"project": "b"}, []),
        ({"project_src": "/opt/b", "compose_service": "api"}, []),
        ({"container": "xorb-api.1_x"}, []),
    ],
)
def test_check_wants_to_know_which(given: dict[str, Any], keys: list[str]) -> None:
    assert [key for key, _message in container.KIND.problems(given)] == keys


@pytest.mark.parametrize(
    ("given", "target"),
    [
        ({"container": "api"}, "api"),
        ({"project": "xorb", "compose_service": "api"}, "xorb/api"),
        ({"project_src": "/opt/xorb"}, "/opt/xorb"),
    ],
)
def test_target(given: dict[str, str], target: str) -> None:
    assert container.KIND.target(given) == target


def test_selection_names_itself() -> None:
    assert str(Selection(project="a", service="b")) == "service b of the Compose project a"
    assert str(Selection(container="c")) == "container c"
