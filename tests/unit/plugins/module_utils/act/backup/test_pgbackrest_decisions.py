# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is decided of pgBackRest's sets, without any of its programs: WAL, types, settings, manifests, sequences."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, ClassVar

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._act import journal as journals
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup import create
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.pgbackrest import (
    contents,
    positions,
    settings,
    types,
    wal,
)
from ansible_collections.xorb.runbook.plugins.module_utils._backup import spec
from ansible_collections.xorb.runbook.plugins.module_utils._backup.backup_set import BackupSet
from ansible_collections.xorb.runbook.plugins.module_utils._backup.receipt import Receipt
from ansible_collections.xorb.runbook.plugins.module_utils._backup.repository import RepositoryManifest, RepositorySet
from ansible_collections.xorb.runbook.plugins.module_utils._backup.retention import Retention, decide
from ansible_collections.xorb.runbook.plugins.module_utils._clients.pgbackrest import Stanza, reason
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from hypothesis import given as generated
from hypothesis import strategies as st

MB = 1 << 20
SIZE = 16 * MB
NOW = 1796031900.0
DAY = 86400
STANZA = Stanza("main", "/etc/pgbackrest.conf", "postgres")


def set_of(age_days: float, kind: str, *needs: str, state: str = "") -> RepositorySet:
    """A set that was begun so many days ago; ``state`` is verified or failed."""
    begin = NOW - age_days * DAY
    label = time.strftime("%Y%m%d-%H%M%SF", time.gmtime(begin))
    manifest = RepositoryManifest(
        id=label, platform="", service="db", backup="whole", host="", kind="postgres", engine="pgbackrest",
        begin=begin, end=begin + 60, content={"type": kind, "repo": 1, "encrypted": False},
    )  # fmt: skip
    receipt = Receipt(label, "", NOW, "h", 1, 1, ("bad",) if state == "failed" else ()) if state else None
    return RepositorySet(label, Path(), manifest, receipt=receipt, needs=needs)


class TestWal:
    @generated(st.sampled_from([1, 16, 64, 1024]), st.integers(1, 9), st.integers(0, 1 << 40), st.integers(0, 40))
    def test_segments_follow_one_another(self, megabytes: int, timeline: int, start: int, count: int) -> None:
        size = megabytes * MB
        first = str(wal.Segment(timeline, start % (1 << 32), size))
        names = wal.between(first, str(wal.Segment(timeline, start % (1 << 32) + count, size)), size)
        assert len(names) == len(set(names)) == count + 1
        assert names == sorted(names)
        assert [str(wal.Segment.of(name, size)) for name in names] == names

    def test_the_log_ends_after_256_segments_of_16_mb(self) -> None:
        assert wal.between("0000000100000000000000FE", "000000010000000100000001", SIZE) == [
            "0000000100000000000000FE", "0000000100000000000000FF", "000000010000000100000000",
            "000000010000000100000001",
        ]  # fmt: skip

    @pytest.mark.parametrize("last", ["000000020000000000000003", "000000010000000000000001", "nothing"])
    def test_wal_that_does_not_lead_there(self, last: str) -> None:
        with pytest.raises(ValueError, match=last):
            wal.between("000000010000000000000002", last, SIZE)

    @generated(st.sets(st.integers(0, 60)), st.integers(0, 60))
    def test_reach_is_as_far_as_nothing_is_missing(self, there: set[int], start: int) -> None:
        archived = {str(wal.Segment(1, number, SIZE)): float(number) for number in there}
        found = wal.reach(archived, str(wal.Segment(1, start, SIZE)), SIZE)
        without_gap = 0
        while start + without_gap in there:
            without_gap += 1
        if without_gap:
            assert wal.Segment.of(found.last, SIZE).number == start + without_gap - 1 == found.archived_at
        missing = [number for number in range(start, max(there, default=0)) if number not in there]
        assert bool(found.hole) == bool(missing or not without_gap)

    def test_a_hole_is_named_by_both_its_ends(self) -> None:
        archived = {str(wal.Segment(1, number, SIZE)): 5.0 for number in (2, 3, 6, 7)}
        found = wal.reach({**archived, "00000002.history": 1.0}, "000000010000000000000002", SIZE)
        assert found.last == "000000010000000000000003"
        expected = "WAL is missing from the archive: 000000010000000000000004 to 000000010000000000000005"
        assert found.hole == expected

    def test_another_timeline_goes_on(self) -> None:
        archived = {"000000010000000000000002": 1.0, "000000020000000000000003": 2.0}
        assert wal.reach(archived, "000000010000000000000002", SIZE).last.endswith("03")

    def test_forks_of_a_history(self) -> None:
        text = "1\t0/5000000\tno recovery target specified\n\n2\t1/60\tbefore 2026-11-30\n"
        assert list(wal.forks(text.splitlines())) == [(1, 0x5000000), (2, (1 << 32) + 0x60)]


