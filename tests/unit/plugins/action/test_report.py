# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The shipped playbooks from end to end: what is expected arrives or is named, and the exit status says so."""

from __future__ import annotations

import json
import re
import sqlite3
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.action.report import began

from tests.support.lab import Lab
from tests.support.loopback import Client, served


def tcp(hosts: str, port: int | str, **options: Any) -> dict[str, Any]:
    """A service with one port."""
    return {"hosts": hosts, "endpoints": {"port": {"kind": "tcp", "port": port}}, **options}


def unavailable(client: Client) -> None:
    """Answer as a service that cannot work now."""
    client.request()
    client.send(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")


def test_report_everything_up_is_green(lab: Lab, open_port: int) -> None:
    lab.variables["platform_services"] = {"api": tcp("web", open_port), "sql": tcp("db", open_port)}
    ran = lab.play("health_check")
    assert ran.status == 0, ran.output
    assert ran.statuses == {"one/api.port.connect": "ok", "two/sql.port.connect": "ok"}
    assert (ran.report["expected"], ran.report["received"]) == (2, 2)
    assert "2 of 2 expected" in ran.output


def test_report_dependency_is_the_one_root_cause(lab: Lab, closed_port: int) -> None:
    with served(unavailable) as port:
        lab.variables["platform_services"] = {
            "api": {"hosts": "web", "depends_on": ["sql"], "endpoints": {"rest": {
                "kind": "http", "port": port, "health": "/", "readiness": "/ready"}}},
            "sql": tcp("db", closed_port),
        }  # fmt: skip
        ran = lab.play("health_check")
    assert ran.status == 2
    explained = ["one/api.rest.health", "one/api.rest.readiness"]
    assert ran.report["causes"] == [{"check": "two/sql.port.connect", "explains": explained}]
    assert "explains 2 checks" in ran.output and "CRITICAL: 1 failing by two/sql.port.connect" in ran.output


def test_report_port_that_refuses_is_no_consequence_of_a_dependency(lab: Lab, closed_port: int) -> None:
    lab.variables["platform_services"] = {
        "api": tcp("web", closed_port, depends_on=["sql"]),
        "sql": tcp("db", closed_port),
    }
    assert lab.play("health_check").causes == ["one/api.port.connect", "two/sql.port.connect"]


def test_report_undefined_variable_is_one_cause_whatever_needs_it(lab: Lab) -> None:
    needy = {"kind": "tcp", "port": "{{ nowhere }}"}
    lab.variables["platform_services"] = {
        name: {"hosts": host, "endpoints": {"one": needy, "two": needy}}
        for name, host in (("api", "web"), ("sql", "db"))
    }
    lab.variables["platform_services"]["other"] = tcp("web", "{{ elsewhere }}")
    assert lab.play("health_check").causes == ["one/api.one.connect", "one/other.port.connect"]


def test_report_undefined_variable_costs_one_look(lab: Lab, open_port: int) -> None:
    lab.variables["platform_services"] = {"api": tcp("web", "{{ nowhere }}"), "other": tcp("web", open_port)}
    ran = lab.play("health_check")
    assert ran.status == 2
    assert ran.statuses == {"one/api.port.connect": "unknown", "one/other.port.connect": "ok"}
    assert "'nowhere' is undefined" in ran.message("one/api.port.connect")


def test_report_group_with_a_typo_is_critical(lab: Lab, open_port: int) -> None:
    lab.variables["platform_services"] = {"api": tcp("wep", open_port), "sql": tcp("db", open_port)}
    ran = lab.play("health_check")
    assert ran.status == 2
    assert ran.statuses["/runbook.description.api"] == "critical"
    assert "did you mean 'web'?" in ran.output
    assert ran.statuses["two/sql.port.connect"] == "ok"


def test_report_limit_names_what_was_not_run(lab: Lab, open_port: int, closed_port: int) -> None:
    lab.variables["platform_services"] = {"api": tcp("web", open_port), "sql": tcp("db", closed_port)}
    ran = lab.play("health_check", "--limit", "one")
    assert ran.status == 0, ran.output
    assert ran.report["not_run"] == ["two/sql.port.connect"]
    assert "limited" in ran.output and "sql.port.connect" in ran.output


def test_report_tags_leave_nothing_out(lab: Lab, closed_port: int) -> None:
    lab.variables["platform_services"] = {"api": tcp("web", closed_port)}
    ran = lab.play("health_check", "--tags", "nothing")
    assert ran.status == 2
    assert ran.statuses == {"one/api.port.connect": "critical"}


@pytest.mark.parametrize("tags", ["report", "health_check,verdict,inspect"])
def test_report_skipped_tags_leave_nothing_out(lab: Lab, closed_port: int, tags: str) -> None:
    lab.variables["platform_services"] = {"api": tcp("web", closed_port)}
    ran = lab.play("health_check", "--skip-tags", tags)
    assert ran.status == 2
    assert ran.statuses == {"one/api.port.connect": "critical"}


def test_report_waits_for_every_host_whatever_the_strategy(lab: Lab, open_port: int) -> None:
    lab.variables["platform_services"] = {"api": tcp("web", open_port), "sql": tcp("db", open_port)}
    ran = lab.play("health_check", ANSIBLE_STRATEGY="free", ANSIBLE_FORKS="1")
    assert ran.status == 0, ran.output
    assert ran.report["received"] == 2


def test_report_all_unreachable_is_named(lab: Lab, open_port: int, closed_port: int) -> None:
    lab.variables["platform_services"] = {"api": tcp("web", open_port), "sql": tcp("db", open_port)}
    for variables in lab.hosts.values():
        variables.update(
            ansible_connection="ssh", ansible_host="127.0.0.1", ansible_port=closed_port, ansible_ssh_retries=0
        )
    ran = lab.play("health_check")
    assert ran.status != 0
    assert ran.statuses["one/runbook.host.reachable"] == ran.statuses["two/runbook.host.reachable"] == "critical"
    assert ran.statuses["one/api.port.connect"] == "unknown"
    assert ran.report["received"] == 0
    # It took a while to find out, and no host could say since when.
    assert ran.report["duration_s"] > 0
    assert "[ERROR]" not in ran.output and "Origin:" not in ran.output


@pytest.mark.parametrize(
    ("result", "when"),
    [
        ({"started_at": "2026-11-23T03:14:01.000Z", "checks": []}, ["2026-11-23T03:14:01.000Z"]),
        ({"started_at": "2026-11-23T03:14:01.000Z", "unreachable": True}, ["2026-11-23T03:14:01.000Z"]),
        ({"timedout": {"period": 40}, "msg": "Timed out"}, ["2026-11-23T03:14:20.000000Z"]),
        ({"timedout": True, "msg": "Timed out"}, []),
        ({"failed": True, "msg": "no module"}, []),
        ("skipped", []),
        (None, []),
    ],
)
def test_report_began_when_the_first_host_was_inspected(result: Any, when: list[str]) -> None:
    assert list(began(result, "2026-11-23T03:15:00.000Z")) == when


def test_report_says_since_when_and_why(lab: Lab, open_port: int, closed_port: int) -> None:
    lab.variables["platform_services"] = {"api": tcp("web", open_port)}
    assert lab.play("health_check").status == 0
    lab.variables["platform_services"] = {"api": tcp("web", closed_port)}
    assert "new in this run; last good in run 1 of" in lab.play("health_check").output
    assert "failing since run 2 of" in lab.play("health_check").output


def test_report_is_as_wide_as_it_is_told(lab: Lab, closed_port: int) -> None:
    points = {f"endpoint_{number:02}": {"kind": "tcp", "port": closed_port} for number in range(13)}
    lab.variables["platform_services"] = {"api": {"hosts": "web", "endpoints": points}}
    for columns in (80, 160):
        output = lab.play("health_check", COLUMNS=str(columns)).output
        named = [line for line in output.splitlines() if re.match(r" +(critical  )?api endpoint \d\d connect, ", line)]
        assert columns - 30 < max(map(len, named)) <= columns


def test_report_names_everything_with_verbose(lab: Lab, open_port: int) -> None:
    lab.variables["platform_services"] = {"api": tcp("web", open_port)}
    assert "port connect" not in lab.play("health_check").output
    assert "port connect" in lab.play("health_check", "-v").output


def test_report_empty_inventory_is_refused(lab: Lab) -> None:
    lab.hosts.clear()
    lab.groups.clear()
    ran = lab.play("health_check")
    assert ran.status != 0
    assert "The inventory has no hosts" in ran.output


def test_report_nothing_is_refused_by_a_process_of_its_own_where_there_are_hosts(lab: Lab, open_port: int) -> None:
    lab.variables["platform_services"] = {"api": tcp("web", open_port)}
    ran = lab.play("health_check", ANSIBLE_DISPLAY_OK_HOSTS="true", ANSIBLE_DISPLAY_SKIPPED_HOSTS="true")
    assert ran.status == 0, ran.output
    first, *_plays = ran.output.split("\nPLAY [")[1:]
    assert re.findall(r"TASK \[Inventory \| (.+?)\]", first) == [
        "Refuse variables that cannot be meant",
        "Refuse nothing else where there are hosts",  # the end of the play, for which no process is started
    ]


def test_report_nothing_expected_is_critical(lab: Lab, open_port: int) -> None:
    lab.variables.update(platform_services={"api": tcp("web", open_port)})
    ran = lab.play("health_check", "-e", '{"platform_only_kinds": ["redis"]}')
    assert ran.status == 2
    assert "nothing was expected" in ran.output


def test_report_without_a_description_is_refused(lab: Lab) -> None:
    ran = lab.play("health_check")
    assert ran.status != 0
    assert "platform_services: expected a map" in ran.output


def test_report_ledger_that_cannot_be_written_loses_no_report(lab: Lab, open_port: int) -> None:
    lab.variables.update(platform_services={"api": tcp("web", open_port)}, platform_ledger="/proc/no/ledger.sqlite")
    ran = lab.play("health_check")
    assert ran.status == 2
    assert ran.statuses == {"/runbook.ledger.written": "critical", "one/api.port.connect": "ok"}


def test_report_check_mode_writes_nothing(lab: Lab, open_port: int) -> None:
    lab.variables["platform_services"] = {"api": tcp("web", open_port)}
    ran = lab.play("health_check", "--check")
    assert ran.status == 0, ran.output
    assert "1 of 1 expected" in ran.output
    assert not (lab.folder / "state").exists()


def test_report_not_applicable_says_the_reason(lab: Lab, open_port: int) -> None:
    lab.variables["platform_services"] = {
        "api": tcp("web", open_port),
        "search": {"hosts": "web", "available": False, "reason": "planned"},
    }
    ran = lab.play("health_check")
    assert ran.status == 0, ran.output
    assert ran.statuses["one/search.service.available"] == "not_applicable"


def test_report_nothing_expected_is_critical_whatever_is_not_applicable(lab: Lab, open_port: int) -> None:
    lab.variables["platform_services"] = {
        "api": tcp("web", open_port),
        "search": {"hosts": "web", "available": False, "reason": "planned"},
    }
    ran = lab.play("health_check", "-e", '{"platform_only_kinds": ["redis"]}')
    assert ran.status == 2
    assert "nothing was expected" in ran.output


def test_report_service_without_looks_is_critical(lab: Lab, open_port: int) -> None:
    lab.variables["platform_services"] = {"api": tcp("web", open_port), "ghost": {"hosts": "db"}}
    ran = lab.play("health_check")
    assert ran.status == 2
    assert "nothing would be looked at" in ran.message("/runbook.description.ghost")


@pytest.mark.parametrize("seen_from", [[], "{{ [] }}"])
def test_report_seen_from_no_host_is_critical(lab: Lab, open_port: int, seen_from: object) -> None:
    point = {"kind": "tcp", "port": open_port, "seen_from": seen_from}
    lab.variables["platform_services"] = {
        "api": {"hosts": "web", "endpoints": {"a": {"kind": "tcp", "port": open_port}, "b": point}}
    }
    assert "names no host" in lab.play("health_check").message("/runbook.description.api")


def test_report_templates_cannot_hide_what_is_expected(lab: Lab, open_port: int) -> None:
    lab.variables.update(t="health")
    lab.variables["platform_services"] = {
        "topic": {"hosts": "web", "endpoints": {"a": {"kind": "tcp", "port": 1, "topic": "{{ t }}"}}},
        "paths": {"hosts": "web", "endpoints": {"a": {"kind": "http", "port": 1, "paths": "{{ nowhere }}"}}},
        "api": tcp("web", open_port),
    }
    ran = lab.play("health_check")
    assert ran.status == 2
    assert {"/runbook.description.topic", "/runbook.description.paths"} <= set(ran.statuses)


def test_report_description_that_differs_between_hosts_is_critical(lab: Lab, open_port: int) -> None:
    lab.variables["platform_services"] = {
        "api": tcp("web", open_port),
        "maybe": {**tcp("db", open_port), "available": "{{ has_it }}", "reason": "not here"},
    }
    lab.hosts["one"]["has_it"] = False
    lab.hosts["two"]["has_it"] = True
    ran = lab.play("health_check")
    assert ran.status == 2
    assert "that must be the same for all" in ran.message("/runbook.description.maybe")


def test_report_unreachable_host_is_named_whatever_was_selected(lab: Lab, open_port: int, closed_port: int) -> None:
    lab.variables["platform_services"] = {"api": tcp("web", open_port), "sql": tcp("db", open_port)}
    lab.hosts["one"]["platform_only_services"] = ["api"]
    lab.hosts["two"].update(ansible_connection="ssh", ansible_host="127.0.0.1", ansible_port=closed_port)
    ran = lab.play("health_check")
    assert ran.status != 0
    assert ran.statuses["two/runbook.host.reachable"] == "critical"


def test_report_different_selectors_are_critical(lab: Lab, open_port: int) -> None:
    lab.variables["platform_services"] = {"api": tcp("web", open_port), "sql": tcp("db", open_port)}
    ran = lab.play("health_check", "-e", '{"report_services": ["api"]}')
    assert ran.status == 2
    assert ran.statuses["/runbook.selection.selectors"] == "critical"


def test_report_selected_service_with_a_typo_is_critical(lab: Lab, open_port: int) -> None:
    lab.variables["platform_services"] = {"api": tcp("web", open_port), "postgres": tcp("db", open_port)}
    # The playbooks refuse it before any host is contacted.
    ran = lab.play(lab.own_playbook(), "-e", '{"platform_only_services": ["api", "postgrse"]}')
    assert ran.status == 2
    assert "did you mean 'postgres'?" in ran.message("/runbook.selection.postgrse")


def test_report_owner_at_a_loopback_address_is_not_confused_with_the_observer(lab: Lab, open_port: int) -> None:
    lab.hosts["one"]["ansible_host"] = "127.0.0.1"
    point = {"kind": "tcp", "port": open_port, "seen_from": ["db"]}
    lab.variables["platform_services"] = {"api": {"hosts": "web", "endpoints": {"a": point}}}
    ran = lab.play("health_check")
    assert ran.status == 2
    assert "set platform_address" in ran.message("two/api.a.connect")


def test_report_all_faults_of_a_service_are_named(lab: Lab, open_port: int) -> None:
    lab.variables["platform_services"] = {
        "ok": tcp("web", open_port),
        "api": {"hosts": "web", "endpoints": {"a": {"kind": "tcp", "prot": 1}, "b": {"kind": "tpc"}}},
    }
    message = lab.play("health_check").message("/runbook.description.api")
    assert "a.prot: unknown key" in message and "b.kind: expected one of" in message


def test_report_two_owners_are_two_causes(lab: Lab, closed_port: int) -> None:
    lab.hosts.update({"w1": {"platform_address": "127.0.0.1"}, "w2": {"platform_address": "127.0.0.2"}})
    lab.groups["far"] = ["w1", "w2"]
    point = {"kind": "tcp", "port": closed_port, "seen_from": ["one"]}
    lab.variables["platform_services"] = {"api": {"hosts": "far", "endpoints": {"a": point}}}
    assert lab.play("health_check").causes == ["one/api.a.connect@w1", "one/api.a.connect@w2"]


@pytest.mark.parametrize("skipped", ["always", "tagged", "all"])
def test_report_skipping_everything_is_refused(lab: Lab, closed_port: int, skipped: str) -> None:
    lab.variables["platform_services"] = {"api": tcp("web", closed_port)}
    assert lab.play("health_check", "--skip-tags", skipped).status != 0


def test_report_files_are_those_that_were_asked_for(lab: Lab, open_port: int) -> None:
    lab.variables.update(
        platform_services={"api": tcp("web", open_port)},
        platform_report_formats=["json", "junit"],
        platform_report_textfile=str(lab.folder / "metrics"),
    )
    ran = lab.play("health_check")
    assert ran.status == 0, ran.output
    reports = lab.folder / "state/reports"
    assert sorted(path.name for path in reports.glob("latest.*")) == ["latest.json", "latest.xml"]
    metrics = lab.folder / "metrics/runbook-lab-health_check.prom"
    assert 'check="api.port.connect"} 0' in metrics.read_text()
    assert metrics.stat().st_mode & 0o777 == 0o644
    assert str(metrics) in ran.output


def test_report_textfile_that_cannot_be_written_loses_no_report(lab: Lab, open_port: int) -> None:
    lab.variables.update(
        platform_services={"api": tcp("web", open_port)}, platform_report_textfile="/proc/no/runbook.prom"
    )
    ran = lab.play("health_check")
    assert ran.status == 2
    assert ran.statuses == {"/runbook.textfile.written": "critical", "one/api.port.connect": "ok"}
    assert (lab.folder / "state/reports/latest.prom").exists()


def test_report_page_of_the_second_run_has_history(lab: Lab, open_port: int) -> None:
    lab.variables["platform_services"] = {"api": tcp("web", open_port)}
    page = lab.folder / "state/reports/latest.html"
    lab.play("health_check")
    assert "This is the first run of health_check in the ledger" in page.read_text()
    lab.play("health_check")
    assert "1 earlier run of health_check and this one" in page.read_text()


def test_report_of_performance_prints_the_largest_processes_though_all_is_fine(lab: Lab) -> None:
    top = {"kind": "process", "top": 3, "sample_seconds": 0.2, "cpu_warning": 100, "cpu_critical": 100}
    lab.variables["platform_services"] = {"host": {"hosts": "web", "checks": {"top": top}}}
    ran = lab.play("performance_check")
    assert ran.status == 0, ran.output
    page = (lab.folder / "state/reports/latest.html").read_text(encoding="utf-8")
    printed = " ".join(ran.output.split())
    for resource in ("cpu", "memory"):
        largest = ran.message(f"one/host.top.{resource}")
        assert largest.count("[") == 3
        assert f"largest by {resource}" in printed
        assert printed.count(largest) == 1
        assert largest in page


DEED = {
    "at": "2026-11-23T03:15:02.000Z", "host": "one", "procedure": "demo", "subject": "api", "what": "it was changed",
    "why": "it was due", "who": "alex", "outcome": "done", "incident": "INC-7",
}  # fmt: skip


def test_report_what_was_done_is_told_and_remembered(lab: Lab, open_port: int) -> None:
    lab.variables["platform_services"] = {"api": tcp("web", open_port)}
    lab.hosts["one"]["certificate_rotate_result_replace"] = {"changed": True, "actions": [DEED]}
    ran = lab.play("health_check")
    assert ran.status == 0, ran.output
    assert ran.report["actions"] == [DEED]
    assert "it was changed" in ran.output and "because it was due, incident INC-7" in ran.output
    with sqlite3.connect(lab.folder / "state/ledger.sqlite") as ledger:
        assert [json.loads(row[0]) for row in ledger.execute("SELECT action FROM actions")] == [DEED]
    assert lab.play("ledger_verify").status == 0


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ({"failed": True, "msg": "the service refused it", "actions": [DEED]}, "the service refused it"),
        ({"unreachable": True, "msg": "no route"}, "no route"),
        ({"skipped": True, "changed": False}, "not done: the run was stopped by a failure on another host"),
    ],
)
def test_report_what_was_not_done_is_critical_whatever_the_checks_say(
    lab: Lab, open_port: int, result: dict[str, Any], message: str
) -> None:
    lab.variables["platform_services"] = {"api": tcp("web", open_port)}
    lab.hosts["one"]["certificate_rotate_result_replace"] = result
    ran = lab.play("health_check")
    assert ran.status == 2
    assert ran.statuses == {"one/api.port.connect": "ok", "one/runbook.act.certificate_rotate_replace": "critical"}
    assert message in ran.message("one/runbook.act.certificate_rotate_replace")
