# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Looking: one round trip, and nothing that is wrong with one target costs another."""

from __future__ import annotations

from pathlib import Path

from tests.support.lab import Lab


def test_inspect_makes_one_round_trip(lab: Lab, open_port: int) -> None:
    point = {"kind": "tcp", "port": open_port}
    lab.variables["platform_services"] = {
        f"service{number}": {"hosts": "web", "endpoints": {"a": point, "b": point}} for number in range(5)
    }
    ran = lab.play("health_check", "-vvv")
    assert ran.status == 0, ran.output
    assert ran.report["received"] == 10
    assert ran.output.count("Using module file") == 1


def test_inspect_host_without_looks_is_not_contacted(lab: Lab, open_port: int) -> None:
    lab.variables["platform_services"] = {
        "api": {"hosts": "web", "endpoints": {"a": {"kind": "tcp", "port": open_port}}}
    }
    lab.hosts["two"].update(ansible_connection="ssh", ansible_host="192.0.2.1")
    ran = lab.play("health_check")
    assert ran.status == 0, ran.output


def test_inspect_wrong_value_names_its_path(lab: Lab, open_port: int) -> None:
    lab.variables["platform_services"] = {
        "api": {"hosts": "web", "endpoints": {"a": {"kind": "tcp", "port": "{{ platform_name }}"}}},
        "other": {"hosts": "web", "endpoints": {"a": {"kind": "tcp", "port": open_port}}},
    }
    ran = lab.play("health_check")
    assert "platform_services.api.endpoints.a.port: expected a whole number from 1 to 65535, which" in ran.message(
        "one/api.a.connect"
    )
    assert ran.statuses["one/other.a.connect"] == "ok"


def test_inspect_refuses_a_time_that_no_host_has(lab: Lab, open_port: int) -> None:
    lab.variables["platform_deadline"] = 20
    points = {
        "long": {"kind": "tcp", "port": open_port, "timeout": "{{ 3 * platform_deadline }}"},
        "as_long": {"kind": "tcp", "port": open_port, "timeout": 20},
    }
    lab.variables["platform_services"] = {"api": {"hosts": "web", "endpoints": points}}
    ran = lab.play("health_check")
    assert ran.statuses == {"one/api.long.connect": "unknown", "one/api.as_long.connect": "ok"}, ran.output
    message = ran.message("one/api.long.connect")
    fault = "platform_services.api.endpoints.long.timeout: 60 seconds are longer than platform_deadline, the 20"
    assert fault in message


def test_inspect_sees_another_host_at_its_address(lab: Lab, open_port: int) -> None:
    lab.hosts["one"]["platform_address"] = "127.0.0.1"
    lab.variables["platform_services"] = {
        "api": {"hosts": "web", "endpoints": {"a": {"kind": "tcp", "port": open_port, "seen_from": ["db"]}}}
    }
    ran = lab.play("health_check")
    assert ran.status == 0, ran.output
    assert [(check["host"], check["target"]) for check in ran.report["checks"]] == [("two", f"one:{open_port}")]


def test_inspect_host_without_python_is_named(lab: Lab, open_port: int) -> None:
    lab.variables["platform_services"] = {
        "api": {"hosts": "web", "endpoints": {"a": {"kind": "tcp", "port": open_port}}}
    }
    lab.hosts["one"]["ansible_python_interpreter"] = "/nowhere/python3"
    ran = lab.play("health_check")
    assert ran.status != 0
    assert ran.statuses["one/runbook.host.reachable"] == "unknown"
    assert "could not be inspected" in ran.message("one/runbook.host.reachable")
    # The shell's message, not that it was no JSON.
    assert "/nowhere/python3: not found" in ran.message("one/runbook.host.reachable")


def test_inspect_override_of_one_host_counts_for_that_host(lab: Lab, open_port: int, closed_port: int) -> None:
    lab.groups["all_of_them"] = ["one", "two"]
    lab.variables["platform_services"] = {
        "api": {"hosts": "all_of_them", "endpoints": {"a": {"kind": "tcp", "port": open_port}}}
    }
    lab.hosts["two"]["platform_overrides"] = {"api": {"endpoints": {"a": {"port": closed_port}}}}
    ran = lab.play("health_check")
    assert ran.statuses == {"one/api.a.connect": "ok", "two/api.a.connect": "critical"}


def test_inspect_does_not_tell_a_host_what_only_a_procedure_needs(lab: Lab, tmp_path: Path) -> None:
    managed = {
        "directory": str(tmp_path),
        "names": ["one.example"],
        "reload": {"kind": "command", "argv": ["not-sent"]},
    }
    lab.variables["platform_services"] = {"api": {"hosts": "web", "certificates": {"server": managed}}}
    kept = tmp_path / "kept"
    ran = lab.play("certificate_check", ANSIBLE_KEEP_REMOTE_FILES="1", ANSIBLE_REMOTE_TMP=str(kept))
    assert ran.statuses["one/api.server.readable"] == "critical", ran.output
    (sent,) = (path.read_text() for path in kept.rglob("AnsiballZ_probe.py"))
    assert "one.example" in sent and "not-sent" not in sent
