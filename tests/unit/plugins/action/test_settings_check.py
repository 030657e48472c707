# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The variables of a run from end to end: refused by the names that operators set, before any host is contacted."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.lab import Lab


@pytest.fixture
def described(lab: Lab, open_port: int) -> Lab:
    """A sound platform, whose inspection would work."""
    point = {"port": {"kind": "tcp", "port": open_port}}
    lab.variables["platform_services"] = {"api": {"hosts": "web", "endpoints": point}}
    return lab


def test_settings_check_names_every_fault_once_and_contacts_no_host(described: Lab) -> None:
    described.variables.update(
        platform_deadline="half a minute",
        platform_fail_on_warning="nope",
        platform_only_kinds=["tpc"],
        platform_only_services=["apy"],
        platform_overide={},
        platform_fail_after="3 of 2",
        platform_name="lab/one",
        platform_report_keep=0,
    )
    described.hosts["two"]["inspect_deadline"] = -5
    ran = described.play("health_check")
    assert ran.status != 0 and ran.report == {}
    for fault in (
        "platform_deadline: expected a whole number of at least 1, got 'half a minute'",
        "platform_fail_on_warning: expected true or false, got 'nope'",
        "got 'tpc'; did you mean 'tcp'?",
        "platform_only_services: there is no such service: 'apy'; did you mean 'api'?",
        "platform_overide: there is no such variable; did you mean 'platform_overrides'?",
        "platform_fail_after: expected how often it has to fail",
        "platform_report_keep: expected a whole number of at least 1, got 0",
        "platform_name: 'lab/one' cannot name a folder",
        "inspect_deadline: expected a whole number of at least 1, got -5",
    ):
        # The error, whose lines may be broken, and the result of the task.
        assert 1 <= ran.output.count(fault) <= 2, f"{fault} is not in {ran.output}"
    assert "9 faults in the variables of this run" in ran.output
    assert "Look" not in ran.output.partition("PLAY [(2/2)")[2]


def test_settings_check_lets_names_of_ones_own_pass_with_a_warning(described: Lab) -> None:
    described.variables["platform_region"] = "north"
    ran = described.play("health_check")
    assert ran.status == 0, ran.output
    assert ran.output.count("platform_region") == 1


@pytest.mark.parametrize(
    ("playbook", "given", "fault"),
    [
        (
            "silence_create",
            {"silence_reason": "x", "silence_hots": "one", "silence_for": "1h"},
            "did you mean 'silence_hosts'?",
        ),
        ("silence_expire", {"silence_ids": 1}, "did you mean 'silence_id'?"),
        ("ledger_verify", {"ledger_verify_heads": "x"}, "did you mean 'ledger_verify_head'?"),
        ("run_diff", {"run_diff_form": 1}, "did you mean 'run_diff_from'?"),
        (
            "certificate_rotate",
            {"certificate_rotate_service": ["api"]},
            "did you mean 'certificate_rotate_services'?",
        ),
        (
            "certificate_rotate",
            {"certificate_rotate_step": "replace"},
            "certificate_rotate_step: each play sets its own; leave it out, and use --tags",
        ),
        (
            "certificate_rotate",
            {"certificate_rotate_services": ["apy"]},
            "no such service: 'apy'; did you mean 'api'?",
        ),
        (
            "certificate_authority",
            {"certificate_authority_root_days": "x"},
            "certificate_authority_root_days: expected a whole number",
        ),
        ("platform_check", {"platform_deadline": "half"}, "platform_deadline: expected a whole number of at least 1"),
    ],
)
def test_every_procedure_refuses_what_was_not_meant(
    described: Lab, playbook: str, given: dict[str, Any], fault: str
) -> None:
    described.variables.update(given)
    ran = described.play(playbook)
    assert ran.status != 0
    assert fault in ran.output, ran.output


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"silence_for": "2x"}, "silence_for: expected a duration such as 45m, 2h30m or 3d, got "),
        (
            {"silence_for": "2h", "silence_until": "2026"},
            "silence_until: is given together with silence_for; give one of",
        ),
        ({}, "silence_for: missing; every silence ends"),
        ({"silence_for": "400d"}, "silence_for: "),
        (
            {"silence_for": "2h", "silence_hosts": ""},
            "silence_checks, silence_hosts, silence_services: give at least one",
        ),
    ],
)
def test_refusal_names_the_variable_that_an_operator_sets(described: Lab, given: dict[str, Any], message: str) -> None:
    described.variables.update({"silence_reason": "x", "silence_hosts": "one", **given})
    ran = described.play("silence_create")
    assert ran.status != 0
    assert message in ran.output, ran.output
    assert "duration: " not in ran.output and "until|duration" not in ran.output


def test_misspelled_variable_is_a_check_where_only_the_roles_are_used(described: Lab) -> None:
    described.variables["platform_overide"] = {}
    ran = described.play(described.own_playbook())
    assert ran.status != 0
    assert ran.statuses["one/api.port.connect"] == "ok", ran.output
    assert "did you mean 'platform_overrides'?" in ran.message("/runbook.description.platform")
