# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The kinds failed_units and timer: texts of systemd judged, and a systemctl that answers as recorded."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._clients import process_table, systemd
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import (
    CRITICAL,
    NOT_APPLICABLE,
    OK,
    UNKNOWN,
    WARNING,
)
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.kinds import failed_units, timer

from tests.support.loopback import options, probe

NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)

ANSWERS = """case "$*" in
  list-units*) echo "backup.service loaded failed failed Nightly backup"
    echo "loop.service loaded activating auto-restart";;
  *backup.service*) printf 'Id=backup.service\\nActiveState=failed\\nSubState=failed\\nResult=exit-code\\n\\n'
    printf 'Id=loop.service\\nActiveState=activating\\nSubState=auto-restart\\nNRestarts=41\\n';;
esac"""


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A systemctl of the test's own, first in PATH."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    program = tmp_path / "systemctl"
    program.touch(mode=0o755)
    return program


def test_units_in_trouble_are_named(systemctl: Path) -> None:
    systemctl.write_text(f"#!/bin/sh\n{ANSWERS}\n")
    found = probe("failed_units")
    assert (found["failures"].status, found["failures"].value) == (CRITICAL, 1)
    assert found["failures"].message == "1 failed: backup.service (exit-code)"
    assert found["starts"].status == CRITICAL
    assert found["starts"].message == "loop.service ended and waits to be started again (restart 41)"


def test_no_unit_in_trouble(systemctl: Path) -> None:
    systemctl.write_text("#!/bin/sh\nexit 0\n")
    found = probe("failed_units")
    assert {found["failures"].status, found["starts"].status} == {OK}


def test_units_that_do_not_matter_are_left_out(systemctl: Path) -> None:
    systemctl.write_text(f"#!/bin/sh\n{ANSWERS}\n")
    assert probe("failed_units", ignore=["*.service"])["failures"].status == OK


def test_host_without_systemd_is_a_reason_not_to_know(systemctl: Path) -> None:
    systemctl.write_text("#!/bin/sh\necho 'System has not been booted with systemd' >&2; exit 1\n")
    with pytest.raises(RunbookError, match="systemd does not answer: System has not been booted"):
        probe("failed_units")


def unit(**properties: str) -> dict[str, str]:
    return {"Id": "a.service", "ActiveState": "activating", "SubState": "start", **properties}


@pytest.mark.parametrize(
    ("state", "status", "message"),
    [
        (unit(InactiveExitTimestampMonotonic="900000000"), OK, "no unit is stuck"),
        (unit(InactiveExitTimestampMonotonic="100000000"), WARNING, "a.service has been starting for 900 s"),
        (unit(SubState="auto-restart-queued", NRestarts="7"), CRITICAL, "waits to be started again (restart 7)"),
    ],
)
def test_units_that_start(state: dict[str, str], status: str, message: str) -> None:
    found = failed_units.starting([state], options("failed_units"), 1000.0)
    assert found.status == status and message in found.message


def test_zombies_are_counted_and_named() -> None:
    dead = process_table.parse(f"42 (defunct) ({'child'}) Z 7 {' '.join(['0'] * 20)}")
    assert (dead.name, dead.state, dead.parent) == ("defunct) (child", "Z", 7)
    given = options("failed_units")
    assert failed_units.zombies([], given).status == OK
    found = failed_units.zombies([dead] * 11, given)
    assert (found.status, found.value) == (WARNING, 11)
    assert found.message == "11 zombie processes: defunct) (child of process 7 (11)"


def judged(**properties: str) -> tuple[str, str]:
    shown = {"LoadState": "loaded", "ActiveState": "active", "SubState": "waiting", **properties}
    found = timer.state(shown, "backup.timer")
    return found.status, found.message


def test_timer_states() -> None:
    assert judged() == (OK, "backup.timer is active (waiting)")
    assert judged(ActiveState="inactive", SubState="dead") == (CRITICAL, "backup.timer is inactive (dead)")
    assert judged(SubState="elapsed") == (CRITICAL, "backup.timer is active (elapsed): it will not fire again")
    assert judged(LoadState="not-found") == (CRITICAL, "backup.timer is not known to systemd")


@pytest.mark.parametrize(
    ("last", "since", "status", "message"),
    [
        ("Mon 2026-11-23 02:00:00 UTC", "", OK, "fired 18 h ago, 2026-11-23 02:00 UTC"),
        ("Sun 2026-11-22 02:00:00 UTC", "", WARNING, "fired 42 h ago"),
        ("Fri 2026-11-20 02:00:00 UTC", "", CRITICAL, "fired 90 h ago"),
        ("", "Mon 2026-11-23 19:00:00 UTC", OK, "has not fired since it became active 1 h ago"),
        ("", "Fri 2026-11-20 02:00:00 UTC", CRITICAL, "has not fired since it became active 90 h ago"),
        ("", "", UNKNOWN, "systemd reports neither"),
    ],
)
def test_timer_fires_in_time(last: str, since: str, status: str, message: str) -> None:
    shown = {"LastTriggerUSec": last, "ActiveEnterTimestamp": since}
    found = timer.fired(shown, options("timer", unit="backup.timer"), NOW)
    assert found.status == status and found.message.startswith(message)


@pytest.mark.parametrize(
    ("properties", "status", "message"),
    [
        ({"ExecMainExitTimestamp": "Mon 2026-11-23 02:00:07 UTC"}, OK, "succeeded, 2026-11-23 02:00 UTC"),
        ({"ActiveState": "activating"}, OK, "is running now"),
        ({}, NOT_APPLICABLE, "has not run since the host started"),
        ({"Result": "exit-code", "ExecMainStatus": "3"}, CRITICAL, "failed: exit-code, exit status 3"),
        ({"Result": "timeout", "ActiveState": "activating"}, CRITICAL, "failed: timeout"),
        ({"LoadState": "masked"}, CRITICAL, "is masked"),
    ],
)
def test_what_the_timer_started(properties: dict[str, str], status: str, message: str) -> None:
    shown = {"LoadState": "loaded", "ActiveState": "inactive", "Result": "success", **properties}
    found = timer.succeeded(shown, "backup.service")
    assert found.status == status and message in found.message


def test_timer_that_is_off_is_not_judged_by_its_time(systemctl: Path) -> None:
    systemctl.write_text(
        "#!/bin/sh\nprintf 'LoadState=loaded\\nActiveState=inactive\\nResult=success\\nUnit=b.service\\n'"
    )
    found = probe("timer", unit="b.timer")
    assert [found[aspect].status for aspect in ("state", "fired", "service")] == [CRITICAL, UNKNOWN, NOT_APPLICABLE]


@pytest.mark.parametrize("name", ["backup", "backup.service", "*.timer"])
def test_timer_is_named_in_full(name: str) -> None:
    assert [key for key, _message in timer.KIND.problems({"unit": name})] == ["unit"]


def test_times_of_systemd() -> None:
    assert systemd.parse_time("Mon 2026-11-23 20:00:00.123456 UTC") == NOW
    assert systemd.parse_time("n/a") is None
