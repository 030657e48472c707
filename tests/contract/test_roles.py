# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Roles say in one place what they say in another."""

from __future__ import annotations

import re

import pytest

from tests.contract.repository import ROLES, load
from tests.support.procedures import ROOT


def test_there_are_roles() -> None:
    wanted = {
        "backup_copy",
        "backup_create",
        "backup_drill",
        "backup_list",
        "backup_verify",
        "certificate_authority",
        "certificate_authority_rotate",
        "certificate_revoke",
        "certificate_rotate",
        "inspect",
        "prerequisites",
        "report",
        "schedule",
    }
    assert wanted <= set(ROLES)


@pytest.mark.parametrize("role", ROLES)
def test_role_defaults_equal_its_spec(role: str) -> None:
    specs = load(ROOT / f"roles/{role}/meta/argument_specs.yml")["argument_specs"]
    stated = {
        name: option["default"]
        for entry in specs.values()
        for name, option in entry.get("options", {}).items()
        if "default" in option
    }
    assert stated == load(ROOT / f"roles/{role}/defaults/main.yml")


@pytest.mark.parametrize("role", ROLES)
def test_role_required_options_have_no_default(role: str) -> None:
    specs = load(ROOT / f"roles/{role}/meta/argument_specs.yml")["argument_specs"]
    options = [option for entry in specs.values() for option in entry.get("options", {}).values()]
    assert not [option for option in options if option.get("required") and "default" in option]


@pytest.mark.parametrize("role", ROLES)
def test_role_variables_carry_its_name(role: str) -> None:
    defaults = load(ROOT / f"roles/{role}/defaults/main.yml")
    assert defaults and all(name.startswith(f"{role}_") for name in defaults)


@pytest.mark.parametrize("role", ROLES)
def test_role_main_is_a_table_of_contents(role: str) -> None:
    main = ROOT / f"roles/{role}/tasks/main.yml"
    assert len(main.read_text(encoding="utf-8").splitlines()) <= 60
    for task in load(main):
        # A block gives what it leads to its options, once for all.
        for leading in task.get("block", [task]):
            keys = tuple(leading)
            assert any(key.startswith(("ansible.builtin.import_", "ansible.builtin.include_")) for key in keys), keys


@pytest.mark.parametrize("role", ROLES)
def test_role_has_a_page(role: str) -> None:
    page = (ROOT / f"roles/{role}/README.md").read_text(encoding="utf-8")
    for name in load(ROOT / f"roles/{role}/defaults/main.yml"):
        assert f"`{name}`" in page, f"{name} is not on the role's page"


def test_tasks_from_has_no_extension() -> None:
    # With the extension Ansible skips the validation of arguments without a word (ansible/ansible#75456).
    files = [path for folder in ("roles", "playbooks", "molecule") for path in (ROOT / folder).rglob("*.yml")]
    assert files
    assert not [path for path in files if re.search(r"tasks_from:.*\.ya?ml", path.read_text(encoding="utf-8"))]
