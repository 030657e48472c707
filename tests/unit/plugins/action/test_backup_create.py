# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The playbooks of backups from end to end on the loopback address: taken, verified, listed, expired; with files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._backup.store import Store

from tests.support.lab import Lab


@pytest.fixture
def lab(lab: Lab) -> Lab:
    """One host with two backups of files, the second of which can be broken."""
    for name in ("config", "other"):
        folder = lab.folder / name
        folder.mkdir()
        (folder / "settings").write_text(f"what {name} is set to\n" * 100)
    lab.hosts = {"one": {}}
    for procedure in ("backup_create", "backup_verify", "backup_list"):
        lab.variables[f"{procedure}_host_state_dir"] = str(lab.folder / "host")
    lab.variables.update(
        # There is no sudo where tests run, and no other user is needed.
        ansible_become=False,
        platform_services={
            "proxy": {"hosts": "one", "backups": {name: described(lab, name) for name in ("config", "other")}}
        },
    )
    return lab


def described(lab: Lab, name: str) -> dict[str, Any]:
    return {"kind": "files", "directory": str(lab.folder / "backups"), "paths": [str(lab.folder / name)]}


def sets(lab: Lab, backup: str = "config") -> list[str]:
    return [one.id for one in Store(lab.folder / "backups", "proxy", backup).sets()]


def test_backup_is_taken_verified_and_listed(lab: Lab) -> None:
    preview = lab.play("backup_create", "--check")
    assert preview.status == 0, preview.output
    assert "one: proxy.config: a set of at most" in preview.output
    assert not (lab.folder / "backups").exists() and not (lab.folder / "host").exists()

    taken = lab.play("backup_create", "-e", "platform_incident=INC-7")
    # A set counts when it has been restored, and this one has not been.
    assert taken.status == 2, taken.output
    assert taken.statuses["one/proxy.config.age"] == "ok"
    assert taken.statuses["one/proxy.config.verified"] == "critical"
    assert taken.statuses["one/proxy.config.restore_time"] == "unknown"
    assert [(one["subject"], one["outcome"], one["incident"]) for one in taken.report["actions"]] == [
        ("proxy.config", "done", "INC-7"),
        ("proxy.other", "done", "INC-7"),
    ]
    (name,) = sets(lab)

    preview = lab.play("backup_verify", "--check")
    assert preview.status == 0, preview.output
    assert f"one: proxy.config: {name} (" in preview.output and "is restored into scratch" in preview.output

    verified = lab.play("backup_verify")
    assert verified.status == 0, verified.output
    assert all(verified.statuses[f"one/proxy.config.{aspect}"] == "ok" for aspect in ("age", "verified", "size"))
    assert verified.statuses["one/proxy.config.restore_time"] == "ok"
    assert {one["outcome"] for one in verified.report["actions"]} == {"done"}

    again = lab.play("backup_verify")
    assert again.status == 0, again.output
    assert again.report["actions"] == [] and "changed=1" not in again.output

    listed = lab.play("backup_list")
    assert listed.status == 0, listed.output
    assert f"one: proxy.config: 1 set in {lab.folder}/backups/proxy.config" in listed.output
    assert name in listed.output and "verified 20" in listed.output


def test_backup_that_fails_costs_no_other(lab: Lab) -> None:
    lab.variables["platform_services"]["proxy"]["backups"]["config"]["paths"] = [str(lab.folder / "gone")]
    ran = lab.play("backup_create")
    assert ran.status == 2
    assert sets(lab) == [] and len(sets(lab, "other")) == 1
    assert "gone" in ran.message("one/runbook.act.backup_create_create")
    assert ran.statuses["one/proxy.config.age"] == "critical"
    assert {(one["subject"], one["outcome"]) for one in ran.report["actions"]} == {
        ("proxy.config", "failed"),
        ("proxy.other", "done"),
    }


def test_backup_with_an_undefined_variable_costs_no_other(lab: Lab) -> None:
    lab.variables["platform_services"]["proxy"]["backups"]["config"]["exclude"] = ["{{ nowhere }}"]
    ran = lab.play("backup_create")
    assert ran.status == 2
    assert sets(lab) == [] and len(sets(lab, "other")) == 1
    assert "'nowhere' is undefined" in ran.message("one/runbook.act.backup_create_create")


def test_flipped_bit_fails_the_verification_and_every_look_afterwards(lab: Lab) -> None:
    lab.play("backup_create")
    (name,) = sets(lab)
    flip_a_bit(
        next(path for path in (lab.folder / "backups/proxy.config" / name).iterdir() if "manifest" not in path.name)
    )
    ran = lab.play("backup_verify")
    assert ran.status == 2
    assert f"{name}: " in ran.message("one/runbook.act.backup_verify_verify")
    assert ran.statuses["one/proxy.config.verified"] == "critical"
    assert ran.statuses["one/proxy.other.verified"] == "ok"
    daily = lab.play("daily")
    assert daily.status == 2
    assert f"known to be bad: {name}: " in daily.message("one/proxy.config.verified")
    health = lab.play("health_check")
    assert health.status == 2 and health.statuses["one/proxy.config.verified"] == "critical"


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_expired_set_goes_when_the_newest_is_verified(lab: Lab) -> None:
    lab.variables["platform_services"]["proxy"]["backups"]["config"]["keep"] = {
        "daily": 0, "weekly": 0, "monthly": 0, "minimum_redundancy": 1,
    }  # fmt: skip
    only = ["-e", json.dumps({"backup_create_backups": ["proxy.config"], "backup_verify_backups": ["proxy.config"]})]
    lab.play("backup_create", *only)
    (old,) = sets(lab)
    lab.play("backup_verify", *only)
    preview = lab.play("backup_verify", "--check", *only)
    assert f"{old} expires" not in preview.output
    lab.play("backup_create", *only)
    assert len(sets(lab)) == 2
    ran = lab.play("backup_verify", *only)
    assert old not in sets(lab) and len(sets(lab)) == 1, ran.output
    assert f"set {old} expired" in [one["what"] for one in ran.report["actions"]]


def test_name_that_no_backup_has_is_refused(lab: Lab) -> None:
    ran = lab.play("backup_create", "--check", "-e", '{"backup_create_backups": ["proxy.confg"]}')
    assert ran.status == 2
    assert "there is no backup 'proxy.confg'" in ran.output and "proxy.config" in ran.output