class TestTypes:
    RULE: ClassVar = {"full_days": 7.0, "diff_days": 1.0}

    @pytest.mark.parametrize(
        ("sets", "expected"),
        [
            ([], "full"),
            ([set_of(0.5, "full")], "incr"),
            ([set_of(7, "full")], "full"),
            ([set_of(2, "full")], "diff"),
            ([set_of(0.2, "incr", "x"), set_of(0.5, "diff", "x"), set_of(3, "full")], "incr"),
            ([set_of(0.2, "incr", "x"), set_of(1.5, "diff", "x"), set_of(3, "full")], "diff"),
            ([set_of(0.5, "full", state="failed")], "full"),
            ([set_of(0.5, "full", state="failed"), set_of(3, "full")], "full"),
            ([set_of(0.2, "incr", "x", state="failed"), set_of(0.5, "full")], "diff"),
            ([set_of(0.2, "diff", "x", state="failed"), set_of(0.5, "full")], "diff"),
        ],
    )
    def test_type(self, sets: list[BackupSet], expected: str) -> None:
        assert types.next_type(sets, self.RULE, NOW)[0] == expected


class TestRetention:
    def test_a_set_stays_as_long_as_another_needs_it(self) -> None:
        full, old = set_of(40, "full", state="verified"), set_of(80, "full", state="verified")
        newest = set_of(0, "incr", full.id, state="verified")
        rule = Retention(daily=1, weekly=0, monthly=0, minimum_redundancy=1)
        expiry = decide([newest, full, old], rule, NOW)
        assert expiry.keeps[full.id] == f"{newest.id} cannot be restored without it"
        assert set(expiry.expires) == {old.id}

    def test_every_set_is_kept_or_expires(self) -> None:
        sets = [set_of(age, "full", state="verified") for age in range(60)]
        expiry = decide(sets, Retention(), NOW)
        assert not set(expiry.keeps) & set(expiry.expires)
        assert len(expiry.keeps) + len(expiry.expires) == len(sets)


class TestSettings:
    GOOD: ClassVar = {
        "wal_level": "replica",
        "archive_mode": "on",
        "archive_command": "pgbackrest --stanza=main archive-push %p",
        "archive_library": "",
        "data_checksums": "on",
    }

    def refused(self, failing: str = "", **changed: str) -> list[str]:
        return list(settings.refused(settings.Archiving({**self.GOOD, **changed}, failing), STANZA))

    def test_good(self) -> None:
        assert self.refused() == [] and list(settings.unknown(self.GOOD)) == []

    @pytest.mark.parametrize(
        ("name", "value", "change"),
        [
            ("wal_level", "minimal", "ALTER SYSTEM SET wal_level = 'replica'; then restart the server"),
            ("archive_mode", "off", "ALTER SYSTEM SET archive_mode = 'on'; then restart the server"),
            (
                "archive_library",
                "basic_archive",
                "ALTER SYSTEM SET archive_library = ''; then SELECT pg_reload_conf();",
            ),
            ("archive_command", "", "archive-push %p'; then SELECT pg_reload_conf();"),
            ("archive_command", "(disabled)", "archive_command is empty"),
            ("archive_command", "cp %p /srv/wal/%f", "hands nothing to pgBackRest"),
            ("archive_command", "pgbackrest --stanza=other archive-push %p", "into the stanza 'other'"),
            ("archive_command", "pgbackrest --stanza other archive-push %p", "into the stanza 'other'"),
        ],
    )
    def test_the_change_that_is_needed_is_shown(self, name: str, value: str, change: str) -> None:
        (one,) = self.refused(**{name: value})
        assert change in one

    def test_an_archive_that_takes_nothing(self) -> None:
        assert "000000010000000000000007" in self.refused("000000010000000000000007")[0]

    def test_without_checksums(self) -> None:
        (one,) = settings.unknown({**self.GOOD, "data_checksums": "off"})
        assert "is not known" in one


