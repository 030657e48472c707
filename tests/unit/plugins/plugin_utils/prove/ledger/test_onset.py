# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Since when a root cause fails, and what changed since."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, OK, UNKNOWN, WARNING, Check
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.ledger.ledger import Ledger
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.ledger.onset import ALIKE, LOOKED_UP, At, onsets
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.ledger.store import NoLedger
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.report import NoAnswer, Report

from tests.support.sample_reports import assembled, check

FIRST = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the ledger of a test is."""
    return tmp_path / "ledger.sqlite"


def record(
    path: Path, report: Report, *, actions: Iterable[Mapping[str, Any]] = (), day: int = 0, **run: Any
) -> Report:
    """Append a run, and return it as it is printed."""
    moment = (FIRST + timedelta(days=day)).isoformat()
    made = replace(report, ledger={}, finished_at=moment, run=replace(report.run, started_at=moment, **run))
    return replace(made, ledger=Ledger(str(path)).append(made, actions, retention_days=900))


def space(status: str = OK, value: float = 43, host: str = "db") -> Check:
    """The check that fails."""
    return check(host, "host", "root", "space", status, value=value, unit="%", warning=80, critical=90)


def at(sequence: int, day: int) -> At:
    """A run of this ledger."""
    return At(sequence, (FIRST + timedelta(days=day)).isoformat(timespec="microseconds").replace("+00:00", "Z"))


def test_onset_has_the_last_good_run_and_the_first_bad_one(path: Path) -> None:
    for day, status in enumerate([CRITICAL, OK, OK, WARNING, UNKNOWN]):
        record(path, assembled([space(status, 40 + day)]), day=day)
    report = record(path, assembled([space(CRITICAL, 97)]), day=9)
    onset = onsets(report, str(path))["db/host.root.space"]
    assert (onset.good, onset.since, onset.failures) == (at(3, 2), at(4, 3), 2)
    assert onset.before is not None and onset.before.value == 42


def test_onset_that_is_new_or_as_old_as_the_ledger(path: Path) -> None:
    first = record(path, assembled([space(CRITICAL)]))
    assert onsets(first, str(path)) == {}
    second = record(path, assembled([space(CRITICAL), space(CRITICAL, host="web")]), day=1)
    found = onsets(second, str(path))
    assert (found["db/host.root.space"].good, found["db/host.root.space"].since) == (None, at(1, 0))
    assert (found["web/host.root.space"].good, found["web/host.root.space"].since) == (None, None)


def test_onset_counts_neither_other_platforms_nor_what_is_said_again(path: Path) -> None:
    record(path, assembled([space()]))
    record(path, assembled([space(CRITICAL)]), day=1, platform="another")
    record(path, assembled([space(CRITICAL)]), day=2, procedure="daily_merged")
    report = record(path, assembled([space(CRITICAL)]), day=3)
    onset = onsets(report, str(path))["db/host.root.space"]
    assert (onset.good, onset.since, onset.failures) == (at(1, 0), None, 0)


def test_onset_in_check_mode_looks_at_every_run(path: Path) -> None:
    record(path, assembled([space()]))
    report = replace(assembled([space(CRITICAL)]), ledger={})
    assert onsets(report, str(path))["db/host.root.space"].good == at(1, 0)


def test_onset_of_a_silent_host_is_known_from_its_checks(path: Path) -> None:
    def silent(day: int) -> Report:
        gone = {"db": NoAnswer(CRITICAL, "unreachable")}
        return record(path, assembled([], expected=[space()], silent=gone), day=day)

    # It answered in the second run, and its disk was full.
    silent(0)
    record(path, assembled([space(CRITICAL)]), day=1)
    silent(2)
    onset = onsets(silent(3), str(path))["db/runbook.host.reachable"]
    assert (onset.good, onset.since, onset.failures) == (at(2, 1), at(3, 2), 1)


def test_onset_has_what_changed_on_the_host_and_is_fine(path: Path) -> None:
    def others(memory: float, cpu: float, version: str, latency: float) -> list[Check]:
        limits: dict[str, Any] = {"unit": "%", "warning": 85, "critical": 95}
        return [
            check("db", "host", "memory", "used", value=memory, **limits),
            check("db", "host", "cpu", "used", value=cpu, **limits),
            check("db", "redis", "cache", "version", value=version),
            check("db", "redis", "cache", "connect", value=latency, unit="ms"),
        ]

    elsewhere = check("web", "host", "memory", "used", value=1, unit="%")
    record(path, assembled([space(), *others(12, 9, "7.0", 3.4), elsewhere]))
    new = check("db", "redis", "cache", "ping", value=3, unit="ms")
    failing = check("db", "redis", "cache", "memory", CRITICAL)
    report = assembled([space(CRITICAL), *others(45, 60, "7.2", 0.2), new, failing, replace(elsewhere, value=90)])
    onset = onsets(record(path, report, day=1), str(path))["db/host.root.space"]
    assert [made.check.id for made in onset.changes] == [
        "redis.cache.version", "host.cpu.used", "host.memory.used", "redis.cache.ping",
    ]  # fmt: skip


def test_onset_has_what_was_done_to_the_host_in_between(path: Path) -> None:
    def action(host: str, subject: str) -> dict[str, Any]:
        return {"at": "2026-01-01T04:00:00Z", "host": host, "procedure": "certificate_rotate", "subject": subject,
                "what": "", "why": "", "who": "alex", "outcome": "done", "incident": ""}  # fmt: skip

    record(path, assembled([space()]), actions=[action("db", "too early")])
    record(
        path, assembled([]), actions=[action("db", "server"), action("web", "server"), {"what": "suppressed"}], day=1
    )
    report = record(path, assembled([space(CRITICAL)]), actions=[action("db", "this run")], day=2)
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO actions VALUES (2, 'spoiled')")
        connection.execute("INSERT INTO actions VALUES (2, '[1]')")
    connection.close()
    onset = onsets(report, str(path))["db/host.root.space"]
    assert [(made.host, made.subject) for made in onset.actions] == [("db", "server")]


def test_onset_status_that_is_not_defined_is_no_good_one(path: Path) -> None:
    record(path, assembled([space()]))
    record(path, assembled([space()]), day=1)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE checks SET status = 'splendid' WHERE sequence = 2")
    connection.close()
    onset = onsets(record(path, assembled([space(CRITICAL)]), day=2), str(path))["db/host.root.space"]
    assert (onset.good, onset.since) == (at(1, 0), at(2, 1))


def test_onset_is_looked_up_for_the_first_causes(path: Path) -> None:
    many = [space(CRITICAL, host=f"node{number:02}") for number in range(9)]
    many += [check("db", "app", "port", f"aspect{number}", CRITICAL) for number in range(LOOKED_UP)]
    record(path, assembled(many))
    found = onsets(record(path, assembled(many), day=1), str(path))
    assert len(found) == LOOKED_UP
    assert len([address for address in found if address.endswith("root.space")]) <= ALIKE


def test_onset_without_a_ledger_is_refused(path: Path) -> None:
    with pytest.raises(NoLedger):
        onsets(replace(assembled([space(CRITICAL)]), ledger={}), str(path))
