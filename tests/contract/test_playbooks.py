# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Playbooks can be called by name, say what they do, and cannot end in a false green."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.contract.repository import COLLECTION, PLAYBOOKS, ansible, load
from tests.support.procedures import ROOT

#: Playbooks whose last play looks at the platform and judges.
INSPECT = [
    "access_check",
    "backup_copy",
    "backup_create",
    "backup_drill",
    "backup_list",
    "backup_verify",
    "certificate_authority_rotate",
    "certificate_check",
    "_certificate_revoke_issued",
    "certificate_rotate",
    "daily",
    "database_check",
    "health_check",
    "performance_check",
]


def test_there_are_playbooks() -> None:
    wanted = {
        "backup_copy",
        "backup_create",
        "backup_drill",
        "backup_list",
        "backup_verify",
        "certificate_authority",
        "certificate_authority_rotate",
        "certificate_check",
        "certificate_revoke",
        "certificate_rotate",
        "daily",
        "database_check",
        "health_check",
        "ledger_verify",
        "performance_check",
        "platform_check",
        "prerequisites",
        "report_merge",
        "run_diff",
        "schedule",
        "silence_create",
    }
    assert wanted <= set(PLAYBOOKS)


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_playbook_is_callable_by_name(playbook: str) -> None:
    assert re.fullmatch(r"_?[a-z][a-z0-9_]*", playbook)
    done = ansible("ansible-playbook", "--syntax-check", "-i", "localhost,", f"{COLLECTION}.{playbook}")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_playbook_says_what_it_does(playbook: str) -> None:
    header = (ROOT / f"playbooks/{playbook}.yml").read_text(encoding="utf-8").split("\n- ", 1)[0]
    wanted = ("When to run:", "What it does:", "How to undo:")
    assert playbook == "_inventory_check" or all(text in header for text in wanted)


def looking_play(playbook: str) -> dict[str, Any]:
    play: dict[str, Any] = load(ROOT / f"playbooks/{playbook}.yml")[-1]
    return play


@pytest.mark.parametrize("playbook", INSPECT)
def test_inspect_play_hears_from_every_host(playbook: str) -> None:
    play = looking_play(playbook)
    assert play["hosts"] == "all"
    assert play["gather_facts"] is False
    assert play["ignore_unreachable"] is True
    # Said out loud: with another one from the environment the report would not wait for every host.
    assert play["strategy"] == "linear"
    assert "serial" not in play


@pytest.mark.parametrize("playbook", INSPECT)
def test_inspect_play_reports_and_judges_itself(playbook: str) -> None:
    play = looking_play(playbook)
    imported = [task["ansible.builtin.import_role"]["name"] for task in play.get("tasks", ())]
    assert [*(role["role"] for role in play.get("roles", ())), *imported][-1] == f"{COLLECTION}.report"


@pytest.mark.parametrize("playbook", INSPECT)
def test_inspect_playbook_refuses_an_empty_inventory_first(playbook: str) -> None:
    first = load(ROOT / f"playbooks/{playbook}.yml")[0]
    assert first["ansible.builtin.import_playbook"] == "_inventory_check.yml"


def selected(playbook: str, tag: str) -> list[str]:
    """The tasks of the acting role that a tag selects, by the names of their steps."""
    done = ansible("ansible-playbook", "--list-tasks", "--tags", tag, "-i", "localhost,", f"{COLLECTION}.{playbook}")
    assert done.returncode == 0, done.stderr
    role = playbook.removeprefix("_").removesuffix("_issued")
    return re.findall(rf"^ +{COLLECTION}.{role} : (\w+) \|", done.stdout, re.MULTILINE)


@pytest.mark.parametrize(
    ("playbook", "tag", "steps"),
    [
        ("backup_copy", "backup_copy_plan", ["Plan", "Plan"]),
        ("backup_copy", "backup_copy", ["Plan", "Plan", "Copy"]),
        ("backup_create", "backup_create_plan", ["Plan", "Plan"]),
        ("backup_create", "backup_create", ["Plan", "Plan", "Create"]),
        ("backup_drill", "backup_drill_plan", ["Plan", "Plan"]),
        ("backup_drill", "backup_drill", ["Plan", "Plan", "Drill"]),
        ("backup_verify", "backup_verify", ["Plan", "Plan", "Verify", "Expire"]),
        ("certificate_rotate", "nothing", []),
        ("certificate_rotate", "certificate_rotate_plan", ["Plan", "Plan"]),
        ("certificate_rotate", "certificate_rotate", ["Plan", "Plan", "Replace"]),
        ("_certificate_revoke_issued", "nothing", []),
        ("_certificate_revoke_issued", "certificate_revoke_plan", ["Plan", "Plan"]),
        ("certificate_authority_rotate", "nothing", []),
        ("certificate_authority_rotate", "certificate_authority_rotate_plan", ["Plan", "Plan", "Plan"]),
    ],
)
def test_tag_selects_no_other_step(playbook: str, tag: str, steps: list[str]) -> None:
    assert selected(playbook, tag) == steps