class TestContents:
    TEXT = """[backrest]
backrest-checksum="0123"
backrest-version="2.45"

[backup:option]
option-checksum-page=true

[backup:target]
pg_data={"path":"/srv/pg","type":"path"}
pg_tblspc/16385={"path":"/srv/a={b","tablespace-id":"16385","tablespace-name":"a b","type":"link"}

[db]
we={"ird={"db-id":16384,"db-last-system-id":13000}
postgres={"db-id":5,"db-last-system-id":13000}

[target:file]
pg_data/PG_VERSION={"checksum":"aa","size":3,"timestamp":1}
pg_data/base/5/16384={"checksum":"bb","checksum-page":false,"checksum-page-error":[2],"size":8192,"timestamp":1}
pg_data/base/5/16385={"checksum":"bb","checksum-page":true,"size":8192,"timestamp":1}
"""

    def test_all_that_counts(self) -> None:
        found = contents.parse(self.TEXT.splitlines(keepends=True))
        assert (found.checksum, found.checked) == ("0123", True)
        assert found.tablespaces == {"a b": "/srv/a={b"}
        assert found.databases == ('we={"ird', "postgres")
        assert found.damaged == ("base/5/16384",)

    @pytest.mark.parametrize("text", ["", "hello", "[backrest]\nbackrest-checksum=x\n", "[db]\n=\n"])
    def test_what_is_no_manifest(self, text: str) -> None:
        with pytest.raises(RunbookError):
            contents.parse(text.splitlines(keepends=True))


class TestPositions:
    @pytest.mark.parametrize(
        ("before", "after", "found", "wrong"),
        [
            (5, 5, 5, ""),
            (5, 5, 37, ""),
            (5, 5, 38, "was at 5 after"),
            (5, 5, 4, "was at 5 before"),
            (5, 900, 400, ""),
            (5, 900, 933, "was at 900 after"),
            (900, 3, 1, ""),  # it was set back meanwhile
        ],
    )
    def test_a_copy_may_be_ahead_and_never_behind(self, before: int, after: int, found: int, wrong: str) -> None:
        def seen(value: int) -> dict[str, Any]:
            return {"app": {"s": [value, True]}}

        faults = list(positions.faults(seen(before), seen(after), seen(found)))
        assert [wrong in one for one in faults] == ([True] if wrong else [])

    def test_what_was_seen_is_kept(self, tmp_path: Path) -> None:
        assert positions.kept(tmp_path, "a") is None
        positions.keep(tmp_path, "a", {"x": {"s": [1, True]}}, {})
        positions.keep(tmp_path, "b", {}, {})
        assert positions.kept(tmp_path, "a") == ({"x": {"s": [1, True]}}, {})
        positions.forget(tmp_path, ["b"])
        assert positions.kept(tmp_path, "a") is None and positions.kept(tmp_path, "b") is not None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"engine": "dump", "databases": ["a"]}, []),
        ({"engine": "dump"}, ["databases"]),
        ({"engine": "dump", "databases": ["a"], "repository": {"stanza": "main"}}, ["repository"]),
        ({"engine": "pgbackrest"}, ["repository"]),
        ({"engine": "pgbackrest", "repository": {"stanza": "main"}}, []),
        ({"engine": "pgbackrest", "repository": {"stanza": "main"}, "databases": ["a"]}, ["databases"]),
        ({"engine": "pgbackrest", "repository": {"stanza": "main"}, "recipients": ["age1x"]}, ["recipients"]),
        ({"engine": "pgbackrest", "repository": {"stanza": "main"}, "verify_on": "spare"}, ["verify_on"]),
    ],
)
def test_what_a_description_cannot_mean(given: dict[str, Any], expected: list[str]) -> None:
    assert [name for name, message in spec.check(given) if not message.startswith("expected a public key")] == expected


@pytest.mark.parametrize(
    ("complaint", "expected"),
    [
        ("ERROR: [055]: unable to open\n       HINT: is it there?\n", "unable to open HINT: is it there?"),
        (
            "WARN: x\nERROR: [037]: backup command requires option: repo1-path",
            "backup command requires option: repo1-path",
        ),
        ("", "no reason was given"),
        ("killed", "killed"),
    ],
)
def test_reason(complaint: str, expected: str) -> None:
    assert reason(complaint) == expected


def test_a_repository_that_cannot_be_asked_keeps_no_other_backup_waiting(tmp_path: Path) -> None:
    repository = {"stanza": "none", "config": str(tmp_path / "none.conf"), "os_user": "root"}
    folder = str(tmp_path / "postgres.main")
    needs = {"folder": folder, "repository": repository, "id": "20261130T094500Z", "container": ""}
    with journals.locked(tmp_path / "state", what="test", operator="test") as journal:
        journal.begin(create.PROCEDURE, "postgres.main", needs)
        ended, left = journals.recover(journal, create.RECOVERIES)
    assert ended == [] and [entry.subject for entry in left] == ["postgres.main"]
