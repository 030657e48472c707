# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.testbed import faults
from tests.testbed.errors import BedError
from tests.testbed.faults import FAULTS, Fault
from tests.testbed.layout import Bed, bed_named

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
        "backup_flipped_bit",
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


def shell_fault(name: str, **more: str) -> Fault:
    return Fault(name, name, "db", ("break", name), ("mend", name), **more)  # type: ignore[arg-type]


@pytest.fixture
def bed(tmp_path: Path) -> Bed:
    """A bed whose files lie elsewhere."""

    class Elsewhere(Bed):
        directory = tmp_path

    return Elsewhere("demo", 61, BED.roles)


def test_broken_mends_everything_whatever_happens(bed: Bed) -> None:
    engine = RecordingEngine()

    def fail() -> None:
        assert json.loads((bed.directory / "faults.json").read_text()) == ["one", "two"]
        raise ZeroDivisionError

    with (
        pytest.raises(ZeroDivisionError),
        faults.broken(engine, bed, [shell_fault("one"), shell_fault("two")]),  # type: ignore[arg-type]
    ):
        fail()
    assert sorted(call[2:] for call in engine.calls[2:]) == [("mend", "one"), ("mend", "two")]
    assert not (bed.directory / "faults.json").exists()


def test_broken_that_cannot_break_one_mends_all(bed: Bed) -> None:
    class Refusing(RecordingEngine):
        def run(self, *words: str, **options: object) -> subprocess.CompletedProcess[str]:
            super().run(*words, **options)
            if words[-2:] == ("break", "one"):
                raise BedError("no")
            return subprocess.CompletedProcess([], 0, "", "")

    engine = Refusing()
    with (
        pytest.raises(BedError, match="one: no"),
        faults.broken(engine, bed, [shell_fault("one"), shell_fault("two")]),  # type: ignore[arg-type]
    ):
        pytest.fail("nobody may look at what is only half broken")
    assert {call[2:] for call in engine.calls} >= {("mend", "one"), ("mend", "two")}


def test_mend_left_over_mends_what_a_killed_run_has_left(bed: Bed) -> None:
    engine, known = RecordingEngine(), {"mine": shell_fault("mine")}
    faults.mend_left_over(engine, bed, known)  # type: ignore[arg-type]
    assert engine.calls == []
    (bed.directory / "faults.json").write_text('["mine", "forgotten since", "api_unready"]')
    faults.mend_left_over(engine, bed, known)  # type: ignore[arg-type]
    assert sorted(call[2] for call in engine.calls) == ["mend", "rm"]
    assert not (bed.directory / "faults.json").exists()


def test_break_it_waits_until_the_fault_can_be_seen() -> None:
    engine = RecordingEngine()
    faults.break_it(engine, BED, shell_fault("one", takes_hold="test -e /seen"))  # type: ignore[arg-type]
    assert "if test -e /seen; then exit 0" in engine.calls[1][-1]


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
