# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.testbed import layout
from tests.testbed.engine import Engine
from tests.testbed.flags import run_flags
from tests.testbed.hosts import create_command, down
from tests.testbed.layout import BEDS, READY, ROLES, Bed, bed_named
from tests.testbed.recipe import RECIPES


def test_beds_share_no_name_and_no_address() -> None:
    hosts = [host for bed in BEDS.values() for host in bed.hosts]
    assert len({host.name for host in hosts}) == len({host.address for host in hosts}) == len(hosts) == 8 + 41 + 5


@pytest.mark.parametrize(
    ("role", "address"), [("db", "172.30.61.11"), ("web", "172.30.61.12"), ("monitor", "172.30.61.13")]
)
def test_bed_named_demo_has_fixed_addresses(role: str, address: str) -> None:
    assert bed_named("demo").host(role).address == address


def test_create_command_carries_flags_address_and_file_systems() -> None:
    bed = bed_named("test")
    command = create_command(bed, bed.host("db"), "image:1", run_flags(1))
    assert {*run_flags(1), "--ip=172.30.62.11", "--network=xorb-test", "--name=xorb-test-db"} <= set(command)
    assert "--tmpfs=/srv/data:size=64m,mode=755" in command
    assert command[-1] == "image:1"


def test_create_command_spec_label_changes_with_image_and_flags() -> None:
    bed = bed_named("test")
    commands = [
        create_command(bed, bed.host("db"), image, flags)
        for image, flags in (("image:1", run_flags(1)), ("image:2", run_flags(1)), ("image:1", run_flags(2)))
    ]
    assert len({command[-2] for command in commands}) == 3


def test_beds_demo_has_the_three_hosts_that_the_readme_names() -> None:
    assert [host.inventory_name for host in bed_named("demo").hosts] == ["xorb-db", "xorb-web", "xorb-monitor"]
    assert [host.role for host in bed_named("test").hosts][3:] == ["compose", "db12"]


def test_create_command_gives_the_engine_a_volume() -> None:
    bed = bed_named("test")
    with_one = [
        host.role for host in bed.hosts if "--volume=/var/lib/docker" in create_command(bed, host, "image:1", ())
    ]
    assert with_one == ["compose"]


def test_every_host_has_a_recipe_for_its_suite() -> None:
    assert {host.suite for bed in BEDS.values() for host in bed.hosts} == {*RECIPES, READY}
    assert all(recipe.suite == suite for suite, recipe in RECIPES.items())


def test_checkout_in_another_slot_has_hosts_of_its_own() -> None:
    first, second = (Bed("test", 62, {"db": ROLES["db"]}, slot) for slot in (0, 1))
    assert (first.network, first.subnet) == ("xorb-test", "172.30.62.0/24")
    assert (second.network, second.subnet) == ("xorb1-test", "172.30.72.0/24")
    assert second.host("db").name == "xorb1-test-db"


def test_down_takes_the_ca_along_that_a_killed_scenario_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its hosts are gone, and the next ones have never heard of it. The CA that the bed itself has stays."""

    class NothingRuns:
        def run(self, *_words: str, **_options: Any) -> SimpleNamespace:
            return SimpleNamespace(stdout="", returncode=0)

    monkeypatch.setattr(layout, "BUILD", tmp_path)
    bed = bed_named("test")
    for folder in (bed.authority_directory, bed.directory / "ca"):
        folder.mkdir(parents=True)
        (folder / "ca.pem").touch()
    down(cast(Engine, NothingRuns()), bed)
    assert not bed.authority_directory.exists() and (bed.directory / "ca/ca.pem").exists()
