# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The passwords of a bed: random, made once on each machine, readable by their owner only."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from tests.testbed.layout import Bed

NAMES = (
    "postgres_password",
    "postgres_monitor_password",
    "redis_password",
    "redis_monitor_password",
    "api_token",
    "api_viewer_token",
    "api_expired_token",
    "copies_password",
)


def ensure(bed: Bed) -> list[str]:
    """Make the files that are missing; returns their names."""
    directory = bed.secrets_directory
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o700)
    return [name for name in NAMES if _make(directory / name)]


def _make(path: Path) -> bool:
    if path.exists():
        path.chmod(0o600)
        return False
    # Created with its final mode: a chmod afterwards would leave a moment in which others can read.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(secrets.token_urlsafe(24))
    return True
