# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Copies in real repositories: what is copied, when it is checked, and what its checks say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import copies
from tests.support.copies import Copies


@pytest.fixture(params=["folder", "sftp", "s3"])
def anywhere(site: Copies, request: pytest.FixtureRequest) -> Iterator[Copies]:
    if request.param == "folder":
        yield site
        return
    with getattr(copies, request.param)() as (access, folder):
        site.access, site.repository = access, folder
        yield site


def test_verified_set_is_copied_once_wherever_the_repository_is(anywhere: Copies) -> None:
    assert anywhere.statuses() == {"copied": "critical", "copy_proved": "unknown"}
    name = anywhere.initialized()
    assert anywhere.copied() == [name]
    (first,) = anywhere.record.copies
    assert first.snapshot == anywhere.snapshots()[0]["id"]
    assert anywhere.statuses() == {"copied": "ok", "copy_proved": "ok"}
    assert "10 % of its data was read in the last 30 days" in anywhere.findings()["copy_proved"].message

    again = anywhere.copy()
    assert (again["changed"], again["copied"], again["proof"]) == (False, [], {})
    assert anywhere.copied() == [name]
    assert anywhere.record.copies == (first,), "what was compared is not compared again"
    assert not list((anywhere.repository / "locks").iterdir())

    back = anywhere.fetch(folder=str(anywhere.folder / "elsewhere"))
    assert not back.get("failed"), back
    for path in sorted((anywhere.store.folder / name).rglob("*")):
        there = Path(back["folder"]) / path.relative_to(anywhere.store.folder / name)
        assert path.is_dir() or there.read_bytes() == path.read_bytes()


def test_snapshots_have_fixed_path_and_host_and_say_what_they_are_of(site: Copies) -> None:
    first = site.initialized()
    second = site.take()
    assert [one["id"] for one in site.copy()["copied"]] == [second]
    found = site.snapshots()
    assert {tuple(one["paths"]) for one in found} == {(str(site.store.folder),)}
    assert {one["hostname"] for one in found} == {"one"}
    tags = [sorted(one["tags"]) for one in found]
    assert [[tag for tag in one if not tag.startswith("restored_in:")] for one in tags] == [
        ["backup:config", "platform:lab", "service:proxy", f"set:{name}"] for name in (first, second)
    ]
    receipt = site.store.find(second).receipt
    assert receipt and f"restored_in:{receipt.restore_seconds:.3f}" in tags[1]
    listed = [json.loads(line) for line in site.restic("ls", "--json", found[1]["id"]).splitlines()]
    files = {one["path"] for one in listed if one.get("type") == "file"}
    assert files == {str(path) for path in (site.store.folder / second).rglob("*") if path.is_file()}


def test_what_is_not_verified_is_not_copied(site: Copies) -> None:
    site.initialized()
    site.take(verified=False)
    assert site.plan()["due"] == []
    assert site.copy()["copied"] == []


def test_preview_shows_what_is_done_then_and_changes_nothing(site: Copies) -> None:
    name = site.take()
    preview = site.plan(initialize=True)
    assert [one["id"] for one in preview["due"]] == [name]
    assert preview["initializes"] and preview["checks"]
    assert not site.repository.exists()
    assert not (site.store.folder / ".copies").exists()


def test_set_that_has_rotted_since_it_was_verified_is_not_copied(site: Copies) -> None:
    site.initialized()
    name = site.take()
    stored = next(path for path in sorted((site.store.folder / name).iterdir()) if path.name != "manifest.json")
    data = bytearray(stored.read_bytes())
    data[len(data) // 2] ^= 1
    stored.write_bytes(data)
    done = site.copy()
    assert done["failed"] and f"{name}: is not copied: {stored.name}: is not as it was written" in done["msg"]
    assert name not in site.copied()


def test_check_reads_the_next_part_when_it_is_due(site: Copies) -> None:
    site.options = {"read_share": 50}
    site.initialized()
    assert (site.record.proofs[0].part, site.record.proofs[0].parts) == (1, 2)
    assert site.copy()["proof"] == {}
    assert site.copy(check=True)["proof"]["part"] == 2
    assert "100 % of its data was read" in site.findings()["copy_proved"].message
    assert site.copy(check_every=0.000001)["proof"]["part"] == 1


def test_copies_expire_by_name_and_never_the_last(site: Copies) -> None:
    first = site.initialized()
    second, third = site.take(), site.take()
    site.copy()
    site.options = {"keep": {"daily": 0, "weekly": 0, "monthly": 0, "minimum_redundancy": 1}}
    preview = site.plan()
    assert [one["id"] for one in preview["expires"]] == sorted([first, second], key=_snapshots(site).get)  # type: ignore[arg-type]
    assert site.copy()["expired"] == []
    assert site.copied() == [first, second, third]
    shown = [one["snapshot"] for one in preview["expires"]]
    assert {one["id"] for one in site.copy(expires=shown)["expired"]} == {first, second}
    assert site.copied() == [third]
    # Nor are they copied again, as the rule would not keep them.
    assert site.copy()["copied"] == []
    assert site.copy(expires=[_snapshots(site)[third]])["expired"] == []
    assert site.statuses() == {"copied": "ok", "copy_proved": "ok"}


def _snapshots(site: Copies) -> dict[str, str]:
    return {one.id: one.snapshot for one in site.record.copies}


def test_one_backup_leaves_the_snapshots_of_others_alone(site: Copies) -> None:
    first = site.initialized()
    site.restic("backup", "--host", "other", "--tag", f"set:{first}", str(site.folder / "etc"))
    site.take()
    site.copy()
    site.options = {"keep": {"daily": 0, "weekly": 0, "monthly": 0, "minimum_redundancy": 1}}
    site.copy(expires=[one["id"] for one in site.snapshots()])
    assert sorted(one["hostname"] for one in site.snapshots()) == ["one", "other"]


def test_secrets_are_in_no_argument_and_in_no_file(site: Copies) -> None:
    """What restic is run with, by a program in its place that writes down its arguments and goes on as restic."""
    seen, site.kept = site.folder / "seen", None
    path = site.folder / "commands/restic"
    real = path.read_text()
    path.write_text(real.replace("#!/bin/sh\n", f'#!/bin/sh\ntr "\\0" "\\n" < /proc/$$/cmdline >> {seen}\n'))
    site.initialized()
    assert seen.read_text()
    for one in [seen, *(path for path in site.store.folder.parent.rglob("*") if path.is_file())]:
        assert copies.PASSWORD.encode() not in one.read_bytes(), one
    for one in (path for path in (site.folder / "state").rglob("*") if path.is_file()):
        assert copies.PASSWORD.encode() not in one.read_bytes(), one


def test_options_that_make_no_sense_are_named(site: Copies) -> None:
    site.take()
    faults: dict[str, dict[str, Any]] = {
        "repository: expected an absolute path, sftp:": {"repository": "rest:http://localhost/"},
        "identity: missing; sftp needs it": {"repository": "sftp:a@b:/c"},
        "access_key_id: missing; s3 needs it": {"repository": "s3:http://localhost/bucket/a"},
        "read_share: expected a number": {"read_share": 0},
    }
    for message, options in faults.items():
        assert message in site.plan(**options)["msg"]
