# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The copy that a restore begins with, where the host has nothing but the description: decided by its manifest alone.

Nothing of the set is brought back until all is known that could refuse its restore: the repository gives the manifest
without it. A set that an earlier run has brought back is not brought back again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...._backup.backup_set import BackupSet
from ...._backup.store import folder_of
from ...._core.text import size, some_of
from ...journal import Journal
from ...progress import Progress
from ..space import Need
from . import fetch
from .fetch import Chosen
from .parameters import source_of
from .site import Site

_NAMED = 3


@dataclass(frozen=True)
class Origin:
    """A set in a repository, as it will be on this host. ``given`` are the options of the copy."""

    given: Mapping[str, Any]
    chosen: Chosen

    @property
    def set(self) -> BackupSet:
        """The set as a restore takes it, whether it is here or not."""
        folder = folder_of(self.given).folder / self.chosen.id
        return BackupSet(self.chosen.id, folder, self.chosen.manifest, self.chosen.manifest_sha256)

    @property
    def is_here(self) -> bool:
        """Whether the set was brought back before. One of that name with another manifest was refused before this."""
        return self.set.folder.is_dir()

    @property
    def label(self) -> str:
        """The copy, as a sentence names it."""
        return f"the copy {self.given['copy']} in {self.given['repository']}"

    def needs(self) -> Iterator[Need]:
        """The room that the set takes here."""
        if not self.is_here:
            yield fetch.needs(Site(self.given, Path("/")), self.chosen, folder_of(self.given))

    def lines(self) -> Iterator[str]:
        """What is brought back, as the operator is shown it."""
        yield (
            f"{self.chosen.id} comes from {self.label}, snapshot {self.chosen.snapshot[:8]}, of the host"
            f" {self.given['host']} ({size(self.chosen.size)})"
        )
        if self.is_here:
            yield f"{self.chosen.id} is on this host already, and is not brought back again"
        if self.chosen.newer:
            yield f"newer copies are left out: {some_of(self.chosen.newer, _NAMED)}"

    def fetch(self, journal: Journal, progress: Progress) -> None:
        """Bring the set back, where it is not here; raises `RunbookError`, and then there is none."""
        if not self.is_here:
            fetch.fetch(self.given, self.chosen, folder_of(self.given), journal, progress)


def find(given: Mapping[str, Any], copy: Mapping[str, Any], name: str, at: float | None) -> Origin:
    """Find the set of a backup in its copy, by questions that take no lock there; see `fetch.choose`."""
    options = source_of(given, copy)
    return Origin(options, fetch.choose(Site(options, Path("/")), name, at))
