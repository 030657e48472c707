# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every row of the table of faults, run on the test hosts: nothing that is broken may look green."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

import pytest

from tests.faults import askers, runner
from tests.faults.catalogue import ROWS
from tests.faults.matrix import Row, Seen, rounds
from tests.faults.page import PAGE, page, share_of_one_cause
from tests.support.procedures import Ran
from tests.testbed import engine
from tests.testbed.layout import scenario_bed


@dataclass(frozen=True)
class Matrix:
    """What one run of all rows has found."""

    seen: dict[str, Seen]
    last: Ran


@pytest.fixture(scope="session")
def matrix() -> Matrix:
    """Run the table once: rows that do not disturb each other are broken together."""
    return Matrix(*runner.run(engine.ensure(), scenario_bed(), ROWS))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_fault_is_reported_and_a_sound_platform_is_not(matrix: Matrix, row: Row) -> None:
    assert runner.complaints(row, matrix.seen[row.name]) == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_others_are_judged_fairly(matrix: Matrix, row: Row) -> None:
    """Each command and module was run, and the evidence for a reader is not there while nothing is broken."""
    assert runner.unfair(row, matrix.seen[row.name]) == []


def test_one_fault_has_one_root_cause(matrix: Matrix) -> None:
    assert share_of_one_cause(ROWS, matrix.seen) >= 0.95


def test_faults_that_are_broken_together_share_no_root_cause(matrix: Matrix) -> None:
    for group in rounds(ROWS):
        assert runner.shared_causes(group, matrix.seen) == []


def test_everything_is_green_again(matrix: Matrix) -> None:
    assert matrix.last.status == 0, matrix.last.output
    assert not {"critical", "unknown", "warning"} & set(matrix.last.statuses.values()), matrix.last.output


def test_page_says_what_the_run_has_found(matrix: Matrix) -> None:
    made = page(ROWS, matrix.seen, askers.runbook(), seconds=askers.SECONDS)
    kept = PAGE.read_text(encoding="utf-8")
    differences = list(difflib.unified_diff(_uncounted(kept), _uncounted(made), n=0, lineterm=""))
    assert differences == [], "python -m tests.faults writes the page anew"


#: What a run may find otherwise than another one did: sums of it, and what depends on when a client gives up.
_SUMS = r"\| (right|left to the reader|hangs|wrong|there is none) \||Our check also says|\(\d+ %\), and"


def _uncounted(text: str) -> list[str]:
    """The lines of a page without its numbers of causes, for which there is a test of its own, and exit statuses.

    With dozens of faults on one machine, an answer that is late is a cause now and then; which of two programs of a
    command a fault hits first says nothing about what its status is worth; and a client that tries again after random
    pauses ends just before it is taken for one that hangs, or just after.
    """
    lines = (re.sub(r"\| \**\d+\**(?: \(of \d+\))? \| (\w+) \|$", r"| \1 |", line) for line in text.splitlines())
    lines = (line.replace("**hangs**", "**broken**") for line in lines if not re.match(_SUMS, line))
    return [re.sub(r"(\*\*broken\*\*, exit status) -?\d+", r"\1", line) for line in lines]
