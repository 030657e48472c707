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
