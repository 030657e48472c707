# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import subprocess
from dataclasses import dataclass, field

import pytest

from tests.bed import faults
from tests.bed.errors import BedError
from tests.bed.faults import FAULTS
from tests.bed.layout import bed_named

BED = bed_named("demo")


@dataclass
class RecordingEngine:
    """Stands in for an engine and remembers what it was told."""

    calls: list[tuple[str, ...]] = field(default_factory=list)

    def run(self, *words: str, **_options: object) -> subprocess.CompletedProcess[str]:
        self.calls.append(words)
        return subprocess.CompletedProcess([], 0, "", "")


def test_faults_are_those_that_the_readme_names() -> None:
    assert list(FAULTS) == [
        "postgres_stopped",
        "redis_hung",
        "api_unready",
        "disk_full",
        "certificate_expired",
        "host_frozen",
    ]


@pytest.mark.parametrize("name", FAULTS)
def test_fault_is_broken_and_mended_on_the_same_host_by_different_commands(name: str) -> None:
    fault, engine = FAULTS[name], RecordingEngine()
    faults.break_it(engine, BED, fault)  # type: ignore[arg-type]
    faults.mend(engine, BED, fault)  # type: ignore[arg-type]
    broken, mended = engine.calls
    assert broken != mended
    assert all(BED.host(fault.role).name in call for call in engine.calls)
    assert fault.sentence


def test_break_it_freezing_is_done_by_the_engine() -> None:
    engine = RecordingEngine()
    faults.break_it(engine, BED, FAULTS["host_frozen"])  # type: ignore[arg-type]
    assert engine.calls == [("pause", "xorb-demo-db")]


def test_fault_named_unknown_lists_the_names() -> None:
    with pytest.raises(BedError, match=r"no fault is called 'fire'; there are: postgres_stopped, .*host_frozen"):
        faults.fault_named("fire")


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        ({"service": "postgres", "status": "critical"}, True),
        ({"service": "postgres", "status": "unknown"}, True),
        ({"service": "postgres", "status": "ok"}, False),
        ({"service": "postgres", "status": "warning"}, False),
        ({"service": "redis", "status": "critical"}, False),
    ],
)
def test_shows_only_a_failing_check_about_the_fault_counts(check: dict[str, str], *, expected: bool) -> None:
    assert faults.shows(FAULTS["postgres_stopped"], [check]) is expected
