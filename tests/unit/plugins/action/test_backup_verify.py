# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The playbook from end to end on the loopback address, with files."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.support.backup_lab import BackupLab
from tests.support.lab import Lab


@pytest.fixture
def site(lab: Lab) -> BackupLab:
    return BackupLab(lab)


def test_verify_proves_the_newest_then_lets_expire_and_then_has_nothing_to_do(lab: Lab, site: BackupLab) -> None:
    site.backups["config"]["keep"] = {"daily": 0, "weekly": 0, "monthly": 0, "minimum_redundancy": 1}
    old = site.take()
    site.verify()
    time.sleep(1)
    older = site.take()
    site.verify()
    time.sleep(1)
    new = site.take()
    site.take("other")
    options = ("-e", "backup_verify_older=false")
    preview = lab.play("backup_verify", "--check", *options)
    assert preview.status == 0, preview.output
    assert f"one: proxy.config: {new} (" in preview.output and "is restored into scratch" in preview.output
    assert f"one: proxy.config: {old} expires once the newest set is verified" in preview.output
    assert site.sets() == [new, older, old]

    ran = lab.play("backup_verify", *options)
    assert ran.status == 0, ran.output
    assert {ran.statuses[f"one/proxy.config.{name}"] for name in ("age", "verified", "size", "restore_time")} == {"ok"}
    assert {one["outcome"] for one in ran.report["actions"]} == {"done"}
    assert f"set {old} expired" in [one["what"] for one in ran.report["actions"]]
    assert site.sets() == [new]

    again = lab.play("backup_verify", *options)
    assert again.status == 0, again.output
    assert again.report["actions"] == [] and "changed=1" not in again.output


def test_verify_that_is_refused_is_reported_once(lab: Lab, site: BackupLab) -> None:
    site.take()
    # A file system without any room.
    ran = lab.play("backup_verify", "-e", "backup_verify_scratch_dir=/proc")
    assert ran.status == 2
    message = ran.message("one/runbook.act.backup_verify_plan")
    assert "proxy.config: /proc: 0 bytes are free" in message and "to restore a set there" in message
    assert "one/runbook.act.backup_verify_verify" not in ran.statuses
    assert ran.report["actions"] == []


def test_verify_fails_on_a_flipped_bit_and_every_check_does_afterwards(lab: Lab, site: BackupLab) -> None:
    name = site.take()
    site.take("other")
    stored = next(path for path in sorted((site.folder / "proxy.config" / name).iterdir()) if path.suffix != ".json")
    data = bytearray(stored.read_bytes())
    data[len(data) // 2] ^= 1
    stored.write_bytes(data)
    ran = lab.play("backup_verify")
    assert ran.status == 2
    assert f"proxy.config: {name}: {stored.name}: " in ran.message("one/runbook.act.backup_verify_verify")
    assert ran.statuses["one/proxy.config.verified"] == "critical"
    assert ran.statuses["one/proxy.other.verified"] == "ok"
    assert {(one["subject"], one["outcome"]) for one in ran.report["actions"]} == {
        ("proxy.config", "failed"),
        ("proxy.other", "done"),
    }
    assert site.sets() == [name]
    for procedure in ("health_check", "daily"):
        seen = lab.play(procedure)
        assert seen.status == 2
        assert f"known to be bad: {name}: " in seen.message("one/proxy.config.verified")


@pytest.fixture
def spare(lab: Lab, site: BackupLab) -> list[str]:
    """Two more hosts, which verify one of the backups."""
    lab.hosts.update({"two": {}, "three": {}})
    lab.groups = {"spare": ["two", "three"]}
    site.backups["config"]["verify_on"] = "spare"
    return ["two", "three"]


def silent(port: int) -> dict[str, Any]:
    """A host that does not answer."""
    return {
        "ansible_connection": "ssh",
        "ansible_host": "127.0.0.1",
        "ansible_port": port,
        "ansible_ssh_retries": 0,
        "platform_address": "localhost",
    }


def test_set_is_verified_on_another_host_and_the_preview_says_where(
    lab: Lab, site: BackupLab, spare: list[str]
) -> None:
    name = site.take()
    own = site.take("other")
    preview = lab.play("backup_verify", "--check")
    assert preview.status == 0, preview.output
    (where,) = [host for host in spare if f"is brought to {host}, restored into scratch there" in preview.output]
    assert f"one: proxy.config: {name} (" in preview.output and site.receipt(name) is None

    # A limit leaves out hosts of the play, not those that they need.
    ran = lab.play("backup_verify", "--limit", "one")
    assert ran.status == 0, ran.output
    receipt = site.receipt(name)
    assert receipt is not None and (receipt.host, receipt.faults) == (where, ())
    other = site.receipt(own, "other")
    assert other is not None and other.host == "one"
    assert ran.statuses["one/proxy.config.verified"] == "ok"
    assert f"set {name} was restored on {where} in " in next(
        one["what"] for one in ran.report["actions"] if one["subject"] == "proxy.config"
    )
    assert f"{where}: backup_verify proxy.config of one: bringing" in ran.output

    again = lab.play("backup_verify", "--limit", "one")
    assert again.status == 0 and again.report["actions"] == [], again.output


def test_host_that_is_silent_is_left_out_and_where_all_are_it_costs_that_verification(
    lab: Lab, site: BackupLab, spare: list[str], closed_port: int
) -> None:
    site.take("other")
    name = site.take()
    lab.hosts["two"].update(silent(closed_port))
    lab.hosts["three"].update(silent(closed_port))
    failed = lab.play("backup_verify", "--limit", "one")
    assert failed.status == 2
    message = failed.message("one/runbook.act.backup_verify_verify")
    assert f"proxy.config: {name}: no host of spare answers: " in message
    assert all(f"{host}: " in message for host in spare)
    assert site.receipt(name) is None and failed.statuses["one/proxy.other.verified"] == "ok"

    lab.hosts["three"] = {}
    ran = lab.play("backup_verify", "--limit", "one")
    assert ran.status == 0, ran.output
    receipt = site.receipt(name)
    assert receipt is not None and receipt.host == "three"


@pytest.mark.usefixtures("spare")
def test_set_that_is_damaged_is_found_on_its_own_host(lab: Lab, site: BackupLab) -> None:
    name = site.take()
    site.take("other")
    stored = next(path for path in sorted((site.folder / "proxy.config" / name).iterdir()) if path.suffix != ".json")
    stored.write_bytes(stored.read_bytes()[:-1])
    ran = lab.play("backup_verify", "--limit", "one")
    assert ran.status == 2 and "is brought to" not in ran.output.partition("restored into scratch there")[2]
    receipt = site.receipt(name)
    assert receipt is not None and receipt.host == "one" and receipt.faults
    assert ran.statuses["one/proxy.config.verified"] == "critical"
