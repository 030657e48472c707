# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What copies are worth, and which of them expire: of a record alone, and nothing that was not seen is fine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.offsite.expire import decision
from ansible_collections.xorb.runbook.plugins.module_utils._backup import copies, copy_judge, copy_record
from ansible_collections.xorb.runbook.plugins.module_utils._backup.copy_record import Copy, Proof, Record
from ansible_collections.xorb.runbook.plugins.module_utils._backup.manifest import id_of, time_of
from ansible_collections.xorb.runbook.plugins.module_utils._backup.retention import Retention
from ansible_collections.xorb.runbook.plugins.module_utils._clients.restic import seconds
from ansible_collections.xorb.runbook.plugins.module_utils._clients.restic_address import parse
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import Finding
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from hypothesis import given, settings
from hypothesis import strategies as st

NOW = time_of("20261130T120000Z")
HOUR = 3600.0
DAY = 24 * HOUR
OPTIONS = {name: option.default for name, option in copies.COPY.items()}


def copy(hours: float, snapshot: str = "", fault: str = "") -> Copy:
    name = id_of(NOW - hours * HOUR)
    return Copy(name, snapshot or f"of-{name}", "", 1, NOW, fault)


def record(*there: Copy, **more: Any) -> Record:
    known = Record("/srv/copies", "an-id", NOW - HOUR, there, proofs=(Proof(NOW - HOUR, 1, 10),))
    return replace(known, **more)


def judged(known: Record | None, now: float = NOW) -> dict[str, Finding]:
    return {one.aspect: one for one in copy_judge.judge(known, OPTIONS, now)}


def statuses(known: Record | None, now: float = NOW) -> tuple[str, ...]:
    found = judged(known, now)
    assert tuple(found) == copy_judge.ASPECTS
    return tuple(one.status for one in found.values())


def test_no_record_is_no_copy() -> None:
    assert statuses(None) == ("critical", "unknown")
    assert statuses(Record("/srv/copies", "an-id", NOW)) == ("critical", "unknown")


@pytest.mark.parametrize(("hours", "status"), [(35, "ok"), (37, "warning"), (73, "critical"), (-1, "critical")])
def test_age_of_the_newest_copy(hours: float, status: str) -> None:
    assert statuses(record(copy(hours), copy(100)))[0] == status


def test_incomplete_copy_counts_for_nothing() -> None:
    assert statuses(record(copy(1, fault="a file is missing"), copy(40)))[0] == "warning"
    assert statuses(record(copy(1, fault="a file is missing")))[0] == "critical"


def test_record_that_nothing_renews_turns_bad_by_itself() -> None:
    """Whatever has become of the repository since: what was there is not what is there."""
    known = record(copy(1))
    assert statuses(known, NOW + 36 * HOUR) == ("warning", "ok")
    assert statuses(known, NOW + 4 * DAY) == ("critical", "warning")
    assert statuses(known, NOW + 8 * DAY) == ("critical", "critical")


@pytest.mark.parametrize(
    ("state", "status"),
    [("missing", "critical"), ("replaced", "critical"), ("unreachable", "unknown"), ("wrong_password", "unknown")],
)
def test_repository_that_the_last_run_could_not_work_with(state: str, status: str) -> None:
    found = judged(record(copy(1), state=state, fault="the reason"))["copied"]
    assert (found.status, "the reason" in found.message) == (status, True)


def test_copies_that_have_gone_are_named() -> None:
    gone = copy(30)
    found = judged(record(copy(1), lost=(gone,)))["copied"]
    assert found.status == "critical" and gone.id in found.message


def test_last_check() -> None:
    assert statuses(record(copy(1), proofs=()))[1] == "unknown"
    assert statuses(record(copy(1), proofs=(Proof(NOW - 3 * DAY, 1, 10),)))[1] == "warning"
    assert statuses(record(copy(1), proofs=(Proof(NOW + DAY, 1, 10),)))[1] == "critical"
    found = judged(record(copy(1), proofs=(Proof(NOW, 1, 10, ("pack 1a2b3c4d is damaged",)),)))["copy_proved"]
    assert found.status == "critical" and "pack 1a2b3c4d is damaged" in found.message


def test_share_that_was_read_counts_each_part_once_and_no_old_ones() -> None:
    proofs = [Proof(NOW - days * DAY, part, 4) for days, part in ((40, 3), (5, 1), (4, 2), (1, 1))]
    assert copy_record.share_read(proofs, NOW, 30) == 50.0
    assert copy_record.share_read([*proofs, Proof(NOW, 1, 2)], NOW, 30) == 50.0
    assert copy_record.share_read([*proofs, Proof(NOW, 3, 4, ("damaged",))], NOW, 30) == 50.0


@given(st.integers(1, 256), st.integers(0, 600))
@settings(max_examples=50, deadline=None)
def test_every_part_is_read_in_turn(parts: int, before: int) -> None:
    proofs: list[Proof] = [Proof(NOW, number % parts + 1, parts) for number in range(before)]
    read = []
    for _check in range(parts):
        read.append(copy_record.next_part(proofs, parts))
        proofs.append(Proof(NOW, read[-1], parts))
    assert sorted(read) == list(range(1, parts + 1))
    assert copy_record.share_read(proofs, NOW, 1) == 100.0


