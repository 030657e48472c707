# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What drills are worth: of receipts alone. One that failed counts until one passes, and nothing unseen is fine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._backup import drill_judge, drill_record, drills
from ansible_collections.xorb.runbook.plugins.module_utils._backup.drill_record import (
    FAILED,
    NO_RESULT,
    PASSED,
    Drill,
    Record,
)
from ansible_collections.xorb.runbook.plugins.module_utils._backup.manifest import id_of, time_of
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import Finding
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from hypothesis import given, settings
from hypothesis import strategies as st

NOW = time_of("20261130T120000Z")
HOUR = 3600.0
DAY = 24 * HOUR
OPTIONS = {name: option.default for name, option in drills.DRILL.items()}


def drill(days: float, verdict: str = PASSED, **more: Any) -> Drill:
    at = NOW - days * DAY
    faults = () if verdict == PASSED else ("the reason",)
    held = Drill(at, "spare", "alex", "/srv/copies", verdict, set=id_of(at - HOUR), seconds=40.0, faults=faults)
    return replace(held, **more)


def judged(*held: Drill, now: float = NOW, **options: Any) -> dict[str, Finding]:
    record = Record("lab", held)
    found = {one.aspect: one for one in drill_judge.judge(record, {**OPTIONS, **options}, now)}
    assert tuple(found) == drill_judge.ASPECTS
    return found


def statuses(*held: Drill, now: float = NOW, **options: Any) -> tuple[str, ...]:
    return tuple(one.status for one in judged(*held, now=now, **options).values())


def test_no_receipt_is_no_drill() -> None:
    assert [one.status for one in drill_judge.judge(None, OPTIONS, NOW)] == ["critical", "unknown", "unknown"]
    assert statuses() == ("critical", "unknown", "unknown")
    assert statuses(drill(1, NO_RESULT)) == ("critical", "unknown", "unknown")
    assert statuses(drill(1, FAILED)) == ("critical", "unknown", "unknown")


@pytest.mark.parametrize(("days", "status"), [(7, "ok"), (9, "warning"), (36, "critical"), (-1, "critical")])
def test_age_of_the_last_drill(days: float, status: str) -> None:
    assert statuses(drill(days))[0] == status


def test_receipt_that_nothing_renews_turns_bad_by_itself() -> None:
    assert statuses(drill(1), now=NOW + 9 * DAY) == ("warning", "ok", "ok")
    assert statuses(drill(1), now=NOW + 40 * DAY) == ("critical", "ok", "ok")


def test_failed_drill_counts_until_one_passes() -> None:
    assert statuses(drill(3), drill(2, FAILED)) == ("critical", "ok", "ok")
    found = judged(drill(3), drill(2, FAILED), drill(1, NO_RESULT, faults=("not reached",)))["drilled"]
    assert found.status == "critical" and "failed: the reason" in found.message and "not reached" in found.message
    assert statuses(drill(3), drill(2, FAILED), drill(1)) == ("ok", "ok", "ok")


def test_drill_without_a_result_is_not_fine_and_does_not_hide_that_the_last_one_is_too_old() -> None:
    assert statuses(drill(3), drill(2, NO_RESULT))[0] == "unknown"
    assert statuses(drill(9), drill(2, NO_RESULT))[0] == "unknown"
    assert statuses(drill(40), drill(2, NO_RESULT))[0] == "critical"
    assert statuses(drill(3), drill(2, NO_RESULT), drill(1))[0] == "ok"


def test_what_could_not_be_found_out_is_unknown() -> None:
    found = judged(drill(1, unknown=("whether pages are whole",)))["drilled"]
    assert found.status == "unknown" and "whether pages are whole" in found.message


@pytest.mark.parametrize(("seconds", "status"), [(899, "ok"), (901, "critical")])
def test_time_of_recovery(seconds: float, status: str) -> None:
    found = judged(drill(1, seconds=seconds))["rto"]
    assert (found.status, found.limits.source) == (status, "runbook, recovery within 15 minutes")
    assert judged(drill(1, seconds=seconds), rto_critical=60.0)["rto"].status == "critical"


@pytest.mark.parametrize(("hours", "status"), [(1, "ok"), (37, "warning"), (73, "critical"), (-1, "critical")])
def test_what_would_have_been_lost(hours: float, status: str) -> None:
    held = drill(1)
    assert statuses(replace(held, set=id_of(held.at - hours * HOUR)))[2] == status


def test_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    place = drill_record.path(tmp_path / "drills", "app.main.offsite", "db1")
    assert drill_record.read(place) is None
    record = Record("lab", (drill(2, facts={"rows": 5}), drill(1, FAILED, set="")))
    drill_record.keep(place, record)
    assert drill_record.read(place) == record
    many = Record("lab", tuple(drill(number / 10) for number in range(drill_record.KEPT + 5)))
    drill_record.keep(place, many)
    found = drill_record.read(place)
    assert found and found.drills == many.drills[5:]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"format": 2, "platform": "lab", "drills": []}',
     Record("lab", (drill(1),)).to_text().replace('"passed"', '"fine"'),
     Record("lab", (drill(1),)).to_text().replace("20261129T110000Z", "")],
)  # fmt: skip
def test_record_that_is_none_is_refused_by_its_path(tmp_path: Path, text: str) -> None:
    place = tmp_path / "one.json"
    place.write_text(text)
    with pytest.raises(RunbookError, match=str(place)):
        drill_record.read(place)


@given(st.lists(st.text(min_size=1, max_size=40), min_size=2, max_size=6, unique=True))
@settings(max_examples=60, deadline=None)
def test_each_host_has_a_file_of_its_own_whatever_it_is_called(hosts: list[str]) -> None:
    places = {drill_record.path(Path("/drills"), "app.main.offsite", host) for host in hosts}
    assert len(places) == len(hosts)
    assert {place.parent for place in places} == {Path("/drills")}
