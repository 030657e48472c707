# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from pathlib import Path

import pytest

from tests.testbed import kernel


@pytest.mark.parametrize(("found", "raised"), [(128, True), (kernel.ENOUGH, False), (8192, False)])
def test_limit_is_raised_where_it_is_low_and_put_back(tmp_path: Path, found: int, raised: bool) -> None:
    limit, before = tmp_path / "limit", tmp_path / "state" / "before"
    limit.write_text(f"{found}\n")
    for _twice in range(2):
        kernel.make_room(limit=limit, before=before)
        assert int(limit.read_text()) == (kernel.ENOUGH if raised else found)
    kernel.put_back(limit=limit, before=before)
    assert int(limit.read_text()) == found
    assert not before.exists()
