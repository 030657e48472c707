# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The playbook from end to end on the loopback address, with files."""

from __future__ import annotations

from tests.support.backup_lab import BackupLab
from tests.support.lab import Lab


def test_list_shows_each_set_in_the_terminal_and_on_the_page(lab: Lab) -> None:
    site = BackupLab(lab)
    names = {backup: site.take(backup) for backup in ("config", "other")}
    site.verify()
    ran = lab.play("backup_list")
    assert ran.status == 2, ran.output
    assert f"one: proxy.config: 1 set in {site.folder}/proxy.config" in ran.output
    assert names["config"] in ran.output and "restored in" in ran.output and "not verified" in ran.output
    assert {one["backup"]: one["sets"][0]["id"] for one in ran.report["backups"]} == names
    page = (lab.folder / "state/reports/latest.html").read_text()
    assert "one proxy.config" in page and "1 set, 1 verified" in page and "1 set, 0 verified" in page
    assert ran.report["actions"] == []
