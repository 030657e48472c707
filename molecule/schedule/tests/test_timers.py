# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Timers that really fire, on a host that plays the control node."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import yaml

from tests.support.procedures import ROOT, Ran, play
from tests.testbed.layout import scenario_bed

BED = scenario_bed()
Shell = Callable[..., str]

PREFIX = "xorb-runbook-bed"
LEDGER = "/var/lib/runbook/.local/state/xorb-runbook/bed/ledger.sqlite"
QUERY = f'sqlite3.connect("{LEDGER}").execute("SELECT procedure FROM runs").fetchall()'  # noqa: S608
RUNS = f"python3 -c 'import sqlite3; print({QUERY})'"


def wait_for(what: Callable[[], bool], *, seconds: float = 240) -> None:
    """Wait until something is so: a machine that is busy takes its time."""
    ends = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < ends, "it did not happen"
        time.sleep(1)


def shown(shell: Shell, unit: str, name: str) -> str:
    """A property of a unit."""
    return shell(f"systemctl show --value --property={name} {unit}")


#: What the scenario's own playbook gives.
GIVEN = yaml.safe_load((ROOT / "molecule/schedule/converge.yml").read_text())[-1]["vars"]


def schedule(*options: str, **changed: object) -> Ran:
    """Run the playbook again, with some variables changed."""
    variables = json.dumps({**GIVEN, **changed})
    return play(
        ROOT / "inventories/demo",
        "schedule",
        "-e",
        variables,
        *options,
        reports=BED.directory / "none",
        XORB_BED=BED.name,
    )


def test_timer_fires_and_its_run_is_in_the_ledger(shell: Shell) -> None:
    wait_for(lambda: "health_check" in shell(f"test ! -e {LEDGER} || {RUNS}", check=False))
    journal = shell(f"journalctl --no-pager -u {PREFIX}-health_check.service")
    assert "OK  bed  health_check" in journal
    assert shown(shell, f"{PREFIX}-health_check.timer", "ActiveState") == "active"
    assert shown(shell, f"{PREFIX}-health_check.service", "User") == "runbook"


def test_environment_arrives_as_it_was_written(shell: Shell) -> None:
    assert 'a "word" of 100 % $HOME' in shown(shell, f"{PREFIX}-health_check.service", "Environment").replace("\\", "")


def test_second_start_joins_the_run_that_goes_on_and_one_that_hangs_is_ended(shell: Shell) -> None:
    unit = f"{PREFIX}-hangs.service"
    shell(f"rm -f /run/bed-told; systemctl start --no-block {unit}")
    wait_for(lambda: shown(shell, unit, "MainPID") != "0")
    first = shown(shell, unit, "MainPID")
    shell(f"systemctl start --no-block {unit}")
    assert shown(shell, unit, "MainPID") == first
    wait_for(lambda: shown(shell, unit, "ActiveState") == "failed")
    assert shown(shell, unit, "Result") == "timeout"
    wait_for(lambda: shell("test -e /run/bed-told && echo told", check=False) == "told")
    assert "sleep 86400" not in shell("ps -eo args | grep '[s]leep 86400'", check=False)


def test_what_is_taken_out_of_the_list_is_taken_away(shell: Shell) -> None:
    kept = {"name": "health_check", "playbook": "xorb.runbook.health_check", "calendar": "*:*:0/20", "limit": 240}
    # Of another platform, whose name begins as this one's.
    other = f"/etc/systemd/system/{PREFIX}-two-daily.timer"
    shell(f"printf '[Unit]\\nDescription=bed-two: when daily runs\\n' > {other}")
    ran = schedule(bed_runs=[kept])
    assert ran.status == 0, ran.output
    assert shell(f"ls {other}; rm {other}") == other
    assert shell(f"cd /etc/systemd/system; ls {PREFIX}-*").split() == [
        f"{PREFIX}-health_check.service",
        f"{PREFIX}-health_check.timer",
    ]
    assert f"{PREFIX}-hangs" not in shell("systemctl list-units --all --failed --no-pager")


def test_check_mode_shows_and_does_nothing(shell: Shell) -> None:
    ran = schedule("--check", "--diff", schedule_platform="other")
    assert ran.status == 0, ran.output
    assert "+OnCalendar=2100-01-01" in ran.output and "+TimeoutStartSec=45" in ran.output
    assert shell("ls /etc/systemd/system/xorb-runbook-other-* 2>/dev/null", check=False) == ""


def test_nonsense_is_refused_before_anything_is_written() -> None:
    whenever = {"name": "x", "playbook": "y", "calendar": "whenever", "limit": 1}
    for changed, sentence in (
        ({"schedule_platform": "a b"}, "cannot be part of the name of a unit"),
        ({"schedule_ansible_playbook": "/opt/none"}, "/opt/none is not on xorb-monitor"),
        ({"bed_runs": [whenever]}, "whenever"),
        ({"bed_runs": [{**whenever, "limit": 0}]}, "expected seconds, 1 or more, for x"),
        ({"bed_runs": [{**whenever, "name": "eu-daily"}]}, "cannot be part of the name of a unit"),
    ):
        ran = schedule(**changed)
        assert ran.status == 2 and sentence in ran.output, ran.output


def test_absent_takes_everything_away_and_again_changes_nothing(shell: Shell) -> None:
    ran = schedule(schedule_state="absent")
    assert ran.status == 0, ran.output
    assert shell(f"ls /etc/systemd/system/{PREFIX}-* /etc/systemd/system/timers.target.wants/{PREFIX}-*"
                 f" /var/lib/systemd/timers/stamp-{PREFIX}-* 2>/dev/null", check=False) == ""  # fmt: skip
    assert PREFIX not in shell("systemctl list-timers --all --no-pager")
    again = schedule(schedule_state="absent")
    assert "changed=0" in [line for line in again.output.splitlines() if line.startswith("xorb-monitor")][-1]
    # A run that is under way ends by itself.
    wait_for(lambda: shell("pgrep -u runbook || :") == "")
    shell("userdel runbook; rm -rf /opt/runbook /var/lib/runbook /run/bed-told")
    shell("rm /etc/systemd/system/bed-told.service; systemctl daemon-reload; systemctl reset-failed")
