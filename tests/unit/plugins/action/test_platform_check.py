# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The playbook ``platform_check``: every fault at once, no secret shown, no host contacted."""

from __future__ import annotations

import pytest

from tests.support.lab import Lab

UNREACHABLE = {"ansible_connection": "ssh", "ansible_host": "192.0.2.1"}


def test_platform_check_sound_description_contacts_no_host(lab: Lab) -> None:
    for variables in lab.hosts.values():
        variables.update(UNREACHABLE)
    lab.variables["platform_services"] = {"api": {"hosts": "web", "endpoints": {"port": {"kind": "tcp", "port": 1}}}}
    ran = lab.play("platform_check")
    assert ran.status == 0, ran.output


def test_platform_check_names_every_fault(lab: Lab) -> None:
    lab.variables["platform_services"] = {
        "api": {
            "hosts": "wep",
            "endpoints": {"rest": {"kind": "tcp", "prot": 1}, "late": {"kind": "tcp", "port": "{{ nowhere }}"}},
        },
        "sql": {
            "hosts": "db",
            "endpoints": {
                "sql": {"kind": "postgres", "user": "u", "database": "d", "password": "correct horse battery"},
                "late": {"kind": "tcp", "port": "{{ nowhere }}"},
                "wrong": {"kind": "tcp", "port": "{{ platform_name }}"},
            },
        },
    }
    ran = lab.play("platform_check")
    assert ran.status != 0
    for fault in (
        "platform_services.api.endpoints.rest.prot: unknown key; did you mean",
        "platform_services.api.hosts:",
        "platform_services.sql.endpoints.sql.password: a secret must be a template",
        "platform_services.sql.endpoints.late: 'nowhere' is undefined",
        "platform_services.sql.endpoints.wrong.port: expected a whole number from 1 to 65535, which",
    ):
        assert fault in ran.output, ran.output
    assert "correct horse" not in ran.output


def test_platform_check_names_what_cannot_be_meant(lab: Lab) -> None:
    lab.variables.update(
        platform_deadline="{{ 10 + 10 }}",
        platform_overide={},
        platform_services={
            "api": {
                "hosts": "web",
                "depends_on": ["sql"],
                "endpoints": {
                    "rest": {"kind": "tcp", "port": 580000},
                    "slow": {"kind": "tcp", "port": 1, "timeout": 60},
                },
            },
            "sql": {
                "hosts": "db",
                "depends_on": ["api"],
                "checks": {
                    "full": {"kind": "disk", "path": "/", "warning": 95, "critical": 90},
                    "data": {"kind": "disk", "path": "srv/data"},
                    "late": {"kind": "disk", "path": "{{ platform_name }}"},
                },
            },
            "odd": {"hosts": ["web"], "checks": {"memory": {"kind": "memory"}}},
        },
    )
    ran = lab.play("platform_check")
    assert ran.status != 0
    for fault in (
        "8 faults in the platform description",
        "platform_overide: there is no such variable; did you mean 'platform_overrides'?",
        "platform_services.api.endpoints.rest.port: expected a whole number from 1 to 65535, got 580000",
        "platform_services.api.endpoints.slow.timeout: 60 seconds are longer than platform_deadline, the 20 seconds",
        "platform_services.api.depends_on: a circle: api needs sql needs api",
        "platform_services.sql.checks.full.warning: 95 is above critical (90)",
        "platform_services.sql.checks.data.path: expected an absolute path without variables, got 'srv/data'",
        "platform_services.sql.checks.late.path: expected an absolute path without variables, which '{{ platform_name",
        "platform_services.odd.hosts: expected a text, got ['web']",
    ):
        assert fault in " ".join(ran.output.split()), ran.output


@pytest.mark.parametrize(("playbook", "shown_in"), [("platform_check", "msg"), ("health_check", "report")])
def test_service_that_is_written_twice_is_a_fault(lab: Lab, playbook: str, shown_in: str, open_port: int) -> None:
    point = f"{{hosts: web, endpoints: {{a: {{kind: tcp, port: {open_port}}}}}}}"
    path = lab.folder / "group_vars/all.yml"
    path.parent.mkdir()
    path.write_text(f"platform_services:\n  api: {point}\n  other: {point}\n  api: {point}\n")
    # Whatever Ansible makes of it: a setting of the user's, and by default a warning.
    ran = lab.play(playbook, ANSIBLE_DUPLICATE_YAML_DICT_KEY="ignore")
    assert ran.status != 0
    fault = f"platform_services.api: is written twice: {path}, lines 2 and 4; the last one replaces the other"
    message = ran.output if shown_in == "msg" else ran.message("/runbook.description.api")
    assert fault in message, ran.output
    refused = lab.play(playbook, ANSIBLE_DUPLICATE_YAML_DICT_KEY="error")
    assert refused.status != 0 and "Found duplicate mapping key 'api'" in refused.output


@pytest.mark.parametrize("playbook", ["platform_check", "ledger_verify"])
def test_limit_does_not_skip_what_contacts_no_host(lab: Lab, playbook: str) -> None:
    lab.variables["platform_services"] = {"api": {"hosts": "wep"}}
    ran = lab.play(playbook, "--limit", "one")
    assert ran.status != 0, ran.output


def test_platform_check_repeats_no_secret_from_a_wrong_place(lab: Lab) -> None:
    lab.variables["hidden"] = "S3cretPassw0rd"
    lab.variables["platform_services"] = {
        "api": {
            "hosts": "web",
            "endpoints": {
                "url": {"kind": "http", "port": 1, "paths": {"x": "http://user:S3cretPassw0rd@h/"}},
                "port": {"kind": "tcp", "port": "{{ hidden }}"},
                "key": {
                    "kind": "redis",
                    "password": "{{ {'a': 'b'}[hidden] }}",
                },
            },
        }
    }
    for playbook in ("platform_check", "health_check"):
        ran = lab.play(playbook, "-vvv")
        assert ran.status != 0
        assert "S3cretPassw0rd" not in ran.output + str(ran.report)
