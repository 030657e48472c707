# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmark import shipping
from tests.support.procedures import ROOT
from tests.testbed.errors import BedError

COLLECTIONS = ROOT / ".ansible/collections"


def test_packed_modules_are_started(tmp_path: Path) -> None:
    packed = shipping.pack(COLLECTIONS, tmp_path / "packed", {"redis_info": {}, shipping.PING: {}})
    assert packed[shipping.PING].files == 0 and shipping.start(packed[shipping.PING]) > 0
    ours = packed["redis_info"]
    assert ours.files > 5 and ours.kibibytes > 20
    assert shipping.start(ours) > 0


def test_module_that_does_not_start_is_no_figure(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("raise SystemExit('broken on purpose')")
    with pytest.raises(BedError, match="broken on purpose"):
        shipping.start(shipping.Packed(broken, []))


def test_module_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BedError, match="did not pack"):
        shipping.pack(COLLECTIONS, tmp_path / "packed", {"missing": {}})


def test_points_of_probe_are_those_that_it_takes(tmp_path: Path) -> None:
    packed = shipping.pack(COLLECTIONS, tmp_path / "packed", {"probe": {"deadline": 20, **shipping.POINTS}})
    assert shipping.start(packed["probe"]) > 0


def test_every_module_of_a_host_has_its_rows() -> None:
    assert {name for name in shipping.MODULES if not (ROOT / f"plugins/modules/{name}.py").exists()} == set()
    assert len(set(shipping.NAMES)) == len(shipping.NAMES) == 2 * len(shipping.MODULES) + 1
