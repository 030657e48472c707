# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sets that are brought back: byte for byte what they were, or not at all, and nothing is written where they are."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import pytest
from ansible_collections.xorb.runbook.plugins.modules import backup_set_fetch, backup_set_verify

from tests.support.backup_jobs import worked
from tests.support.copies import Copies
from tests.support.modules import run_module


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture
def lost(site: Copies) -> tuple[Copies, str, dict[str, str]]:
    """A host that has nothing any more of what was copied: no set, no record, and no journal."""
    name = site.initialized()
    before = digests(site.store.folder / name)
    shutil.rmtree(site.store.folder)
    shutil.rmtree(site.folder / "state")
    return site, name, before


def test_newest_set_comes_back_where_it_was_and_is_verified_then(lost: tuple[Copies, str, dict[str, str]]) -> None:
    site, name, before = lost
    there = digests(site.repository)
    chosen = run_module(backup_set_fetch, only_plan=True, **site.given)["chosen"]
    assert (chosen["id"], Path(chosen["folder"])) == (name, site.store.folder / name)
    done = site.fetch()
    assert not done.get("failed"), done
    assert digests(site.store.folder / name) == before
    for parent, folders, files in os.walk(site.store.folder):
        assert {(Path(parent) / one).stat().st_mode & 0o777 for one in folders} <= {0o700}
        assert {(Path(parent) / one).stat().st_mode & 0o777 for one in files} <= {0o600}
    assert done["set"]["verified"] is False
    assert worked(backup_set_verify, **site.backup)["receipts"][0]["faults"] == []
    assert digests(site.repository) == there, "nothing is written where it came from"


def test_set_is_chosen_by_its_name(site: Copies) -> None:
    first = site.initialized()
    second = site.take()
    site.copy()
    elsewhere = str(site.folder / "elsewhere")
    assert site.fetch(set=first, folder=elsewhere)["set"]["id"] == first
    assert site.fetch(folder=elsewhere)["set"]["id"] == second
    again = site.fetch(folder=elsewhere)
    assert again["failed"] and "there is a set of that name already" in again["msg"]
    missing = site.fetch(set="20010101T000000Z", folder=elsewhere)
    assert missing["failed"] and "there is no copy of the set 20010101T000000Z" in missing["msg"]
    assert second in missing["msg"]


def test_set_of_another_host_or_backup_is_none(lost: tuple[Copies, str, dict[str, str]]) -> None:
    site, _name, _before = lost
    for names in ({"host": "two"}, {"backup": "other"}, {"platform": "another"}):
        done = site.fetch(**names)
        assert done["failed"] and "there is no copy of any set" in done["msg"]


def test_what_comes_back_damaged_is_no_set(lost: tuple[Copies, str, dict[str, str]]) -> None:
    """Restic itself would say so; a program in its place changes a byte after it has ended."""
    site, name, _before = lost
    path = site.folder / "commands/restic"
    flips = f"find {site.store.folder} -name '*.tar*' -exec sh -c 'printf x | dd of=$0 bs=1 conv=notrunc 2>&1' {{}} ';'"
    path.write_text(
        path.read_text().replace("exec ", "").rstrip()
        + f' || exit\ncase " $* " in *" restore "*) {flips} >&2 ;; esac\n'
    )
    done = site.fetch()
    assert done["failed"] and f"{name}: what came back is damaged" in done["msg"], done
    assert site.store.sets() == [] and site.store.left_over() == []


def test_repository_in_the_place_of_another_gives_nothing(site: Copies) -> None:
    site.initialized()
    site.repository.rename(site.folder / "first")
    site.restic("init")
    done = site.fetch(folder=str(site.folder / "elsewhere"))
    assert done["failed"] and "is another repository than the one that this host has used" in done["msg"]
