# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import pytest

from tests.bed.flags import run_flags
from tests.bed.hosts import create_command
from tests.bed.layout import BEDS, bed_named


def test_beds_share_no_name_and_no_address() -> None:
    hosts = [host for bed in BEDS.values() for host in bed.hosts]
    assert len({host.name for host in hosts}) == len({host.address for host in hosts}) == len(hosts) == 6


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
