# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The playbook ``backup_copy``: what it shows, what it copies, and what every check says of that afterwards."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support import peers
from tests.support.backup_lab import BackupLab
from tests.support.lab import Lab

ONCE = ("-e", "backup_copy_initialize=true")


@pytest.fixture
def site(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> BackupLab:
    """Two backups, each with a repository of its own, and restic where it can be found."""
    monkeypatch.setenv("PATH", f"{peers.commands(lab.folder / 'commands', 'restic')}{os.pathsep}{os.environ['PATH']}")
    found = BackupLab(lab)
    lab.variables["vault_copies"] = "of-the-repository"
    lab.variables["backup_copy_host_state_dir"] = str(found.state)
    for name, backup in found.backups.items():
        backup["copies"] = {"offsite": {"repository": str(repository(lab, name)), "password": "{{ vault_copies }}"}}
    return found


def repository(lab: Lab, name: str = "config") -> Path:
    return lab.folder / f"repository-{name}"


def copies(site: BackupLab, backup: str = "config") -> dict[str, Any]:
    """The description of the copies of a backup."""
    found: dict[str, Any] = site.backups[backup]["copies"]["offsite"]
    return found


def test_copy_shows_then_copies_then_lets_expire_what_it_has_shown(lab: Lab, site: BackupLab) -> None:
    names = []
    for _set in range(2):
        names.append(site.take())
        site.verify()
        time.sleep(1)
    first, second = names
    preview = lab.play("backup_copy", "--check", *ONCE)
    assert preview.status == 0, preview.output
    assert f"one: proxy.config.offsite: {second} (" in preview.output
    assert f"{repository(lab)} becomes its repository" in preview.output
    assert not repository(lab).exists()

    ran = lab.play("backup_copy", *ONCE)
    assert ran.statuses["one/proxy.config.offsite.copied"] == "ok", ran.output
    assert ran.statuses["one/proxy.config.offsite.copy_proved"] == "ok"
    # Of the other backup no set was ever taken, which its checks say.
    assert ran.statuses["one/proxy.other.offsite.copied"] == "critical"
    done = [one["what"] for one in ran.report["actions"] if one["subject"] == "proxy.config.offsite"]
    assert f"set {second} was copied to" in done[1] and f"set {first} was copied to" in done[2]

    copies(site)["keep"] = {"daily": 0, "weekly": 0, "monthly": 0, "minimum_redundancy": 1}
    only = ("-e", '{"backup_copy_backups": ["proxy.config"]}')
    preview = lab.play("backup_copy", "--check", *only)
    assert f"the copy of {first} expires (snapshot " in preview.output
    ran = lab.play("backup_copy", *only)
    expired = [one["what"] for one in ran.report["actions"]]
    assert len(expired) == 1 and f"the copy of {first} in {repository(lab)} expired" in expired[0]
    assert lab.play("backup_copy", *only).report["actions"] == []

    ran = lab.play("backup_copy", *only, "-e", "vault_copies=of-another-one")
    assert ran.statuses["one/proxy.config.offsite.copied"] == "unknown"
    # Nothing is due: what was found out the last time is not said for ever.
    assert lab.play("backup_copy", *only).statuses["one/proxy.config.offsite.copied"] == "ok"


def test_repository_that_was_never_asked_for_is_not_made_and_costs_no_other(lab: Lab, site: BackupLab) -> None:
    for name in ("config", "other"):
        site.take(name)
        site.verify(name)
    ran = lab.play("backup_copy", *ONCE, "-e", '{"backup_copy_backups": ["proxy.config"]}')
    assert ran.statuses["one/proxy.config.offsite.copied"] == "ok", ran.output
    ran = lab.play("backup_copy")
    assert ran.status == 2
    assert "there is no repository, and none is made" in ran.message("one/runbook.act.backup_copy_copy")
    assert not repository(lab, "other").exists()
    assert ran.statuses["one/proxy.config.offsite.copied"] == "ok"


def test_emptied_repository_fails_the_run_and_every_check_afterwards(lab: Lab, site: BackupLab) -> None:
    name = site.take()
    site.verify()
    only = ("-e", '{"backup_copy_backups": ["proxy.config"]}')
    lab.play("backup_copy", *ONCE, *only)
    for path in (repository(lab) / "snapshots").iterdir():
        path.unlink()
    (site.folder / "proxy.config" / name).rename(lab.folder / "away")
    ran = lab.play("backup_copy", *only)
    assert ran.status == 2
    assert f"{name} have gone from the repository" in ran.message("one/runbook.act.backup_copy_copy")
    for procedure in ("health_check", "daily"):
        seen = lab.play(procedure)
        assert name in seen.message("one/proxy.config.offsite.copied")
        assert seen.statuses["one/proxy.config.offsite.copied"] == "critical"


def test_password_is_in_nothing_that_is_printed_or_kept(lab: Lab, site: BackupLab) -> None:
    site.take()
    site.verify()
    for options in (("--check", "-vvv"), ("-vvv",)):
        ran = lab.play("backup_copy", *ONCE, *options)
        assert "of-the-repository" not in ran.output
    for path in (path for path in lab.folder.rglob("*") if path.is_file() and path.name != "inventory.yml"):
        assert b"of-the-repository" not in path.read_bytes(), path


def test_names_that_are_not_described_are_refused(lab: Lab, site: BackupLab) -> None:
    site.take()
    ran = lab.play("backup_copy", "--check", "-e", '{"backup_copy_copies": ["ofsite"]}')
    assert ran.status == 2 and "there is no copy 'ofsite'" in ran.output and "offsite" in ran.output
