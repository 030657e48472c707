# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The verdict in one line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.xorb.runbook.plugins.action.verdict import sentence
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, UNKNOWN

from tests.support.lab import Lab

AND_AFTER = {
    "hosts": "all",
    "gather_facts": False,
    "tasks": [
        {"ansible.builtin.import_role": {"name": "xorb.runbook.inspect"}},
        {"ansible.builtin.import_role": {"name": "xorb.runbook.report"}},
        {"ansible.builtin.debug": {"msg": "the inspection of {{ inventory_hostname }} is over"}},
    ],
}


def line(name: str, status: str = CRITICAL, host: str = "one", **given: Any) -> dict[str, Any]:
    """What the report says of one check that fails."""
    return {"id": name, "address": f"{host}/{name}", "status": status, "blocked_by": "", "suppressed": False, **given}


def test_sentence_has_status_amount_first_cause_and_page() -> None:
    failing = [line(f"runbook.run.aspect{number}") for number in range(5)]
    assert sentence(failing, page="/reports/a.html") == (
        "CRITICAL: 5 failing by one/runbook.run.aspect0 and 4 more; see /reports/a.html"
    )


def test_sentence_names_what_blocks() -> None:
    one = line("runbook.run.written", UNKNOWN, blocked_by="two/sql.port.connect")
    assert sentence([one, one]) == "UNKNOWN: 2 failing by two/sql.port.connect"


def test_sentence_names_own_causes_first() -> None:
    failing = [line("a.b.c", blocked_by="two/x.y.z"), line("runbook.run.written")]
    assert sentence(failing) == "CRITICAL: 2 failing by one/runbook.run.written and 1 more"


@pytest.fixture
def half(lab: Lab, open_port: int, closed_port: int) -> Lab:
    """A platform of which one host is well."""
    lab.variables["platform_services"] = {
        "api": {"hosts": "web", "endpoints": {"port": {"kind": "tcp", "port": open_port}}},
        "sql": {"hosts": "db", "endpoints": {"port": {"kind": "tcp", "port": closed_port}}},
    }
    return lab


def test_verdict_fails_only_the_hosts_that_fail(half: Lab) -> None:
    ran = half.play("health_check")
    assert ran.status == 2
    assert "fatal: [two]" in ran.output and "fatal: [one]" not in ran.output
    printed = re.search(
        r'fatal: \[two\]: FAILED! => .*"CRITICAL: 1 failing by two/sql.port.connect; see (\S+)"', ran.output
    )
    assert printed and Path(printed[1]).read_text().startswith("<!DOCTYPE html>")


def test_verdict_is_a_line_and_the_last_thing_that_is_said(half: Lab) -> None:
    output = half.play("health_check").output
    # No task is wrong, so none is shown.
    assert "[ERROR]" not in output and "Origin:" not in output
    *_sections, verdict, judged, recap, _end = output.split("\n\n")
    assert verdict.startswith("CRITICAL  two: sql port connect")
    assert [line.split(" ")[0] for line in judged.splitlines()] == ["TASK", "fatal:"]
    assert recap.startswith("PLAY RECAP")


def test_verdict_one_host_speaks_for_all_where_all_is_well(lab: Lab, open_port: int, closed_port: int) -> None:
    port = {"kind": "tcp", "port": open_port}
    lab.variables["platform_services"] = {"api": {"hosts": "all", "endpoints": {"port": port}}}
    ran = lab.play("health_check", "-v", ANSIBLE_DISPLAY_OK_HOSTS="true")
    assert ran.status == 0
    assert ran.output.count("no failing check") == 1
    port["port"] = closed_port
    ran = lab.play("health_check", "-v")
    assert ran.status == 2
    assert ran.output.count("fatal: [") == 2


def test_verdict_only_those_who_fail_leave_a_play_that_goes_on(half: Lab, tmp_path: Path) -> None:
    playbook = tmp_path / "looked.yml"
    playbook.write_text(yaml.safe_dump([AND_AFTER]))
    ran = half.play(str(playbook), ANSIBLE_DISPLAY_OK_HOSTS="true")
    assert ran.status == 2
    assert "the inspection of one is over" in ran.output and "the inspection of two is over" not in ran.output


def test_verdict_host_that_is_stricter_than_the_first_is_judged_by_itself(lab: Lab) -> None:
    full = {"kind": "disk", "path": "/", "warning": 0, "critical": 100}
    lab.variables["platform_services"] = {"host": {"hosts": "all", "checks": {"root": full}}}
    lab.hosts["two"]["platform_fail_on_warning"] = True
    ran = lab.play("daily")
    assert ran.status == 2
    assert "fatal: [two]" in ran.output and "fatal: [one]" not in ran.output


def test_verdict_run_that_cannot_be_recorded_fails_every_host(lab: Lab, open_port: int) -> None:
    lab.variables["platform_services"] = {
        "api": {"hosts": "all", "endpoints": {"port": {"kind": "tcp", "port": open_port}}}
    }
    ran = lab.play("health_check", "-e", "platform_ledger=/proc/none/ledger.sqlite")
    assert ran.status == 2
    assert all(f"fatal: [{host}]" in ran.output for host in lab.hosts)


def test_verdict_warning_fails_only_where_it_is_asked_for(lab: Lab) -> None:
    full = {"kind": "disk", "path": "/", "warning": 0, "critical": 100}
    lab.variables["platform_services"] = {"host": {"hosts": "db", "checks": {"root": full}}}
    assert lab.play("daily").status == 0
    assert lab.play("daily", "-e", "platform_fail_on_warning=true").status == 2


def test_verdict_host_that_no_inventory_has_is_judged_by_the_run(lab: Lab, tmp_path: Path) -> None:
    """A play on the implicit localhost alone looks at nothing, which must not pass for well."""
    variables = {"platform_name": "lab", "platform_state_dir": str(tmp_path / "state")}
    services = {"api": {"hosts": "nowhere", "endpoints": {"port": {"kind": "tcp", "port": 1}}}}
    playbook = tmp_path / "localhost.yml"
    playbook.write_text(
        yaml.safe_dump([{**AND_AFTER, "hosts": "localhost", "vars": {**variables, "platform_services": services}}])
    )
    lab.hosts.clear()
    lab.groups.clear()
    ran = lab.play(str(playbook))
    assert ran.status == 2
    assert "fatal: [localhost]" in ran.output
