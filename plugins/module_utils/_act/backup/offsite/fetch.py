# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Brings a set back from a repository: compared with its manifest, byte for byte, and then there by one rename.

It needs what the description says of the copy, and nothing that the host remembers: the host may be new. What the
repository is asked for takes no lock there, and writes nothing.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...._backup import manifest as manifests
from ...._backup.backup_set import BackupSet
from ...._backup.manifest import Manifest
from ...._backup.store import Store, folder_of
from ...._clients.restic_fault import REPLACED, RepositoryFault
from ...._core.errors import RunbookError
from ...._core.text import some_of
from ...journal import Entry, Journal, Recover
from ...progress import Progress
from .. import create, in_scratch
from ..folder_method import stored_faults
from ..space import shortage
from .look import examined
from .site import Remote, Site, label, set_of

PROCEDURE = "backup_fetch"

#: Where a snapshot is written, inside of the folder that becomes the set.
_RAW = ".fetched"

_NAMED = 3


@dataclass(frozen=True)
class Chosen:
    """The snapshot to be brought back: of which set, how large, and out of which repository."""

    repository_id: str
    id: str
    snapshot: str
    size: int
    manifest: Manifest


class NoCopy(RunbookError):
    """The repository opens, and does not have the copy as a whole; the message says what it has."""


def choose(site: Remote, name: str) -> Chosen:
    """The snapshot of a set, or of the newest one; raises `NoCopy` where it is not there as a whole."""
    identity = site.restic.identity()
    if site.record.repository_id not in ("", identity):
        text = f"expected the id {site.record.repository_id[:8]}, found {identity[:8]}"
        raise RepositoryFault(site.restic.where, REPLACED, text)
    mine = [one for one in site.restic.snapshots() if site.mine(one) and manifests.ID.match(set_of(one))]
    # An older set in the place of a damaged one is for the operator to choose.
    wanted = name or max(map(set_of, mine), default="")
    faults = []
    for one in sorted((one for one in mine if set_of(one) == wanted), key=lambda one: one.time, reverse=True):
        found, manifest = examined(site, one.id, set_of(one))
        if found.verified:
            return Chosen(identity, found.id, found.snapshot, found.size, manifests.parse(manifest))
        faults.append(found.fault)
    if faults:
        raise NoCopy(f"{site.restic.where}: {some_of(faults, _NAMED, separator='; ')}")
    known = some_of(sorted({set_of(one) for one in mine}, reverse=True), _NAMED) or "none"
    what = f"the set {name}" if name else "any set"
    raise NoCopy(f"{site.restic.where}: there is no copy of {what} of {label(site.given)}; there are: {known}")


def row(chosen: Chosen) -> dict[str, Any]:
    """The same as plain data, without what is in the set."""
    return {name: getattr(chosen, name) for name in ("repository_id", "id", "snapshot", "size")}


def refusals(site: Site, chosen: Chosen, store: Store) -> list[str]:
    """Why a set cannot be brought back into a folder."""
    if (store.folder / chosen.id).exists():
        return [f"{store.folder / chosen.id}: there is a set of that name already"]
    return list(shortage(store.folder, chosen.size, f"for the set {chosen.id} out of {site.restic.where}"))


def store_of(given: Mapping[str, Any], folder: str) -> Store:
    """Where a set is brought back to: the place of the backup's own sets, unless another folder is named."""
    return Store(Path(folder), given["service"], given["backup"]) if folder else folder_of(given)


def fetch(given: Mapping[str, Any], name: str, folder: str, journal: Journal, progress: Progress) -> BackupSet:
    """Bring a set back, and return it; raises `RunbookError`, and then there is no set."""
    progress.phase("asking the repository")
    store = store_of(given, folder)
    chosen = choose(Site(given, Path("/")), name)
    needs = {"folder": str(store.folder), "id": chosen.id, "container": ""}
    with in_scratch.operation(journal, PROCEDURE, f"{label(given)} {chosen.id}", **needs) as work:
        site = Site(given, work.folder)
        if refused := refusals(site, chosen, store):
            raise RunbookError("; ".join(refused))
        try:
            making = store.make(chosen.id)
            work.entry.step("fetch")
            manifest = bring(site, chosen, making, progress)
            refuse_damage(making, manifest, progress)
            work.entry.step("publish")
            store.publish(manifest)
        except BaseException:
            store.settle_made(chosen.id)
            raise
        work.outcome = f"the set {chosen.id} is there"
    return store.find(chosen.id)


def bring(site: Remote, chosen: Chosen, folder: Path, progress: Progress) -> Manifest:
    """Write the files of a set, as they were stored, into an empty folder; returns the manifest that came with them."""
    progress.phase(f"bringing back {chosen.id}", total=chosen.size, unit="bytes")
    site.restic.restore(chosen.snapshot, folder / _RAW)
    return _unpacked(folder, chosen.id)


def _unpacked(making: Path, name: str) -> Manifest:
    """Move the files of a set out of the folders that the snapshot has them in; returns the manifest."""
    raw = making / _RAW
    found = next(iter(sorted(raw.rglob(f"{name}/{manifests.NAME}"))), None)
    if found is None:
        raise RunbookError(f"{name}: its manifest did not come back")
    manifest = manifests.parse(found.read_text(encoding="ascii"))
    for entry in sorted(found.parent.iterdir()):
        entry.rename(making / entry.name)
    shutil.rmtree(raw)
    return manifest


def refuse_damage(folder: Path, manifest: Manifest, progress: Progress) -> None:
    """Raise `RunbookError` unless a folder has the files of a manifest, each with its digest, and no other."""
    if faults := stored_faults(folder, manifest, progress):
        raise RunbookError(f"{manifest.id}: what came back is damaged: {some_of(faults, _NAMED, separator='; ')}")


def recover(entry: Entry) -> tuple[str, str] | None:
    """End what a killed run left: the set is there as a whole, or nothing of it is."""
    in_scratch.recover(entry, "what worked for it has ended")
    return create.recover(entry)


#: What ends the operations of this procedure.
RECOVERIES: Mapping[str, Recover] = {PROCEDURE: recover}
