# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Long work in a process of its own: its result, its death, and its secrets."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._act import inbox, job, progress
from ansible_collections.xorb.runbook.plugins.module_utils._act.job import Job, start, wait
from ansible_collections.xorb.runbook.plugins.module_utils._act.progress import Progress
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

SECRET = "a secret of the job's"  # noqa: S105

#: What jobs of these tests do, as a module of their own.
_WORK = '''
import os, time
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

def wait(given, progress):
    progress.phase("waiting", total=10, unit="steps")
    progress.at(3, "third")
    with open(given["seen"], "w") as file:
        file.write(str(os.getpid()))
    while os.path.exists(given["seen"]):
        time.sleep(0.01)
    return {"changed": True, "secret": len(given["password"])}

def refuse(given, progress):
    raise RunbookError("no room", hint="make some")

def fail(given, progress):
    open("/nowhere/at all")

def crash(given, progress):
    raise KeyError("a bug")

def collect(given, progress):
    """What is sent to a job, until it is sent a negative number."""
    from pathlib import Path
    from ansible_collections.xorb.runbook.plugins.module_utils._act import job
    inbox, found = job.inbox(Path(given["state"]), given["job"]), []
    while not found or found[-1][0] >= 0:
        number, data = inbox.take(240)
        found.append((number, len(data)))
    return {"changed": False, "found": found}

def survive(given, progress):
    """A child outlives its job."""
    import subprocess
    subprocess.Popen(["sleep", "600"], cwd=given["folder"])
    return {"changed": False}
'''

#: Seconds that a job may take to come so far, on a machine that does much besides.
PATIENCE = 240.0


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "job_of_a_test.py").write_text(_WORK)
    monkeypatch.syspath_prepend(tmp_path / "code")
    return tmp_path / "state"


def running(state: Path) -> tuple[str, Path]:
    """A job that waits until a file has gone, in which the number of its process is."""
    seen = state.parent / "seen"
    name = start(state, "job_of_a_test:wait", {"seen": str(seen), "password": SECRET})
    until(lambda: seen.exists() and bool(seen.read_text()))
    return name, seen


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


def test_it_runs_until_it_has_a_result(state: Path) -> None:
    name, seen = running(state)
    found = wait(state, name, 0)
    assert found.running and found.report["phase"] == "waiting" and found.report["done"] in (0, 3)
    seen.unlink()
    assert wait(state, name, PATIENCE) == Job(name, running=False, result={"changed": True, "secret": len(SECRET)})
    with pytest.raises(RunbookError, match="its result was handed out"):
        wait(state, name, 0)
    assert list((state / "jobs").iterdir()) == []


def test_its_secrets_are_nowhere(state: Path) -> None:
    name, seen = running(state)
    about = Path("/proc", seen.read_text())
    for path in (about / "cmdline", about / "environ", *(path for path in state.rglob("*") if path.is_file())):
        assert SECRET.encode() not in path.read_bytes(), path
    assert {path.stat().st_mode & 0o077 for path in (state, *(state / "jobs").iterdir())} == {0}
    seen.unlink()
    wait(state, name, PATIENCE)


