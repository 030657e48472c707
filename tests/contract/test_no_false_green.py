# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The page about false greens is made of a run, and of all rows that there are."""

from __future__ import annotations

import re

import pytest

from tests.faults import askers
from tests.faults.catalogue import ROWS
from tests.faults.matrix import Command, Row
from tests.faults.page import PAGE
from tests.support.procedures import ROOT

RUNBOOK = askers.runbook()


def test_page_names_every_fault_and_no_other() -> None:
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    named = [found[1] for line in lines if (found := re.search(r"\(`([a-z0-9_]+)`\) \|", line))]
    assert named == [row.name for row in ROWS], "python -m tests.faults writes the page anew"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_row_asks_by_a_command_of_the_runbook_or_says_why_not(row: Row) -> None:
    if isinstance(row.command, Command):
        assert row.command.text(RUNBOOK)
        assert bool(row.command.telling) == bool(row.command.evidence)
    else:
        assert row.command.startswith("the runbook has no ")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_row_is_mended_by_something_else_than_it_is_broken_by(row: Row) -> None:
    assert row.fault.broken_by != row.fault.mended_by
    assert re.fullmatch(r"[a-z][a-z0-9_]+", row.name)
    assert row.fault.sentence[0].islower() or row.fault.sentence.split()[0] in (
        "Redis",
        "PostgreSQL",
        "Prometheus",
        "Grafana",
    )


def test_readme_leads_to_the_page() -> None:
    assert "docs/no-false-green.md" in (ROOT / "README.md").read_text(encoding="utf-8")
