# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.testbed import credentials, layout
from tests.testbed.layout import Bed


@pytest.fixture
def bed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Bed:
    monkeypatch.setattr(layout, "BUILD", tmp_path)
    return layout.bed_named("demo")


def test_ensure_makes_private_files_with_long_url_safe_values(bed: Bed) -> None:
    assert credentials.ensure(bed) == list(credentials.NAMES)
    assert stat.S_IMODE(bed.secrets_directory.stat().st_mode) == 0o700
    values = []
    for name in credentials.NAMES:
        path = bed.secrets_directory / name
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        values.append(path.read_text(encoding="utf-8"))
    assert len(set(values)) == len(values)
    assert all(len(value) >= 24 and value.replace("-", "").replace("_", "").isalnum() for value in values)


def test_ensure_keeps_what_is_there_and_closes_it_again(bed: Bed) -> None:
    credentials.ensure(bed)
    path = bed.secrets_directory / credentials.NAMES[0]
    before = path.read_text(encoding="utf-8")
    path.chmod(0o644)
    bed.secrets_directory.chmod(0o755)
    assert credentials.ensure(bed) == []
    assert path.read_text(encoding="utf-8") == before
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(bed.secrets_directory.stat().st_mode) == 0o700