def test_it_leaves_the_environment_that_it_began_in(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", SECRET)
    name, seen = running(state)
    assert SECRET.encode() not in Path("/proc", seen.read_text(), "environ").read_bytes()
    seen.unlink()
    wait(state, name, PATIENCE)


def test_one_that_is_killed_has_failed(state: Path) -> None:
    name, seen = running(state)
    os.kill(int(seen.read_text()), signal.SIGKILL)
    result = wait(state, name, PATIENCE).result
    assert result == {"failed": True, "msg": "the process that did it was killed"}


@pytest.mark.parametrize(
    ("function", "result"),
    [
        ("refuse", {"failed": True, "msg": "no room", "hint": "make some"}),
        ("fail", {"failed": True, "msg": "/nowhere/at all: No such file or directory"}),
        ("crash", {"failed": True, "msg": "the process that did it was killed: KeyError: 'a bug'"}),
        ("nothing", None),
    ],
)
def test_one_that_fails(state: Path, function: str, result: dict[str, object] | None) -> None:
    found = wait(state, start(state, f"job_of_a_test:{function}", {}), PATIENCE).result
    assert found["failed"]
    assert result is None or found == result


def test_a_child_that_outlives_it_does_not_keep_it_running(state: Path) -> None:
    folder = state.parent / "child"
    folder.mkdir()
    found = wait(state, start(state, "job_of_a_test:survive", {"folder": str(folder)}), PATIENCE)
    assert found.result == {"changed": False}
    for entry in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if entry.readlink() == folder:
                os.kill(int(entry.parent.name), signal.SIGKILL)
        except OSError:
            continue


@pytest.mark.parametrize("name", ["", "..", "../../etc", "0" * 32, "x"])
def test_a_job_that_there_is_not(state: Path, name: str) -> None:
    with pytest.raises(RunbookError, match="there is no job"):
        wait(state, name, 0)


def test_a_result_that_was_never_fetched_goes_with_the_next(state: Path) -> None:
    forgotten = start(state, "job_of_a_test:refuse", {})
    until((state / "jobs" / forgotten / "result.json").exists)
    until(lambda: not job._runs(state / "jobs" / forgotten))
    kept, seen = running(state)
    name = start(state, "job_of_a_test:refuse", {})
    assert {path.name for path in (state / "jobs").iterdir()} == {kept, name}
    wait(state, name, PATIENCE)
    seen.unlink()
    wait(state, kept, PATIENCE)


class TestInbox:
    def test_what_is_sent_arrives_one_by_one(self, state: Path) -> None:
        name = start(state, "job_of_a_test:collect", {"state": str(state)})
        for number, size in ((0, 10), (10, 200_000), (10, 200_000), (-1, 0)):
            job.send(state, name, number, b"x" * size)
        assert wait(state, name, PATIENCE).result["found"] == [[0, 10], [10, 200_000], [10, 200_000], [-1, 0]]

    def test_sender_of_a_job_that_has_ended_does_not_wait(self, state: Path) -> None:
        name = start(state, "job_of_a_test:refuse", {})
        until(lambda: not job._runs(state / "jobs" / name))
        with pytest.raises(RunbookError, match="the job that this was sent to has ended"):
            job.send(state, name, 0, b"x")
        assert {path.stat().st_mode & 0o077 for path in (state / "jobs" / name / "inbox").iterdir()} == {0}
        wait(state, name, PATIENCE)
        with pytest.raises(RunbookError, match="there is no job"):
            job.send(state, name, 0, b"x")

    def test_nothing_comes(self, tmp_path: Path) -> None:
        assert inbox.Inbox(tmp_path / "none").take(0.05) is None


class TestProgress:
    def test_what_is_reported(self, tmp_path: Path) -> None:
        path = tmp_path / "progress.json"
        assert progress.read(path) == {}
        report = Progress(path)
        report.phase("dumping", total=10, unit="bytes")
        assert {**progress.read(path), "at": 0, "begin": 0} == {
            "phase": "dumping",
            "done": 0,
            "total": 10,
            "unit": "bytes",
            "note": "",
            "at": 0,
            "begin": 0,
        }

    def test_it_is_not_written_for_each_piece(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "progress.json"
        clock = [100.0]
        monkeypatch.setattr("time.monotonic", lambda: clock[0])
        report = Progress(path)
        report.phase("dumping", total=10)
        report.at(1)
        assert progress.read(path)["done"] == 0
        clock[0] += 1
        report.at(2, "a table")
        assert (progress.read(path)["done"], progress.read(path)["note"]) == (2, "a table")

    @pytest.mark.parametrize("text", ["", "{", "[]", "7"])
    def test_what_is_no_report(self, tmp_path: Path, text: str) -> None:
        path = tmp_path / "progress.json"
        path.write_text(text)
        assert progress.read(path) == {}

    def test_without_a_path_it_goes_nowhere(self) -> None:
        report = Progress()
        report.phase("x")
        report.at(1)
        assert json.dumps(report._report["done"]) == "1"
