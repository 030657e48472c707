# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A small CA for the tests of what works with one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from ansible_collections.xorb.runbook.plugins.plugin_utils._pki.authority import Authority

from tests.support.authorities import made, opened


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CA to copy, since making one takes longer."""
    directory = tmp_path_factory.mktemp("template") / "ca"
    assert made(directory).outcome == "created"
    return directory


@pytest.fixture
def directory(template: Path, tmp_path: Path) -> Path:
    """The directory of a CA."""
    copy = tmp_path / "ca"
    shutil.copytree(template, copy, symlinks=True)
    made(copy)  # openssl.cnf names the folder
    return copy


@pytest.fixture
def authority(directory: Path) -> Authority:
    """The CA in it."""
    return opened(directory)
