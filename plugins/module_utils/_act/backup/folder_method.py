# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sets in a folder of ours: an engine writes plain files, and what is stored of them has a digest of each byte."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..._backup.backup_set import BackupSet
from ..._backup.manifest import Manifest
from ..._backup.store import Store, folder_of, stray_files
from ..._core.errors import RunbookError
from ..._core.text import excerpt
from ..journal import Entry
from ..progress import Progress
from . import inside
from .engine import Engine, Forecast, Proof
from .sealing import Damaged, damage, seal, unseal
from .space import shortage

#: Where an engine writes, inside of the folder that becomes the set.
_PLAIN = ".plain"

#: How much more than forecast a set may take.
_MARGIN = 1.1

#: How much room in scratch a set takes at least, of its plain size: its files, and what is restored from them.
_ROOM = 2

#: What comes of a manifest that holds something else than this version writes.
_MEANINGLESS = (LookupError, TypeError, ValueError)


class FolderMethod:
    """See `method.Method`."""

    def __init__(self, given: Mapping[str, Any], engine: Engine) -> None:
        self._given = given
        self._engine = engine
        self._recipients: Sequence[str] = given.get("recipients") or ()
        self._store = folder_of(given)

    def forecast(self) -> Forecast:
        found = self._engine.forecast()
        refused = [*found.refused, *self._shortage(found.plain_bytes)]
        if self._recipients and shutil.which("age") is None:
            refused.append("age is not installed here, and the set is to be encrypted; install the package age")
        return Forecast(found.lines, found.plain_bytes, tuple(refused))

    def make(self, name: str, begin: float, entry: Entry, progress: Progress) -> Manifest:
        entry.step("take")
        folder = self._store.make(name)
        plain = folder / _PLAIN
        plain.mkdir(mode=0o700)
        taken = self._engine.take(plain, progress)
        entry.step("seal")
        files = seal(plain, folder, self._recipients, progress)
        if not files:
            raise RunbookError("nothing was taken: there is no file in the set")
        shutil.rmtree(plain)
        manifest = Manifest(
            id=name,
            platform=self._given["platform"],
            service=self._given["service"],
            backup=self._given["backup"],
            host=self._given["host"],
            kind=self._given["kind"],
            engine=self._given["engine"],
            begin=begin,
            end=time.time(),
            files=files,
            recipients=tuple(self._recipients),
            versions=taken.versions,
            content=taken.content,
        )
        entry.step("publish")
        progress.phase("publishing")
        self._store.publish(manifest)
        return manifest

    def forget(self, entry: Entry) -> None:
        self._store.settle_made(entry.needs["id"])
        clean_container(entry.needs)

    def container(self) -> str:
        return self._engine.container()

    def read(self, one: BackupSet, manifest: Manifest, progress: Progress) -> list[str]:
        return stored_faults(one.folder, manifest, progress)

    def unpack(
        self, one: BackupSet, manifest: Manifest, identities: Sequence[str], plain: Path, progress: Progress
    ) -> None:
        unseal(one.folder, manifest.files, plain, identities, progress)

    def prove(
        self, one: BackupSet, manifest: Manifest, identities: Sequence[str], folder: Path, progress: Progress
    ) -> Proof:
        if faults := self.read(one, manifest, progress):
            return Proof(0, tuple(faults))
        plain, place = folder / "plain", folder / "restored"
        for one_of_both in (plain, place):
            one_of_both.mkdir(mode=0o700)
        begin = time.monotonic()
        try:
            self.unpack(one, manifest, identities, plain, progress)
        except Damaged as exc:
            return Proof(time.monotonic() - begin, (str(exc),))
        decrypting = time.monotonic() - begin
        try:
            proof = self._engine.prove(plain, manifest, place, progress)
        except _MEANINGLESS as exc:
            # The digests are right, so this is how it was written: a set that cannot be compared is not a proved one.
            why = excerpt(f"{type(exc).__name__}: {exc}", 200)
            return Proof(decrypting, (f"the manifest's content is none that this version can compare: {why}",))
        return replace(proof, restore_seconds=proof.restore_seconds + decrypting)

    def room(self, manifest: Manifest, *, to_prove: bool) -> int:
        return manifest.plain_size * (_ROOM if to_prove else 1)

    def undecryptable(self, manifests: Iterable[Manifest], identities: Sequence[str]) -> list[str]:
        encrypted = [one.id for one in manifests if one.recipients]
        found = []
        if encrypted and not identities:
            found.append(f"{', '.join(encrypted)}: encrypted, and no identity is given that decrypts it")
        if encrypted and shutil.which("age") is None:
            found.append("age is not installed here, and the set is encrypted; install the package age")
        return found

    def unable(self, manifest: Manifest) -> list[str]:
        try:
            return list(self._engine.unable(manifest))
        except _MEANINGLESS:
            # That is the set's fault, which its proof finds.
            return []

    def _shortage(self, plain_bytes: int) -> Iterator[str]:
        """Why the disk is too small. While it is encrypted a file is there twice, so the sum is twice the set."""
        yield from shortage(self._store.folder, int(plain_bytes * _MARGIN) * (2 if self._recipients else 1))


def stored_faults(folder: Path, manifest: Manifest, progress: Progress) -> list[str]:
    """What is wrong with the stored files of a set, wherever they lie, without what is in them."""
    stray = (f"{name}: is in the set, and its manifest does not know it" for name in stray_files(folder, manifest))
    return [*damage(folder, manifest.files, progress), *stray]


def clean_container(needs: Mapping[str, Any]) -> None:
    """Leave nothing of a set, by what the journal has of its making, in the container that its files went through."""
    inside.clean(needs["container"], Store.at(Path(needs["folder"])).making(needs["id"]) / _PLAIN)
