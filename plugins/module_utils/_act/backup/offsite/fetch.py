# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Brings a set back from a repository: compared with its manifest, byte for byte, and then there by one rename.

It needs what the description says of the copy, and nothing that the host remembers: the host may be new. What the
repository is asked for takes no lock there, and writes nothing.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...._backup import manifest as manifests
from ...._backup.backup_set import BackupSet
from ...._backup.manifest import Manifest
from ...._backup.retention import AHEAD
from ...._backup.store import Store, folder_of
from ...._clients.restic import Snapshot
from ...._clients.restic_fault import REPLACED, RepositoryFault
from ...._core.errors import RunbookError
from ...._core.text import some_of
from ...journal import Entry, Journal, Recover
from ...progress import Progress
from .. import create, in_scratch
from ..folder_method import stored_faults
from ..space import Need, shortages
from .look import examined
from .site import Remote, Site, label, restore_seconds_of, set_of

PROCEDURE = "backup_fetch"

#: Where a snapshot is written, inside of the folder that becomes the set.
_RAW = ".fetched"

_NAMED, _HOSTS = 3, 20


@dataclass(frozen=True)
class Chosen:
    """The snapshot to be brought back: of which set, how large, and out of which repository.

    ``manifest`` is that of the set, as the repository has it. ``newer`` are the sets after it that have a copy, too.
    ``restore_seconds`` is how long its restore took when the set was verified, where the snapshot says so.
    """

    repository_id: str
    id: str
    snapshot: str
    size: int
    manifest: Manifest
    manifest_sha256: str
    newer: tuple[str, ...] = ()
    restore_seconds: float | None = None


class NoCopy(RunbookError):
    """The repository opens, and does not have the copy as a whole; the message says what it has."""


def choose(site: Remote, name: str, at: float | None = None) -> Chosen:
    """The snapshot of a set; without its name, of the newest, or of the newest that was begun at a time or before it.

    Raises `NoCopy` where it is not there as a whole. ``at`` is in seconds since 1970.
    """
    identity = site.restic.identity()
    if site.record.repository_id not in ("", identity):
        text = f"expected the id {site.record.repository_id[:8]}, found {identity[:8]}"
        raise RepositoryFault(site.restic.where, REPLACED, text)
    every = list(filter(_is_of_a_set, site.restic.snapshots()))
    mine = sorted(filter(site.mine, every), key=_order, reverse=True)
    asked = [one for one in mine if (set_of(one) == name or not name) and (at is None or _begun(one) <= at)]
    # An older set in the place of a damaged one is for the operator to choose.
    wanted = [one for one in asked if set_of(one) == set_of(asked[0])]
    if wanted and not name and _begun(wanted[0]) > time.time() + AHEAD:
        text = f"the newest copy {set_of(wanted[0])} is from the future: a clock is wrong, or was; name the set"
        raise NoCopy(f"{site.restic.where}: {text}")
    faults = []
    for one in wanted:
        found, text = examined(site, one.id, set_of(one))
        if found.verified:
            newer = tuple(sorted({set_of(other) for other in mine if set_of(other) > found.id}, reverse=True))
            manifest = manifests.parse(text)
            seconds = restore_seconds_of(one)
            return Chosen(identity, found.id, one.id, found.size, manifest, found.manifest_sha256, newer, seconds)
        faults.append(found.fault)
    if faults:
        raise NoCopy(f"{site.restic.where}: {some_of(faults, _NAMED, separator='; ')}")
    raise NoCopy(f"{site.restic.where}: {_none(site, every, mine, name, at)}")


def row(chosen: Chosen) -> dict[str, Any]:
    """The same as plain data, without what is in the set."""
    return {name: getattr(chosen, name) for name in ("repository_id", "id", "snapshot", "size")}


def _none(site: Remote, every: Sequence[Snapshot], mine: Sequence[Snapshot], name: str, at: float | None) -> str:
    """That there is no such copy, with what there is instead: of this host, else of others."""
    what = f"the set {name}" if name else "any set"
    before = f" of {manifests.id_of(at)} or before it" if at is not None else ""
    missing = f"there is no copy of {what} of {label(site.given)} on {site.given['host']}{before}"
    if mine:
        return f"{missing}; there are: {some_of(dict.fromkeys(map(set_of, mine)), _NAMED)}"
    hosts = sorted({one.host for one in every if one.tags.issuperset(site.tags)})
    return f"{missing}; the hosts that there are copies of: {some_of(hosts, _HOSTS) or 'none'}"


def needs(site: Remote, chosen: Chosen, store: Store) -> Need:
    """The room that a set takes where it is brought back to."""
    return Need(store.folder, chosen.size, f"for the set {chosen.id} out of {site.restic.where}")


def refusals(site: Site, chosen: Chosen, store: Store) -> list[str]:
    """Why a set cannot be brought back into a folder."""
    if (store.folder / chosen.id).exists():
        return [f"{store.folder / chosen.id}: there is a set of that name already"]
    return list(shortages([needs(site, chosen, store)]))


def store_of(given: Mapping[str, Any], folder: str) -> Store:
    """Where a set is brought back to: the place of the backup's own sets, unless another folder is named."""
    return Store(Path(folder), given["service"], given["backup"]) if folder else folder_of(given)


def fetch(given: Mapping[str, Any], chosen: Chosen, store: Store, journal: Journal, progress: Progress) -> BackupSet:
    """Bring a set back, and return it; raises `RunbookError`, and then there is no set."""
    begun = {"folder": str(store.folder), "id": chosen.id, "container": ""}
    with in_scratch.operation(journal, PROCEDURE, f"{label(given)} {chosen.id}", **begun) as work:
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
    return _unpacked(folder, chosen)


def _unpacked(making: Path, chosen: Chosen) -> Manifest:
    """Move the files of a set out of the folders that the snapshot has them in; returns the manifest.

    It is the one that was decided by, or nothing of it holds.
    """
    raw, name = making / _RAW, chosen.id
    found = next(iter(sorted(raw.rglob(f"{name}/{manifests.NAME}"))), None)
    if found is None:
        raise RunbookError(f"{name}: its manifest did not come back")
    manifest = manifests.parse(found.read_text(encoding="ascii"))
    if manifest != chosen.manifest:
        raise RunbookError(f"{name}: another manifest came back than the repository had shown")
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


def _is_of_a_set(one: Snapshot) -> bool:
    """Whether a snapshot says of which set it is, by a name that is one."""
    try:
        return bool(manifests.ID.match(set_of(one)) and _begun(one))
    except ValueError:
        return False


def _begun(one: Snapshot) -> float:
    return manifests.time_of(set_of(one))


def _order(one: Snapshot) -> tuple[str, float]:
    return set_of(one), one.time
