# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Count what ran: pure functions from JUnit files and exit codes to one line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree


@dataclass(frozen=True)
class Count:
    """Tests that passed and failed. Skipped ones are neither."""

    passed: int = 0
    failed: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(self.passed + other.passed, self.failed + other.failed)

    @property
    def ran(self) -> int:
        return self.passed + self.failed

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed"


def total(counts: Iterable[Count]) -> Count:
    return sum(counts, Count())


def of_exit_code(code: int) -> Count:
    """A program that is one test."""
    return Count(passed=1) if code == 0 else Count(failed=1)


def of_junit(path: Path) -> Count:
    """Every test case of a file; a missing or broken file counts as nothing."""
    return total(_case(case) for case in _cases(path))


def of_junit_file(path: Path) -> Count:
    """The whole file as one test, for tools that write a case for each finding."""
    counts = of_junit(path)
    return Count(failed=1) if counts.failed else Count(passed=min(counts.passed, 1))


def honest(count: Count, exit_codes: Iterable[int]) -> Count:
    """A failure that no test case shows is still one, and so is a layer in which nothing ran."""
    unseen = count.failed == 0 and any(exit_codes)
    return count + Count(failed=1) if unseen or count.ran == 0 else count


def _cases(path: Path) -> list[ElementTree.Element]:
    try:
        # The file was written a moment ago by a tool of our own environment.
        return list(ElementTree.parse(path).iter("testcase"))  # noqa: S314
    except (OSError, ElementTree.ParseError):
        return []


def _case(case: ElementTree.Element) -> Count:
    kinds = {child.tag for child in case}
    if kinds & {"failure", "error"}:
        return Count(failed=1)
    return Count() if "skipped" in kinds else Count(passed=1)
