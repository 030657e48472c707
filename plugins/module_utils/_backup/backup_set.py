# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A set of a backup, and what every place can do that has sets, whoever wrote them there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from .._core.errors import RunbookError
from . import manifest as manifests
from .manifest import Manifest
from .receipt import Receipt


@dataclass(frozen=True)
class BackupSet:
    """A set that there is. One whose manifest is damaged has a ``fault`` and no manifest.

    ``receipt`` is that of its last verification, if that was of this very manifest. ``needs`` are the sets without
    which it cannot be restored.
    """

    id: str
    folder: Path
    manifest: Manifest | None = None
    manifest_sha256: str = ""
    fault: str = ""
    receipt: Receipt | None = None
    needs: tuple[str, ...] = ()

    @property
    def begin(self) -> float:
        """When it was begun, in seconds since 1970."""
        return manifests.time_of(self.id)

    @property
    def earliest(self) -> float:
        """The earliest time whose state can be restored from it, in seconds since 1970."""
        return self.begin

    @property
    def verified(self) -> bool:
        """Whether it has been restored, and was what its manifest says."""
        return bool(self.receipt and self.receipt.passed and not self.fault)

    @property
    def failed(self) -> bool:
        """Whether something is known to be wrong with it."""
        return bool(self.fault or (self.receipt and not self.receipt.passed))


class SetStore(Protocol):
    """Where the sets of one backup are. Reading changes nothing."""

    @property
    def place(self) -> str:
        """Where that is, as a sentence names it."""

    @property
    def address(self) -> Mapping[str, Any]:
        """The same as the journal keeps it; see `stores.at`."""

    def could_be(self, name: str) -> bool:
        """Whether a name is one that a set here, or the making of one, can have: whatever else it is, it is no path."""

    def sets(self) -> list[BackupSet]:
        """Every set, the newest first. Raises OSError or `RunbookError` where that cannot be found out."""

    def find(self, name: str) -> BackupSet:
        """The set of a name; raises `RunbookError` where there is none."""

    def left_over(self) -> Sequence[Path]:
        """What runs that were killed have left, where it can be seen: folders that are no sets."""

    def record(self, receipt: Receipt) -> None:
        """Keep the receipt of a verification, in the place of an earlier one of the same set."""

    def remove(self, name: str) -> None:
        """Remove a set, so that it is whole or gone whenever this is cut off."""

    def settle_made(self, name: str) -> str:
        """End the making of a set that was cut off: its id where it is there as a whole, and empty where it is not."""

    def settle_removed(self, name: str) -> bool:
        """End the removal of a set that was cut off; whether it is gone."""


def found(sets: Sequence[BackupSet], name: str, place: str) -> BackupSet:
    """The set of a name among others, the newest first; raises `RunbookError` where there is none."""
    for one in sets:
        if one.id == name:
            return one
    known = ", ".join(one.id for one in sets[:5]) or "none"
    raise RunbookError(f"{place} has no set {name!r}; the newest are: {known}")
