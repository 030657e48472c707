# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which repository it is, and what is in it: found out by questions alone, and compared with what the host knows."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ...._backup import manifest as manifests
from ...._backup.backup_set import BackupSet
from ...._backup.copy_record import Copy, Record
from ...._backup.manifest import DamagedManifest, Manifest
from ...._clients.restic_address import FOLDER, parse
from ...._clients.restic_fault import MISSING, NOT_KNOWN, REPLACED, ROTTEN, RepositoryFault
from ...._core.text import some_of
from .site import Remote, Site, set_of

_NAMED = 3
_ONCE = "make it known once, by backup_copy_initialize=true"


def recognize(site: Site) -> None:
    """Make sure that it is the repository that this host has used; raises `RepositoryFault` for any other state."""
    known = site.record.repository_id
    try:
        identity = site.restic.identity()
    except RepositoryFault as exc:
        if exc.state != MISSING:
            raise
        text = f"it had the id {_short(known)}; {exc.text}" if known else f"{_ONCE}; {exc.text}"
        raise RepositoryFault(site.restic.where, MISSING, text) from exc
    if not known:
        raise RepositoryFault(site.restic.where, NOT_KNOWN, f"{_ONCE}, if {_short(identity)} is the right one")
    if identity != known:
        text = f"expected the id {_short(known)}, found {_short(identity)}"
        raise RepositoryFault(site.restic.where, REPLACED, text)


def make_known(site: Site) -> bool:
    """Make a repository where there is none, or take on the one that there is; returns whether anything was done.

    Never makes one in the place of one that this host has used, nor where a part of one is left.
    """
    if site.record.repository_id:
        recognize(site)
        return False
    try:
        identity = site.restic.identity()
    except RepositoryFault as exc:
        if exc.state != MISSING:
            raise
        refuse_remains(site)
        site.restic.initialize()
        identity = site.restic.identity()
    site.keep(replace(site.record, repository=site.restic.where, repository_id=identity, state="", fault=""))
    return True


def refuse_remains(site: Site) -> None:
    """Raise `RepositoryFault` where there is something in the folder that a repository would be made in."""
    address = parse(site.restic.where)
    if address.scheme == FOLDER and os.path.isdir(address.text) and os.listdir(address.text):  # noqa: PTH112, PTH208
        text = "the folder is not empty: it may be what is left of one, so none is made there"
        raise RepositoryFault(site.restic.where, MISSING, text)


def looked(site: Site) -> Record:
    """What is known when the snapshots have been listed: nothing is written. Raises `RepositoryFault`.

    A snapshot that the record does not have, as a killed run leaves it, is compared with its manifest. A copy that has
    gone, though this host did not remove it, is lost, until its set was copied again.
    """
    record = site.record
    present = {one.id: one for one in site.restic.snapshots()}
    known = {one.snapshot: one for one in (*record.copies, *record.lost)}
    mine = [one for one in present.values() if site.mine(one)]
    copies = [
        replace(known[one.id], expiring=False) if one.id in known else compared(site, one.id, set_of(one))
        for one in sorted(mine, key=set_of, reverse=True)
        if one.id in known or manifests.ID.match(set_of(one))
    ]
    whole = {one.id for one in copies if one.verified}
    lost = [
        one
        for one in known.values()
        if one.snapshot not in present and not one.expiring and one.verified and one.id not in whole
    ]
    return replace(
        record,
        repository=site.restic.where,
        asked_at=time.time(),
        copies=tuple(copies),
        lost=tuple(lost),
        state="",
        fault="",
    )


def compared(site: Remote, snapshot: str, name: str) -> Copy:
    """A snapshot of a set, compared with the manifest in it, and with that of the set on the host, if it is there."""
    return examined(site, snapshot, name)[0]


def examined(site: Remote, snapshot: str, name: str) -> tuple[Copy, str]:
    """The same, with the text of the manifest, which is empty where there is none to be read."""
    try:
        files = site.restic.files(snapshot)
        ending = f"/{name}/{manifests.NAME}"
        prefix = next((path[: -len(manifests.NAME)] for path in files if path.endswith(ending)), "")
        text = site.restic.text(snapshot, f"{prefix}{manifests.NAME}") if prefix else ""
    except RepositoryFault as exc:
        if exc.state != ROTTEN:
            raise
        return Copy(name, snapshot, "", 0, time.time(), fault=str(exc)), ""
    digest = hashlib.sha256(text.encode()).hexdigest()
    faults = list(_differences(text, prefix, files)) if prefix else ["its manifest is not in the snapshot"]
    here = site.here(name)
    if not faults and here is not None and here.manifest and here.manifest_sha256 != digest:
        faults = ["its manifest is another one than that of the set on this host"]
    fault = f"the copy of {name}: {some_of(faults, _NAMED, separator='; ')}" if faults else ""
    return Copy(name, snapshot, digest, sum(max(size, 0) for size in files.values()), time.time(), fault), text


def _differences(text: str, prefix: str, files: Mapping[str, int]) -> Iterator[str]:
    """What a snapshot lacks, has too much, or in another size than its manifest says."""
    try:
        manifest = manifests.parse(text)
    except DamagedManifest as exc:
        yield str(exc)
        return
    expected = expected_files(manifest, len(text), prefix)
    for path in sorted(expected.keys() | files.keys()):
        name = path.removeprefix(prefix)
        if path not in files:
            yield f"{name} is missing"
        elif path not in expected:
            yield f"{name} is none of its files"
        elif files[path] != expected[path]:
            yield f"{name} has {files[path]} bytes, and {expected[path]} are expected"


def expected_files(manifest: Manifest, length: int, prefix: str) -> dict[str, int]:
    """The files of a set with their sizes, by their paths in a snapshot."""
    stored = {f"{prefix}{one.path}": one.size for one in manifest.files}
    return {**stored, f"{prefix}{manifests.NAME}": length}


def due(record: Record, sets: Sequence[BackupSet]) -> list[BackupSet]:
    """The verified sets of the host that have no copy as a whole, the newest first."""
    whole = {one.id for one in record.copies if one.verified}
    return [one for one in sets if one.verified and one.manifest and one.id not in whole]


def _short(name: str) -> str:
    return name[:8]
