# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A systemd unit in each of its states, and a host without systemd."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._clients import process_table
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, OK, UNKNOWN, WARNING
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.kinds import unit
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.runner import Probe, run_probes

from tests.support.loopback import probe

SINCE = "Mon 2026-11-23 18:24:01 UTC"


def judged(
    active: str, sub: str, *, load: str = "loaded", state: str = "running", restarts: str = "0"
) -> tuple[str, str]:
    properties = {
        "LoadState": load,
        "ActiveState": active,
        "SubState": sub,
        "Result": "exit-code" if active == "failed" else "success",
        "NRestarts": restarts,
        "StateChangeTimestamp": SINCE,
    }
    found = unit.judge(properties, "api.service", state)
    return found.status, found.message


@pytest.mark.parametrize(
    ("active", "sub", "status", "message"),
    [
        ("active", "running", OK, f"active (running), since {SINCE}, result success, 0 automatic restarts"),
        ("active", "waiting", OK, "active (waiting)"),
        ("reloading", "reload", OK, "reloading (reload)"),
        ("active", "exited", CRITICAL, "it has no process; name the unit that does the work, or set state to active"),
        ("activating", "start", WARNING, "still starting"),
        ("activating", "auto-restart", CRITICAL, "it ended and waits to be started again"),
        ("activating", "auto-restart-queued", CRITICAL, "it ended and waits to be started again"),
        ("deactivating", "stop-sigterm", CRITICAL, "deactivating (stop-sigterm)"),
        ("inactive", "dead", CRITICAL, "inactive (dead)"),
        ("failed", "failed", CRITICAL, "result exit-code"),
    ],
)
def test_states(active: str, sub: str, status: str, message: str) -> None:
    found = judged(active, sub)
    assert found[0] == status and message in found[1]


def test_unit_that_ends_after_its_work_may_be_enough() -> None:
    assert judged("active", "exited", state="active")[0] == OK


@pytest.mark.parametrize(
    ("load", "message"),
    [
        ("not-found", "api.service is not known to systemd"),
        ("masked", "api.service is masked, so nothing can start it"),
        ("bad-setting", "api.service cannot be loaded: bad-setting"),
    ],
)
def test_units_that_are_not_there(load: str, message: str) -> None:
    assert judged("inactive", "dead", load=load) == (CRITICAL, message)


def fake_systemctl(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = folder / "systemctl"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


def test_run_queries_once_and_reads_the_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log"
    answer = "LoadState=loaded\\nActiveState=active\\nSubState=running\\nResult=success\\nNRestarts=3"
    fake_systemctl(tmp_path, monkeypatch, f"echo \"$LC_ALL $*\" >> {log}; printf '{answer}\\n'")
    found = probe("unit", unit="api.service")["state"]
    assert (found.status, found.message) == (OK, "active (running), result success, 3 automatic restarts")
    assert log.read_text().splitlines() == [f"C show --property={','.join(unit.PROPERTIES)} -- api.service"]


def test_run_without_systemd_is_a_reason_not_to_know(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    printed = "System has not been booted with systemd as init system (PID 1). Can't operate."
    fake_systemctl(tmp_path, monkeypatch, f'echo "{printed}" >&2; exit 1')
    with pytest.raises(RunbookError, match="systemd does not answer: System has not been booted"):
        probe("unit", unit="api.service")


def test_unit_whose_process_is_hidden_costs_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    shown = "LoadState=loaded\\nActiveState=active\\nSubState=running\\nMainPID=%s\\n\\n"
    fake_systemctl(tmp_path, monkeypatch, f"printf '{shown}' {ended.pid} {os.getpid()}")
    monkeypatch.setattr(process_table, "hides", lambda _mountinfo, _status: "hidepid=2")
    hidden, seen = run_probes(units("one.service", "two.service"), deadline=60)
    assert (hidden.status, seen.status) == (UNKNOWN, OK)
    assert f"whether its main process {ended.pid} is stopped is not determined: /proc is mounted" in hidden.message


@pytest.mark.parametrize("name", ["api*", "a b", "", "a;b"])
def test_check_wants_one_unit(name: str) -> None:
    assert [key for key, _message in unit.KIND.problems({"unit": name})] == ["unit"]


#: Answers as systemd does: a block for each unit in the order of the question, and none behind a name that it refuses.
SYSTEMCTL = """#!/bin/sh
echo question >> "$0.questions"
while [ "$1" != -- ]; do shift; done; shift
for name; do
  case $name in
    refused*) echo "Failed to get properties: Unit name $name is missing the instance name." >&2; exit 1;;
    missing*) printf 'LoadState=not-found\\nActiveState=inactive\\n\\n';;
    *) printf 'LoadState=loaded\\nActiveState=active\\nSubState=%s\\nMainPID=0\\n\\n' "${name%.service}";;
  esac
done
"""


def units(*names: str) -> list[Probe]:
    identity = {"service": "s", "owner": "o", "state": "running", "timeout": 60.0}
    return [Probe(unit.KIND, {**identity, "point": f"p{index}", "unit": name}) for index, name in enumerate(names)]


@pytest.fixture
def questions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The questions that a systemctl of the test's own was asked, one a line."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    (tmp_path / "systemctl").write_text(SYSTEMCTL)
    (tmp_path / "systemctl").chmod(0o755)
    return tmp_path / "systemctl.questions"


def test_units_are_asked_for_by_one_question(questions: Path) -> None:
    checks = run_probes(units("one.service", "missing.service", "one.service", "two.service"), deadline=60)
    assert [check.status for check in checks] == [OK, CRITICAL, OK, OK]
    messages = [check.message.split(",")[0] for check in checks]
    assert messages == ["active (one)", "missing.service is not known to systemd", "active (one)", "active (two)"]
    assert questions.read_text().splitlines() == ["question"]


def test_unit_that_systemd_refuses_costs_no_other_and_gives_none_its_state(questions: Path) -> None:
    checks = run_probes(units("one.service", "refused@.service", "missing.service"), deadline=60)
    assert [check.status for check in checks] == [OK, UNKNOWN, CRITICAL]
    assert "missing the instance name" in checks[1].message
    assert len(questions.read_text().splitlines()) == 4
