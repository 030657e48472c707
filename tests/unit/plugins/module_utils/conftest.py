# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Authorities that tests share; making one costs more than using it."""

from __future__ import annotations

import pytest

from tests.support.loopback import Authority, Pair


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The CA that probes are to trust."""
    return Authority(tmp_path_factory.mktemp("authority"), "Test CA")


@pytest.fixture(scope="session")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A CA that no probe trusts."""
    return Authority(tmp_path_factory.mktemp("foreign"), "Foreign CA")


@pytest.fixture(scope="session")
def leaf(authority: Authority) -> Pair:
    """A good certificate of a server on this host."""
    return authority.issue("localhost", "127.0.0.1")