@given(st.floats(0.001, 100))
def test_share_is_a_number_of_parts_that_restic_takes(share: float) -> None:
    assert 1 <= copies.parts({"read_share": share}) <= 256


def test_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    more = {"lost": (copy(3),), "clients": (1, 2), "state": "full", "fault": "no"}
    known = record(copy(1), copy(2, fault="a file is missing"), **more)
    copy_record.keep(tmp_path, "offsite", known)
    assert copy_record.read(tmp_path, "offsite") == known
    assert copy_record.read(tmp_path, "other") is None
    path = copy_record.path(tmp_path, "offsite")
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": 9}', '{"format": 1}', "\xff"])
def test_record_that_cannot_be_read_is_none_that_is_missing(tmp_path: Path, text: str) -> None:
    path = copy_record.path(tmp_path, "offsite")
    path.parent.mkdir()
    path.write_text(text, encoding="latin-1")
    with pytest.raises(RunbookError, match=r"offsite\.json"):
        copy_record.read(tmp_path, "offsite")


NEWEST = Retention(daily=0, weekly=0, monthly=0, minimum_redundancy=1)


def test_what_expires_is_named_by_its_snapshots() -> None:
    known = record(copy(1, "a"), copy(30, "b"), copy(60, "c"))
    assert set(decision(known, (), NEWEST, NOW).expires) == {"b", "c"}


def test_half_copy_and_second_copy_expire_beside_a_whole_one() -> None:
    half, alone = copy(1, "half", "a file is missing"), copy(30, "half-alone", "a file is missing")
    known = record(copy(1, "whole"), half, copy(1, "again"), alone)
    found = decision(known, (), Retention(), NOW)
    assert set(found.expires) - {"whole", "again"} == {"half"}
    assert len(found.expires) == 2


@pytest.mark.parametrize(
    "more",
    [
        {"lost": (copy(80),)},
        {"proofs": (Proof(NOW, 1, 10, ("pack 1a2b3c4d is damaged",)),)},
        {"asked_at": NOW + DAY},
        {"copies": (copy(-48), copy(30))},
    ],
)
def test_nothing_expires_where_it_would_be_dangerous(more: dict[str, Any]) -> None:
    found = decision(record(copy(1), copy(30), copy(60), **({} if "copies" in more else more)), (), NEWEST, NOW)
    if "copies" in more:
        found = decision(record(*more["copies"]), (), NEWEST, NOW)
    assert found.expires == {} and found.refused.startswith("nothing expires: ")


@given(st.lists(st.tuples(st.integers(0, 4000), st.booleans()), max_size=30, unique_by=lambda one: one[0]))
@settings(max_examples=100, deadline=None)
def test_the_newest_whole_copy_always_stays(there: list[tuple[int, bool]]) -> None:
    known = record(*(copy(hours, fault="" if whole else "half") for hours, whole in there))
    whole = [one for one in known.copies if one.verified]
    found = decision(known, (), NEWEST, NOW)
    left = [one for one in whole if one.snapshot not in found.expires]
    assert bool(left) == bool(whole)
    if whole:
        assert max(whole, key=lambda one: one.id) in left


@pytest.mark.parametrize(
    ("text", "scheme", "login"),
    [
        ("/srv/copies", "folder", ("", "", 22)),
        ("sftp:copies@vault.example.org:/srv/copies", "sftp", ("copies", "vault.example.org", 22)),
        ("sftp:copies@vault:in/home", "sftp", ("copies", "vault", 22)),
        ("sftp://copies@vault:2222//srv/copies", "sftp", ("copies", "vault", 2222)),
        ("sftp://copies@[::1]:2222//srv/copies", "sftp", ("copies", "::1", 2222)),
        ("s3:https://s3.example.org/bucket/a", "s3", ("", "", 22)),
        ("s3:s3.amazonaws.com/bucket", "s3", ("", "", 22)),
    ],
)
def test_address(text: str, scheme: str, login: tuple[str, str, int]) -> None:
    found = parse(text)
    assert (found.scheme, (found.user, found.host, found.port), found.text) == (scheme, login, text)


@pytest.mark.parametrize(
    "text",
    [
        "", "relative", "rest:http://a/b", "sftp:vault:/srv", "sftp:a@-oProxyCommand=x:/srv", "sftp:-l@vault:/srv",
        "s3:https://key:secret@host/bucket", "s3:host", "/srv/a\nb", "rclone:a:b", "sftp://a@vault:99999999//srv",
    ],
)  # fmt: skip
def test_address_that_is_of_no_use(text: str) -> None:
    with pytest.raises(RunbookError, match="expected an absolute path"):
        parse(text)


def test_times_of_restic() -> None:
    assert seconds("2026-11-30T12:00:00.123456789Z") == NOW
    assert seconds("2026-11-30T14:30:00+02:30") == seconds("2026-11-30T10:00:00-02:00") == NOW
    with pytest.raises(RunbookError, match="expected a time"):
        seconds("yesterday")
