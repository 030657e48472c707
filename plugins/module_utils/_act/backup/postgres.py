# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Backups of PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..._backup.manifest import Manifest
from ..progress import Progress
from .engine import Forecast, Proof, Taken


class PostgresEngine:
    """See `engine.Engine`."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given

    def forecast(self) -> Forecast:
        raise NotImplementedError

    def take(self, folder: Path, progress: Progress) -> Taken:
        raise NotImplementedError

    def prove(self, plain: Path, manifest: Manifest, scratch: Path, progress: Progress) -> Proof:
        raise NotImplementedError
