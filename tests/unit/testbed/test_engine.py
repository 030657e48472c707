# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json
import os
import subprocess
import threading
from pathlib import Path

import pytest

from tests.testbed import commands, engine
from tests.testbed.engine import Machine, Started
from tests.testbed.errors import BedError


def machine(**facts: object) -> Machine:
    values = {"has_client": False, "has_engine": False, "has_systemd": False, "docker_host": "", **facts}
    return Machine(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("facts", "steps"),
    [
        ({}, ("install", "background")),
        ({"has_systemd": True}, ("install", "systemd")),
        ({"has_client": True, "has_engine": True}, ("background",)),
        ({"has_client": True, "has_engine": True, "has_systemd": True}, ("systemd",)),
        # Debian 13 has the two in packages of their own: one without the other is not enough.
        ({"has_engine": True}, ("install", "background")),
        ({"has_client": True}, ("install", "background")),
    ],
)
def test_plan_installs_only_what_is_missing(facts: dict[str, bool], steps: tuple[str, ...]) -> None:
    assert engine.plan(machine(**facts)) == steps


def test_plan_remote_engine_that_is_silent_is_not_replaced() -> None:
    with pytest.raises(BedError, match="DOCKER_HOST is tcp://far:2375"):
        engine.plan(machine(docker_host="tcp://far:2375", has_client=True, has_engine=True))


@pytest.mark.parametrize(
    ("known", "expected"), [({"docker.io"}, ["docker.io"]), ({"docker.io", "docker-cli"}, ["docker.io", "docker-cli"])]
)
def test_packages_follow_the_release(known: set[str], expected: list[str]) -> None:
    assert engine.packages(known.__contains__) == expected


@pytest.mark.parametrize(
    ("uid", "terminal", "expected"),
    [
        (0, False, ["dockerd"]),
        (1000, True, ["/usr/bin/sudo", "dockerd"]),
        # Without a terminal sudo would wait for a password that nobody can type.
        (1000, False, ["/usr/bin/sudo", "-n", "dockerd"]),
    ],
)
def test_elevate_uses_sudo_only_where_needed(uid: int, *, terminal: bool, expected: list[str]) -> None:
    assert commands.elevate(["dockerd"], uid=uid, sudo="/usr/bin/sudo", terminal=terminal) == expected


def answer(facts: object, code: int = 0) -> subprocess.CompletedProcess[str]:
    return subprocess.CompletedProcess([], code, stdout=json.dumps(facts), stderr="")


@pytest.mark.parametrize(("facts", "version"), [({"CgroupVersion": "2"}, 2), ({"CgroupVersion": "1"}, 1), ({}, 1)])
def test_find_reads_the_cgroup_version(monkeypatch: pytest.MonkeyPatch, facts: dict[str, str], version: int) -> None:
    monkeypatch.setattr(engine, "which", lambda _program: "/usr/bin/docker")
    monkeypatch.setattr(engine, "run", lambda *_words, **_options: answer(facts))
    found = engine.find()
    assert found is not None
    assert found.cgroup_version == version


def test_find_client_without_an_engine_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client prints its own facts, and on some versions exits 0, when no engine answers."""
    monkeypatch.setattr(engine, "which", lambda _program: "/usr/bin/docker")
    monkeypatch.setattr(engine, "run", lambda *_words, **_options: answer({"ServerErrors": ["refused"]}))
    assert engine.find() is None


@pytest.fixture
def record(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    path = tmp_path / "engine.json"
    monkeypatch.setattr(engine, "_RECORD", path)
    return path


def remember(record: Path, started: Started) -> None:
    record.write_text(json.dumps({"how": started.how, "pid": started.pid, "born": started.born}), encoding="utf-8")


def test_stop_own_without_a_record_stops_nothing(record: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_stop", lambda _started: pytest.fail("stopped an engine of somebody else"))
    assert not record.exists()
    assert engine.stop_own() is False


def test_stop_own_number_taken_by_another_process_stops_nothing(record: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_stop", lambda _started: pytest.fail("stopped a process of somebody else"))
    remember(record, Started(how="background", pid=os.getpid(), born="1"))
    assert engine.stop_own() is False
    assert not record.exists()


def test_stop_own_ends_exactly_the_recorded_process(record: Path) -> None:
    process = subprocess.Popen(["sleep", "60"])
    remember(record, Started(how="background", pid=process.pid, born=engine.birth(process.pid)))
    threading.Thread(target=process.wait, daemon=True).start()  # reaped, as init would do with a real one
    assert engine.stop_own() is True
    assert process.wait(5) == -15
    assert not record.exists()


def test_birth_of_no_process_is_empty() -> None:
    assert engine.birth(2**22 + 1) == ""
