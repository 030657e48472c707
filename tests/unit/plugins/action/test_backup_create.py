# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The playbook from end to end on the loopback address, with files."""

from __future__ import annotations

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._act.journal import locked

from tests.support.backup_lab import BackupLab
from tests.support.lab import Lab


@pytest.fixture
def site(lab: Lab) -> BackupLab:
    return BackupLab(lab)


def test_create_shows_then_takes_a_set_that_counts_only_when_it_is_verified(lab: Lab, site: BackupLab) -> None:
    preview = lab.play("backup_create", "--check")
    assert preview.status == 0, preview.output
    assert "one: proxy.config: a set of at most" in preview.output
    assert not site.folder.exists() and not site.state.exists()

    taken = lab.play("backup_create", "-e", "platform_incident=INC-7")
    assert taken.status == 2, taken.output
    assert taken.statuses["one/proxy.config.age"] == "ok"
    assert taken.statuses["one/proxy.config.verified"] == "critical"
    assert taken.statuses["one/proxy.config.restore_time"] == "unknown"
    assert [(one["subject"], one["outcome"], one["incident"]) for one in taken.report["actions"]] == [
        ("proxy.config", "done", "INC-7"),
        ("proxy.other", "done", "INC-7"),
    ]
    assert len(site.sets()) == len(site.sets("other")) == 1
    assert f"one: proxy.config: set {site.sets()[0]}: " in taken.output


def test_create_that_fails_or_is_not_understood_costs_no_other_backup(lab: Lab, site: BackupLab) -> None:
    site.backups["config"]["paths"] = [str(lab.folder / "gone")]
    site.backups["undefined"] = {**site.described("other"), "exclude": ["{{ nowhere }}"]}
    ran = lab.play("backup_create")
    assert ran.status == 2
    assert site.sets() == site.sets("undefined") == [] and len(site.sets("other")) == 1
    message = ran.message("one/runbook.act.backup_create_plan")
    assert "proxy.config: " in message and "gone" in message and "'nowhere' is undefined" in message
    assert ran.statuses["one/proxy.config.age"] == "critical"
    # What the plan has refused is not tried, and not reported again.
    assert "one/runbook.act.backup_create_create" not in ran.statuses
    assert [(one["subject"], one["outcome"]) for one in ran.report["actions"]] == [("proxy.other", "done")]


def test_create_tries_what_is_refused_where_a_killed_run_may_be_in_the_way(lab: Lab, site: BackupLab) -> None:
    """What that left is ended first, and may have taken the room; so the plan does not have the last word."""
    with locked(site.state, what="test", operator="test") as journal:
        needs = {"folder": str(site.folder), "id": "20261130T094500Z", "container": ""}
        journal.begin("backup_create", "proxy.config", needs)
    site.backups["config"]["paths"] = [str(lab.folder / "gone")]
    preview = lab.play("backup_create", "--check")
    assert preview.status == 2 and "gone: No such file or directory" in preview.output
    ran = lab.play("backup_create")
    assert ran.status == 2
    assert "gone: No such file or directory" in ran.message("one/runbook.act.backup_create_create")
    assert "one/runbook.act.backup_create_plan" not in ran.statuses
    assert ("proxy.config", "failed") in [(one["subject"], one["outcome"]) for one in ran.report["actions"]]


def test_create_refuses_a_name_that_no_backup_has(lab: Lab, site: BackupLab) -> None:
    ran = lab.play("backup_create", "--check", "-e", '{"backup_create_backups": ["proxy.confg"]}')
    assert ran.status == 2 and site.sets() == []
    assert "there is no backup 'proxy.confg'" in ran.output and "did you mean 'proxy.config'" in ran.output
