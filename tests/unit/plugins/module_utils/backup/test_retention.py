# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What stays and what expires: exact lists, and nothing at all where it would be dangerous."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.xorb.runbook.plugins.module_utils._backup.backup_set import BackupSet
from ansible_collections.xorb.runbook.plugins.module_utils._backup.manifest import id_of, time_of
from ansible_collections.xorb.runbook.plugins.module_utils._backup.receipt import Receipt
from ansible_collections.xorb.runbook.plugins.module_utils._backup.retention import Retention, decide
from hypothesis import given, settings
from hypothesis import strategies as st

NOW = time_of("20261130T120000Z")
DAY = 86400.0


def backup_set(days: float, state: str = "verified") -> BackupSet:
    """A set of so many days ago: verified, failed, damaged, or new."""
    name = id_of(NOW - days * DAY)
    receipt = Receipt(name, "", NOW, "h", 1, 1, ("a fault",) if state == "failed" else ())
    known = receipt if state in ("verified", "failed") else None
    return BackupSet(name, Path(name), fault="cut off" if state == "damaged" else "", receipt=known)


def days(names: object) -> list[int]:
    return sorted(round((NOW - time_of(name)) / DAY) for name in names)  # type: ignore[attr-defined]


class TestKept:
    def test_forty_days(self) -> None:
        found = decide([backup_set(day) for day in range(40)], Retention(7, 4, 2), NOW)
        # 30 November 2026 is a Monday: the newest of each week is a Sunday, of October the 31st.
        assert days(found.keeps) == [0, 1, 2, 3, 4, 5, 6, 8, 15, 30]
        assert days(found.expires) == [day for day in range(40) if day not in days(found.keeps)]
        assert not found.refused

    def test_of_one_period_the_verified_one(self) -> None:
        sets = [backup_set(0), backup_set(1.0, "new"), backup_set(1.2)]
        found = decide(sets, Retention(daily=5, weekly=0, monthly=0, minimum_redundancy=1), NOW)
        assert [*found.expires] == [sets[1].id]

    def test_never_below_the_minimum(self) -> None:
        sets = [backup_set(day) for day in (100, 200, 300, 400)]
        found = decide(sets, Retention(0, 0, 0, minimum_redundancy=3), NOW)
        assert days(found.expires) == [400]
        assert days(decide(sets, Retention(0, 0, 0, minimum_redundancy=0), NOW).keeps) == [100]

    def test_nothing_that_is_newer_than_the_newest_verified_one(self) -> None:
        sets = [backup_set(0, "new"), backup_set(0.1, "new"), *(backup_set(day) for day in (1, 2, 3))]
        assert days(decide(sets, Retention(1, 0, 0, 1), NOW).expires) == [2, 3]


class TestRefused:
    def test_a_set_from_the_future(self) -> None:
        found = decide([backup_set(-400), *(backup_set(day) for day in range(40))], Retention(1, 1, 1, 1), NOW)
        assert not found.expires and "is from the future" in found.refused

    def test_none_is_verified(self) -> None:
        found = decide([backup_set(day, "new") for day in range(40)], Retention(1, 0, 0, 1), NOW)
        assert not found.expires and found.refused == "nothing expires: no set has been verified"

    def test_what_is_newer_is_damaged(self) -> None:
        for state in ("failed", "damaged"):
            sets = [backup_set(0, "new"), backup_set(1, state), *(backup_set(day) for day in range(2, 40))]
            found = decide(sets, Retention(1, 0, 0, 1), NOW)
            assert not found.expires and "newer than what is verified, is damaged" in found.refused

    def test_thirty_failing_days(self) -> None:
        good = backup_set(31)
        sets = [good]
        for day in range(30, -1, -1):
            sets.append(backup_set(day, "failed"))
            found = decide(sets, Retention(3, 1, 1, 1), NOW)
            assert good.id in found.keeps and not found.expires

    def test_no_sets_at_all(self) -> None:
        found = decide([], Retention(), NOW)
        assert (found.keeps, found.expires, found.refused) == ({}, {}, "")


@given(
    st.lists(
        st.tuples(st.integers(0, 4000), st.sampled_from(["verified", "new", "failed", "damaged"])),
        max_size=40,
        unique_by=lambda one: one[0],
    ),
    st.tuples(*[st.integers(0, 5)] * 4),
)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_what_always_holds(sets: list[tuple[int, str]], numbers: tuple[int, int, int, int]) -> None:
    every = [backup_set(hours / 24, state) for hours, state in sets]
    found = decide(every, Retention(*numbers), NOW)
    assert sorted([*found.keeps, *found.expires]) == sorted(one.id for one in every)
    verified = [one.id for one in sorted(every, key=lambda one: one.id, reverse=True) if one.verified]
    if found.expires:
        assert not found.refused and verified
    assert not set(verified[: max(1, numbers[3])]) & set(found.expires)
    assert all(one.id <= verified[0] for one in every if one.id in found.expires)
