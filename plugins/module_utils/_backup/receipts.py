# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The receipts of the sets of one backup, wherever the sets are: a file of each, beside one another."""

from __future__ import annotations

from pathlib import Path

from .._core.errors import RunbookError
from . import private
from . import receipt as receipts
from .receipt import Receipt

_FOLDER = ".receipts"


class Receipts:
    """The receipts below the folder of a backup. Reading changes nothing, not even by making the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / _FOLDER

    def of(self, name: str, digest: str) -> Receipt | None:
        """The receipt of a set whose manifest has a digest; that of another set of this name is none."""
        try:
            found = receipts.parse(self._path(name).read_text(encoding="ascii"))
        except (OSError, ValueError, RunbookError):
            return None
        return found if (found.id, found.manifest_sha256) == (name, digest) else None

    def keep(self, receipt: Receipt) -> None:
        """Keep the receipt of a verification, in the place of an earlier one of the same set."""
        private.replace(self._path(receipt.id), receipt.to_text())

    def forget(self, name: str) -> None:
        """Remove the receipt of a set that is gone."""
        self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"
