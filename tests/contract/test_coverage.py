# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every command of the runbook has a row, and no row points at something that does not exist."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.repository import MODULES, PLAYBOOKS, ROLES, load
from tests.shared.procedures import ROOT

ROWS: list[dict[str, Any]] = load(ROOT / "tests/coverage/runbook.yml")


def test_coverage_has_every_chapter() -> None:
    assert len(ROWS) > 100
    assert len({row["section"] for row in ROWS}) >= 25


def test_coverage_ids_are_unique() -> None:
    ids = [row["id"] for row in ROWS]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_coverage_row_points_at_what_exists(row: dict[str, Any]) -> None:
    assert row["command"].strip()
    assert row["playbook"] is None or row["playbook"] in PLAYBOOKS
    assert row["role"] is None or row["role"] in ROLES
    assert row["module"] is None or row["module"] in MODULES
    assert row["test"] is None or (ROOT / row["test"].split("::")[0]).exists()
