# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module that reads a set for another host."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.modules import backup_set, backup_set_read

from tests.support import backup_jobs
from tests.support.backup_jobs import worked
from tests.support.modules import run_module


@pytest.fixture
def given(tmp_path: Path) -> dict[str, Any]:
    made = backup_jobs.files(tmp_path)
    name = worked(backup_set, **made)["set"]["id"]
    return {"service": "proxy", "backup": "config", "directory": made["files"]["directory"], "set": name}


def test_manifest_is_as_it_is_stored_and_pieces_are_the_files_in_its_order(given: dict[str, Any]) -> None:
    folder = Path(given["directory"], "proxy.config", given["set"])
    read = run_module(backup_set_read, **given)
    assert read["manifest"] == (folder / "manifest.json").read_text() and not read["changed"]
    pieces, done = b"", 0
    while data := base64.b64decode(run_module(backup_set_read, **given, offset=done, size=100)["data"]):
        pieces, done = pieces + data, done + len(data)
    assert pieces == b"".join((folder / name).read_bytes() for name in _names(read["manifest"]))


def test_set_that_is_not_there_or_damaged_is_refused(given: dict[str, Any]) -> None:
    missing = run_module(backup_set_read, **{**given, "set": "../../etc"})
    assert missing["failed"] and "has no set '../../etc'" in missing["msg"]
    Path(given["directory"], "proxy.config", given["set"], "manifest.json").write_text("{}")
    damaged = run_module(backup_set_read, **given, offset=0)
    assert damaged["failed"] and "the manifest is no JSON with a digest of itself" in damaged["msg"]


def _names(manifest: str) -> list[str]:
    return [one["path"] for one in json.loads(manifest)["files"]]
