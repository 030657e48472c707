# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How the sets of a backup come to their place, and out of it again: what is around an engine, or another program's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from ..._backup.backup_set import BackupSet
from ..._backup.manifest import Manifest
from ..journal import Entry
from ..progress import Progress
from .engine import Forecast, Proof


class Method(Protocol):
    """Made of the options of a backup; see `methods.method_of`."""

    def forecast(self) -> Forecast:
        """What a set would hold, and why it cannot be taken. Changes nothing; raises `RunbookError`."""

    def make(self, name: str, begin: float, entry: Entry, progress: Progress) -> Manifest:
        """Take a set, under a name or so that its store knows it by that one; see `SetStore.settle_made`.

        Raises `RunbookError`, and then there is no set that looks good; `forget` follows.
        """

    def forget(self, entry: Entry) -> None:
        """Remove what a `make` has left that failed. Raises `RunbookError` where that cannot be done now."""

    def container(self) -> str:
        """The identity of the container that files go through while a set is taken; see `engine.Engine.container`."""

    def read(self, one: BackupSet, manifest: Manifest, progress: Progress) -> list[str]:
        """What is wrong with a set as it is stored, without what is in it: each a sentence."""

    def unpack(
        self, one: BackupSet, manifest: Manifest, identities: Sequence[str], plain: Path, progress: Progress
    ) -> None:
        """Have in a folder what a restorer of this kind restores from. Raises `sealing.Damaged` and `RunbookError`."""

    def prove(
        self, one: BackupSet, manifest: Manifest, identities: Sequence[str], folder: Path, progress: Progress
    ) -> Proof:
        """Restore a set into a scratch folder and compare it; see `engine.Engine.prove`."""

    def room(self, manifest: Manifest, *, to_prove: bool) -> int:
        """Bytes of scratch that it takes at most to prove a set, or to `unpack` it."""

    def undecryptable(self, manifests: Iterable[Manifest], identities: Sequence[str]) -> list[str]:
        """Why sets cannot be read at all."""

    def unable(self, manifest: Manifest) -> list[str]:
        """Why this host cannot prove a set, whatever is in it: a program is missing. Found out without trying."""
