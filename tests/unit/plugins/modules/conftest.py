# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Modules leave the environment of their process, which is the tests' here."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """Put the environment back after a module has left it."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)
