# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from pathlib import Path

from tests.testbed import inventory
from tests.testbed.converge import digest
from tests.testbed.layout import bed_named


def test_digest_changes_with_content_name_and_facts(tmp_path: Path) -> None:
    (tmp_path / "site.yml").write_text("a", encoding="utf-8")
    first = digest([tmp_path], facts=["one"])
    assert digest([tmp_path], facts=["one"]) == first
    assert digest([tmp_path], facts=["two"]) != first
    (tmp_path / "site.yml").write_text("b", encoding="utf-8")
    second = digest([tmp_path], facts=["one"])
    assert second != first
    (tmp_path / "site.yml").rename(tmp_path / "other.yml")
    assert digest([tmp_path], facts=["one"]) != second


def test_inventories_of_a_bed_with_more_hosts_are_two() -> None:
    assert inventory.inventories(bed_named("demo")) == [inventory.INVENTORY]
    assert inventory.inventories(bed_named("test")) == [inventory.INVENTORY, inventory.MORE_HOSTS]
