# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The playbook ``backup_drill``: the source is gone, and whether its copy can be restored is known all the same."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support import peers
from tests.support.backup_lab import BackupLab
from tests.support.lab import Lab

DRILL = "spare/proxy.config.offsite.drill"

#: A host that nothing can connect to. A play that tries says so.
GONE = {"ansible_connection": "ssh", "ansible_host": "192.0.2.1", "ansible_ssh_common_args": "-o ConnectTimeout=1"}


@pytest.fixture
def site(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> BackupLab:
    """A copy of the backup ``config`` of a host that has gone since, and another host that drills it."""
    monkeypatch.setenv("PATH", f"{peers.commands(lab.folder / 'commands', 'restic')}{os.pathsep}{os.environ['PATH']}")
    found = BackupLab(lab)
    del found.backups["other"]
    lab.hosts["spare"] = {}
    lab.variables["backup_copy_host_state_dir"] = str(found.state)
    lab.variables["backup_drill_host_state_dir"] = str(lab.folder / "spare")
    # What opens the repository is a variable of the source alone.
    lab.hosts["one"]["vault_copies"] = "of-the-repository"
    repository = {"repository": str(lab.folder / "repository"), "password": "{{ vault_copies }}"}
    drill = {"hosts": "spare", "directory": str(lab.folder / "drills")}
    found.backups["config"]["copies"] = {"offsite": {**repository, "drill": drill}}
    found.take()
    found.verify()
    ran = lab.play("backup_copy", "-e", "backup_copy_initialize=true", "--limit", "one")
    assert ran.statuses["one/proxy.config.offsite.copied"] == "ok", ran.output
    lab.hosts["one"].update(GONE)
    return found


def drill(site: BackupLab) -> dict[str, Any]:
    """The description of the drill."""
    found: dict[str, Any] = site.backups["config"]["copies"]["offsite"]["drill"]
    return found


def statuses(ran: Any) -> dict[str, str]:
    return {name: ran.statuses[f"{DRILL}.{name}"] for name in ("drilled", "rto", "rpo")}


def test_drill_needs_nothing_of_the_source(lab: Lab, site: BackupLab) -> None:
    (name,) = site.sets()
    for path in (site.folder, site.state, lab.folder / "config"):
        shutil.rmtree(path)
    preview = lab.play("backup_drill", "--check")
    assert preview.status == 0, preview.output
    assert f"spare: proxy.config.offsite of one: {name} (" in preview.output
    assert "(estimated by its size)" in preview.output and not (lab.folder / "drills").exists()

    ran = lab.play("backup_drill")
    assert ran.status == 0, ran.output
    assert "UNREACHABLE" not in ran.output and "192.0.2.1" not in ran.output
    assert statuses(ran) == {"drilled": "ok", "rto": "ok", "rpo": "ok"}
    receipts = str(lab.folder / "drills/proxy.config.offsite@one.json")
    assert {check["target"] for check in ran.report["checks"] if check["owner"] == "one"} == {receipts}, (
        "on no other host"
    )
    (done,) = ran.report["actions"]
    assert (done["host"], done["subject"], done["outcome"]) == ("spare", "proxy.config.offsite of one", "done")
    assert done["what"].startswith(f"{name} out of {lab.folder / 'repository'} (snapshot ")
    (shown,) = ran.report["drills"]
    assert (shown["owner"], [one["set"] for one in shown["drills"]]) == ("one", [name])
    page = (lab.folder / "state/reports/latest.html").read_text()
    assert "one proxy.config.offsite on spare" in page and f"passed, {name} out of" in page

    # A second run drills again, and every other check of the host reads what it left.
    assert len(lab.play("backup_drill").report["drills"][0]["drills"]) == 2
    seen = lab.play("health_check", "--limit", "spare")
    assert statuses(seen) == {"drilled": "ok", "rto": "ok", "rpo": "ok"}
    assert "of-the-repository" not in ran.output


def test_failed_drill_is_critical_everywhere_until_one_passes(lab: Lab, site: BackupLab) -> None:
    repository, snapshots = lab.folder / "repository", lab.folder / "snapshots"
    assert lab.play("backup_drill").status == 0
    shutil.copytree(repository / "snapshots", snapshots)
    for path in (repository / "snapshots").iterdir():
        path.unlink()
    preview = lab.play("backup_drill", "--check")
    assert preview.status == 2 and "cannot be drilled: " in preview.output
    ran = lab.play("backup_drill")
    assert ran.status == 2
    assert "there is no copy of any set" in ran.message("spare/runbook.act.backup_drill_drill")
    assert [one["outcome"] for one in ran.report["actions"]] == ["failed"]
    assert statuses(ran) == {"drilled": "critical", "rto": "ok", "rpo": "ok"}
    assert statuses(lab.play("daily", "--limit", "spare"))["drilled"] == "critical"

    # A repository that is not reached tells nothing of the copy, and does not excuse it.
    keys = dict.fromkeys(("access_key_id", "secret_access_key"), "{{ 'of-no-' ~ 'repository' }}")
    nowhere = {"repository": "s3:http://127.0.0.1:9/bucket/r", "answer_timeout": 2, **keys}
    site.backups["config"]["copies"]["offsite"].update(nowhere)
    ran = lab.play("backup_drill")
    assert statuses(ran)["drilled"] == "critical" and "came to no result" in ran.message(f"{DRILL}.drilled")
    site.backups["config"]["copies"]["offsite"] = {
        "repository": str(repository), "password": "{{ vault_copies }}", "drill": drill(site)
    }  # fmt: skip
    shutil.copytree(snapshots, repository / "snapshots", dirs_exist_ok=True)
    assert statuses(lab.play("backup_drill"))["drilled"] == "ok"


def test_limits_of_the_description_judge_what_was_measured(lab: Lab, site: BackupLab) -> None:
    drill(site).update(rto_critical=0.001, rpo_warning=0.0001, rpo_critical=1000)
    ran = lab.play("backup_drill")
    assert statuses(ran) == {"drilled": "ok", "rto": "critical", "rpo": "warning"}
    assert ran.status == 2


def test_source_drills_nothing_itself(lab: Lab, site: BackupLab) -> None:
    drill(site)["hosts"] = "one"
    ran = lab.play("platform_check")
    assert ran.status == 2 and "'one' has no host beside one itself: sets would be drilled nowhere" in ran.output
    assert lab.play("backup_drill").status == 2
    assert not Path(drill(site)["directory"]).exists()
