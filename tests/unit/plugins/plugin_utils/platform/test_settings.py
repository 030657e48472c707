# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The names and values of variables: which are known, which are slips of the pen, and which are others' own."""

from __future__ import annotations

import re

import pytest
from ansible_collections.xorb.runbook.plugins.plugin_utils._platform import settings

from tests.support.procedures import ROOT


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("platform_overide", "platform_overrides"),
        ("platform_override", "platform_overrides"),
        ("Platform_Overrides", "platform_overrides"),
        ("platfrom_services", "platform_services"),
        ("platform_service", "platform_services"),
        ("platform_fail_on_warnings", "platform_fail_on_warning"),
        ("platform_failonwarning", "platform_fail_on_warning"),
        ("platform_only_kind", "platform_only_kinds"),
        ("platform_onlyservices", "platform_only_services"),
        ("platform_topic", "platform_topics"),
        ("platform_dead_line", "platform_deadline"),
        ("platform_adress", "platform_address"),
        ("platform_reports_dir", "platform_report_dir"),
        ("inspect_dead_line", "inspect_deadline"),
        ("silence_host", "silence_hosts"),
        ("silence_servces", "silence_services"),
        ("silense_hosts", "silence_hosts"),
        ("run_diff_form", "run_diff_from"),
        ("certificate_revoke_service", "certificate_revoke_services"),
        ("certificate_rotate_forced", "certificate_rotate_force"),
        ("schedule_run", "schedule_runs"),
        ("ledger_verify_heads", "ledger_verify_head"),
    ],
)
def test_misspelled_name_is_named_with_what_was_meant(name: str, meant: str) -> None:
    problems = [str(problem) for problem in settings.misspelled([name, "ansible_host", "platform_name"])]
    assert problems == [f"{name}: there is no such variable; did you mean {meant!r}?"]


@pytest.mark.parametrize(
    "name",
    [
        "platform_services_web", "platform_service_user", "platform_overrides_staging", "platform_servers",
        "platform_root", "platform_log_dir", "platform_names_of_hosts", "platform_report_directory",
        "certificate_dir", "certificate_ca_path", "report_user", "report_host", "silence", "deadline",
        "my_result_plan", "ansible_platform_name", "schedule",
    ],
)  # fmt: skip
def test_name_of_another_ones_own_is_no_slip(name: str) -> None:
    assert settings.misspelled([name]) == []


def test_names_of_the_reference_inventories_are_no_slips() -> None:
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "inventories").rglob("*.yml")]
    names = {name for text in texts for name in re.findall(r"^ *(\w+):", text, re.MULTILINE)}
    assert len(names) > 100
    assert settings.misspelled(names) == []


def test_foreign_names_are_listed_once_and_not_without_end() -> None:
    assert settings.foreign(["platform_name", "mine", "platform_report", "certificate_rotate_result_plan"]) == ""
    warning = settings.foreign(["platform_root", "platform_kinds"])
    assert warning.endswith("leaves alone: platform_kinds (platform_only_kinds?), platform_root")
    assert settings.foreign(f"platform_mine_{number:02}" for number in range(12)).endswith(
        "platform_mine_09 and 2 more"
    )


def test_known_names_are_those_that_roles_and_playbooks_ask_for() -> None:
    known = settings.declared()
    assert {
        "platform_deadline",
        "silence_for",
        "certificate_authority_dir",
        "report_keep",
        "schedule_hosts",
    } <= known.keys()
    assert not any(name.startswith("ansible_") for name in known)
    deadline = known["platform_deadline"]
    assert deadline and (deadline.type, str(deadline.within)) == ("int", "of at least 1")
    ledger = known["platform_ledger"]
    assert ledger and ledger.holds_secret


def test_every_variable_of_ours_that_the_code_reads_is_known() -> None:
    """There is no second list: what is written anywhere in the collection is found by what reads it."""
    files = [path for folder in ("roles", "playbooks", "plugins") for path in (ROOT / folder).rglob("*.[py]*[yml]")]
    pattern = re.compile(r"(?<![\w.:/-])(platform_[a-z_]+[a-z])(?![\w(.-])")
    read = {name for path in files for name in pattern.findall(path.read_text(encoding="utf-8"))}
    # Names of files, functions and modules, and what documentation shows as wrong.
    others = {"platform_check", "platform_overide"}
    known = settings.declared().keys() | settings.registered()
    assert read - known - others == set()
    assert {name for name in settings.declared() if name.startswith("platform_")} <= read
