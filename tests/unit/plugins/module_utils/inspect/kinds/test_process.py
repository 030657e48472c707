# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who has the processors and the memory, and to which container or unit it belongs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._clients import cgroups, process_table
from ansible_collections.xorb.runbook.plugins.module_utils._clients.process_table import Process
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, OK, WARNING
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.kinds import process

from tests.support.loopback import options, probe

ID = "24b30dbd20102547ddac47aa9ef1ab86372ccb2874cd6a76d21a3b012ad806e3"
HOST = "/init.scope"

V1 = f"""9:name=systemd:/docker/{ID}/system.slice/nginx.service
4:memory:/docker/{ID}
1:cpu:/docker/{ID}/system.slice
0::/"""


def one(pid: int, ticks: int, *, started: int = 1, name: str = "python3") -> Process:
    return Process(pid=pid, name=name, state="S", parent=1, ticks=ticks, started=started, resident=1024 * pid)


def test_processes_of_this_host() -> None:
    found = probe("process", sample_seconds=0.05, top=3)
    assert set(found) == {"cpu", "memory"}
    assert found["memory"].message.count("[") >= 1 and isinstance(found["cpu"].value, float)


def test_process_that_works_is_found() -> None:
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass", "secret-argument"])
    try:
        found = probe("process", sample_seconds=0.4, top=1, pattern="secret-argument")
    finally:
        busy.kill()
        busy.wait()
    assert f"[{busy.pid}]" in found["cpu"].message
    assert isinstance(found["cpu"].value, float) and found["cpu"].value > 0
    assert "secret" not in found["cpu"].message + found["memory"].message


def test_pattern_without_a_match_is_a_reason_not_to_know() -> None:
    with pytest.raises(RunbookError, match="no process matches ^nobody$".replace("^", r"\^").replace("$", r"\$")):
        probe("process", pattern="^nobody$", sample_seconds=0.01)


def test_cpu_is_shared_among_all_processors_and_numbers_given_again_are_new() -> None:
    before = [one(1, 100), one(2, 900)]
    after = [one(1, 150), one(2, 20, started=2), one(3, 10)]
    assert [share.percent for share in process.cpu_shares(before, after, 200)] == [25.0, 10.0, 5.0]
    with pytest.raises(RunbookError, match="counted no processor time"):
        process.cpu_shares(before, after, 0)


@pytest.mark.parametrize(("percent", "status"), [(50.0, OK), (85.0, WARNING), (96.0, CRITICAL)])
def test_largest_share_is_judged(percent: float, status: str) -> None:
    shares = [process.Share(one(10, 0), 1.0), process.Share(one(2**30, 0, name="a) b"), percent)]
    found = process.judge("cpu", shares, options("process", top=2))
    assert (found.status, found.value) == (status, percent)
    assert found.message.startswith(f"a) b[{2**30}] {percent} %, python3[10]")


def test_own_process_is_read_as_the_kernel_has_it() -> None:
    (own,) = [found for found in process_table.read() if found.pid == os.getpid()]
    assert own.parent == os.getppid() and own.resident > 2**20 and own.state in "RS"


@pytest.mark.parametrize(
    ("group", "of_init", "name"),
    [
        ("/system.slice/nginx.service", HOST, "nginx.service"),
        ("/user.slice/user-0.slice/session-3.scope", HOST, "session-3.scope"),
        ("/user.slice/user-1000.slice/user@1000.service/app.slice/app.service", HOST, "app.service"),
        (f"/docker/{ID}", HOST, "container 24b30dbd2010"),
        (f"/docker/{ID}/system.slice/nginx.service", HOST, "container 24b30dbd2010"),
        (f"/system.slice/docker-{ID}.scope", HOST, "container 24b30dbd2010"),
        (f"/machine.slice/libpod-{ID}.scope/container", HOST, "container 24b30dbd2010"),
        (f"/kubepods.slice/kubepods-pod1.slice/cri-containerd-{ID}.scope", HOST, "container 24b30dbd2010"),
        ("/lxc.payload.web/system.slice/a.service", HOST, "container web"),
        # Seen from inside a container, its own number says nothing.
        (f"/docker/{ID}/system.slice/nginx.service", f"/docker/{ID}/init.scope", "nginx.service"),
        (f"/docker/{ID}", f"/docker/{ID}", ""),
        ("/", "/", ""),
    ],
)
def test_owner_of_a_process(group: str, of_init: str, name: str) -> None:
    assert cgroups.named(group, of_init) == name


def test_both_versions_of_control_groups() -> None:
    assert cgroups.path("0::/system.slice/a.service\n") == "/system.slice/a.service"
    assert cgroups.path(V1) == f"/docker/{ID}/system.slice/nginx.service"
    assert cgroups.path("") == ""


def test_docker_has_the_name_of_its_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ID).mkdir()
    (tmp_path / ID / "config.v2.json").write_text(json.dumps({"Name": "/xorb-api"}))
    monkeypatch.setattr(cgroups, "DOCKER", tmp_path)
    assert cgroups.named(f"/docker/{ID}", HOST) == "container xorb-api"


def test_owner_of_a_process_that_ended() -> None:
    assert cgroups.owner(2**22 + 1) == ""
    assert process_table.command_line(2**22 + 1) == ""


def test_faults_are_named() -> None:
    assert {key for key, _message in process.KIND.problems({"pattern": "(", "top": 0})} == {"pattern", "top"}
