# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Count what ran: pure functions from JUnit files and exit codes to one line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

# Long enough for a test's name and the head of its assertion; the whole of it stands where it was printed.
_FAILURE_LENGTH = 300


@dataclass(frozen=True)
class Count:
    """Tests that passed, and one line for each that failed. Skipped ones are neither."""

    passed: int = 0
    failures: tuple[str, ...] = ()

    def __add__(self, other: Count) -> Count:
        return Count(self.passed + other.passed, self.failures + other.failures)

    @property
    def failed(self) -> int:
        return len(self.failures)

    @property
    def ran(self) -> int:
        return self.passed + self.failed

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed"


def total(counts: Iterable[Count]) -> Count:
    return sum(counts, Count())


def failure(text: str) -> Count:
    """One test that failed; ``text`` becomes one line."""
    line = " ".join(text.split())
    return Count(failures=(line if len(line) <= _FAILURE_LENGTH else f"{line[:_FAILURE_LENGTH]} ...",))


def of_exit_code(code: int, name: str) -> Count:
    """A program that is one test."""
    return Count(passed=1) if code == 0 else failure(f"{name} ended with {code}")


def of_junit(path: Path) -> Count:
    """Every test case of a file; a missing or broken file counts as nothing."""
    return total(_case(case) for case in _cases(path))


def of_junit_file(path: Path) -> Count:
    """The whole file as one test, for tools that write a case for each finding."""
    count = of_junit(path)
    return failure(f"{path.stem}: {count.failures[0]}") if count.failed else Count(passed=min(count.passed, 1))


def honest(count: Count, exit_codes: Sequence[int]) -> Count:
    """A failure that no test case shows is still one, and so is a layer in which nothing ran."""
    if count.ran == 0:
        return failure("nothing ran")
    if count.failed == 0 and any(exit_codes):
        return count + failure(f"every test passed, and yet the program ended with {next(filter(None, exit_codes))}")
    return count


def _cases(path: Path) -> list[ElementTree.Element]:
    try:
        # The file was written a moment ago by a tool of our own environment.
        return list(ElementTree.parse(path).iter("testcase"))  # noqa: S314
    except (OSError, ElementTree.ParseError):
        return []


def _case(case: ElementTree.Element) -> Count:
    for child in case:
        if child.tag in {"failure", "error"}:
            name = f"{case.get('classname', '')}::{case.get('name')}"
            return failure(f"{name}: {child.get('message') or child.text or ''}")
    return Count(passed=0 if case.find("skipped") is not None else 1)
