# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What sets are worth: no age, size or receipt that is missing, bad or from the future is ever fine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._backup import judge, spec
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import Finding
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import with_defaults
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.registry import KINDS

from tests.support.sets import DAY, HOUR, NOW, Sets


@pytest.fixture
def sets(tmp_path: Path) -> Sets:
    return Sets(tmp_path)


def judged(sets: Sets, now: float = NOW, **given: Any) -> dict[str, Finding]:
    options = with_defaults(spec.FILES, {"paths": ["/etc"], "directory": str(sets.folder), **given})
    names = {"service": sets.service, "point": sets.backup}
    return {one.aspect: one for one in judge.judge(sets.store.sets(), {**options, **names}, sets.store.place, now)}


def statuses(sets: Sets, now: float = NOW, **given: Any) -> dict[str, str]:
    return {aspect: finding.status for aspect, finding in judged(sets, now, **given).items()}


def test_backup_that_was_never_taken_is_critical_and_the_rest_is_unknown(sets: Sets) -> None:
    found = judged(sets)
    assert found["age"].status == "critical" and "never taken" in found["age"].message
    assert {found[aspect].status for aspect in judge.ASPECTS[1:]} == {"unknown"}
    assert all("backup_create" in one.remedy for one in found.values())


def test_verified_set_of_usual_size_is_fine(sets: Sets) -> None:
    sets.take(2 * DAY)
    sets.verify(sets.take(HOUR, size=1100))
    assert statuses(sets) == dict.fromkeys(judge.ASPECTS, "ok")


def test_only_set_is_fine_with_the_reason(sets: Sets) -> None:
    sets.verify(sets.take(HOUR))
    found = judged(sets)["size"]
    assert (found.status, "no earlier set" in found.message) == ("ok", True)


@pytest.mark.parametrize(("hours", "status"), [(35.9, "ok"), (36.1, "critical"), (-1, "critical")])
def test_age_of_the_newest(sets: Sets, hours: float, status: str) -> None:
    sets.take(hours * HOUR)
    assert judged(sets)["age"].status == status


@pytest.mark.parametrize(("hours", "status"), [(35, "ok"), (37, "warning"), (7 * 24 + 1, "critical")])
def test_age_of_the_newest_verified(sets: Sets, hours: float, status: str) -> None:
    sets.verify(sets.take(hours * HOUR))
    sets.take(HOUR)
    assert judged(sets)["verified"].status == status


def test_set_that_was_never_verified_is_critical_and_its_restore_unknown(sets: Sets) -> None:
    sets.take(HOUR)
    found = judged(sets)
    assert found["verified"].status == "critical" and "backup_verify" in found["verified"].remedy
    assert found["restore_time"].status == "unknown" and "backup_verify" in found["restore_time"].remedy


def test_failed_verification_is_critical_and_names_the_fault(sets: Sets) -> None:
    sets.verify(sets.take(2 * DAY))
    bad = sets.verify(sets.take(HOUR), "public.orders: has 9 rows, and 10 were counted")
    found = judged(sets)["verified"]
    assert found.status == "critical" and f"{bad.id}: public.orders: has 9 rows" in found.message


def test_older_set_that_is_bad_is_critical_too(sets: Sets) -> None:
    sets.damage(sets.take(2 * DAY))
    sets.verify(sets.take(HOUR))
    assert judged(sets)["verified"].status == "critical"


def test_newest_set_with_a_damaged_manifest_is_no_set(sets: Sets) -> None:
    sets.verify(sets.take(2 * DAY))
    sets.damage(sets.take(HOUR))
    found = judged(sets)
    assert found["age"].status == found["verified"].status == "critical"
    assert found["size"].status == found["restore_time"].status == "unknown"
    assert "48 h ago" in found["age"].message and "known to be bad" in found["verified"].message


@pytest.mark.parametrize(
    ("size", "status", "word"), [(400, "warning", "less"), (600, "ok", "less"), (1600, "warning", "more")]
)
def test_size_against_the_median_of_those_before(sets: Sets, size: int, status: str, word: str) -> None:
    for days, usual in enumerate((900, 1000, 1000, 9000), start=1):
        sets.take(days * DAY, size=usual)
    sets.take(HOUR, size=size)
    found = judged(sets)["size"]
    assert found.status == status and f"% {word} than the median" in found.message


def test_empty_set_after_full_ones_is_not_fine(sets: Sets) -> None:
    sets.take(DAY)
    sets.take(HOUR, size=0)
    assert judged(sets)["size"].status == "warning"


def test_restore_is_predicted_by_size_and_judged_by_the_runbook(sets: Sets) -> None:
    sets.verify(sets.take(DAY, size=1000), restore_seconds=500)
    sets.take(HOUR, size=2000)
    found = judged(sets)["restore_time"]
    assert (found.status, found.value) == ("warning", 1000.0)
    assert "runbook" in found.limits.source
    assert judged(sets, restore_warning=1200)["restore_time"].status == "ok"


def test_receipt_of_another_manifest_of_that_name_proves_nothing(sets: Sets) -> None:
    one = sets.verify(sets.take(HOUR))
    sets.store.remove(one.id)
    sets.take(HOUR, size=5)
    assert judged(sets)["verified"].status == "critical"


@pytest.mark.parametrize("kind", ["backup_postgres", "backup_redis", "backup_files"])
def test_kind_reads_the_folder_and_gives_each_aspect(sets: Sets, kind: str) -> None:
    sets.take(HOUR)
    probed = KINDS[kind]
    given = with_defaults(
        probed.probe_options,
        {"service": sets.service, "point": sets.backup, "owner": "one", "directory": str(sets.folder)},
    )
    assert [one.aspect for one in probed.run(given)] == list(probed.expected(given)) == list(judge.ASPECTS)
    assert not set(probed.probe_options) & spec.ACTING


def test_folder_that_cannot_be_read_is_an_error_and_not_an_empty_one(sets: Sets) -> None:
    sets.folder.joinpath("proxy.config").write_text("no folder")
    with pytest.raises(OSError, match="Not a directory"):
        judged(sets)
