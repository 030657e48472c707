# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The folder of one backup of the description: its sets, the receipts of their verification, what is half done.

    <directory>/<service>.<backup>/     0700
        20261130T094500Z/               a set: files and ``manifest.json``, 0600
        .receipts/20261130T094500Z.json
        .copies/offsite.json            what is known of the copies in another place; see `copy_record`
        .making-20261130T101500Z/       no set yet; whatever is in here never was one
        .removing-20261101T094500Z/     no set any more

A set appears by one rename, when all of it is on the disk, and goes by one rename. So each name without a dot is a
whole set, whatever the moment at which a run is killed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from .._core.errors import RunbookError
from . import manifest as manifests
from . import receipt as receipts
from .manifest import DamagedManifest, Manifest
from .receipt import Receipt

PRIVATE_FOLDER, PRIVATE_FILE = 0o700, 0o600

_MAKING, _REMOVING, _RECEIPTS = ".making-", ".removing-", ".receipts"


@dataclass(frozen=True)
class BackupSet:
    """A set on the disk. One whose manifest is damaged has a ``fault`` and no manifest.

    ``receipt`` is that of its last verification, if that was of this very manifest.
    """

    id: str
    folder: Path
    manifest: Manifest | None = None
    manifest_sha256: str = ""
    fault: str = ""
    receipt: Receipt | None = None

    @property
    def begin(self) -> float:
        """When it was begun, in seconds since 1970."""
        return manifests.time_of(self.id)

    @property
    def verified(self) -> bool:
        """Whether it has been restored, and was what its manifest says."""
        return bool(self.receipt and self.receipt.passed)

    @property
    def failed(self) -> bool:
        """Whether something is known to be wrong with it."""
        return bool(self.fault or (self.receipt and not self.receipt.passed))


class Store:
    """The sets of one backup. Reading changes nothing, not even by making the folder."""

    def __init__(self, directory: Path, service: str, backup: str) -> None:
        self.folder = directory / f"{service}.{backup}"

    def sets(self) -> list[BackupSet]:
        """Every set, the newest first. Raises OSError where the folder cannot be read; where there is none, none."""
        try:
            names = sorted((entry.name for entry in os.scandir(self.folder) if entry.is_dir()), reverse=True)
        except FileNotFoundError:
            return []
        return [self._read(name) for name in names if manifests.ID.match(name)]

    def find(self, name: str) -> BackupSet:
        """The set of a name; raises `RunbookError` where there is none."""
        if manifests.ID.match(name) and (self.folder / name).is_dir():
            return self._read(name)
        known = ", ".join(one.id for one in self.sets()[:5]) or "none"
        raise RunbookError(f"{self.folder} has no set {name!r}; the newest are: {known}")

    def left_over(self) -> list[Path]:
        """What runs that were killed have left: folders that are no sets."""
        try:
            entries = sorted(os.scandir(self.folder), key=lambda entry: entry.name)
        except FileNotFoundError:
            return []
        return [Path(entry) for entry in entries if entry.name.startswith((_MAKING, _REMOVING))]

    def make(self, name: str) -> Path:
        """An empty folder for a new set, which becomes one by `publish`."""
        make_folders(self.folder)
        folder = self.folder / f"{_MAKING}{name}"
        folder.mkdir(mode=PRIVATE_FOLDER)
        return folder

    def publish(self, manifest: Manifest) -> Path:
        """Let what was made be a set: write its manifest, have every file on the disk, then rename."""
        making, folder = self.folder / f"{_MAKING}{manifest.id}", self.folder / manifest.id
        for one in manifest.files:
            sync(making / one.path)
        write(making / manifests.NAME, manifest.to_text())
        for parent, _folders, _files in os.walk(making):
            sync(Path(parent))
        if folder.exists():
            raise RunbookError(f"{folder}: there is a set of that name already")
        making.rename(folder)
        sync(self.folder)
        return folder

    def record(self, receipt: Receipt) -> None:
        """Keep the receipt of a verification, in the place of an earlier one of the same set."""
        folder = self.folder / _RECEIPTS
        folder.mkdir(exist_ok=True, mode=PRIVATE_FOLDER)
        beside = folder / f".{receipt.id}.json"
        write(beside, receipt.to_text())
        beside.rename(folder / f"{receipt.id}.json")
        sync(folder)

    def remove(self, name: str) -> None:
        """Remove a set: by one rename first, so that it is never a set with something missing."""
        gone = self.folder / f"{_REMOVING}{name}"
        (self.folder / name).rename(gone)
        sync(self.folder)
        self.clear(gone)

    def clear(self, folder: Path) -> None:
        """Remove what is no set, with the receipt of what it was."""
        if folder.parent != self.folder or not folder.name.startswith((_MAKING, _REMOVING)):
            raise RunbookError(f"{folder}: only what is no set is removed like this")
        shutil.rmtree(folder)
        if folder.name.startswith(_REMOVING):
            (self.folder / _RECEIPTS / f"{folder.name[len(_REMOVING) :]}.json").unlink(missing_ok=True)
        sync(self.folder)

    def _read(self, name: str) -> BackupSet:
        one = read_set(self.folder / name, name)
        return replace(one, receipt=self._receipt(name, one.manifest_sha256)) if one.manifest else one

    def _receipt(self, name: str, digest: str) -> Receipt | None:
        try:
            found = receipts.parse((self.folder / _RECEIPTS / f"{name}.json").read_text(encoding="ascii"))
        except (OSError, ValueError, RunbookError):
            return None
        return found if (found.id, found.manifest_sha256) == (name, digest) else None


def read_set(folder: Path, name: str) -> BackupSet:
    """The set of a name that lies in a folder, wherever that is; its store alone knows of a receipt."""
    try:
        data = (folder / manifests.NAME).read_bytes()
        manifest = manifests.parse(data.decode("ascii"))
    except UnicodeDecodeError:
        return BackupSet(name, folder, fault="the manifest has bytes that are no text")
    except (OSError, DamagedManifest) as exc:
        return BackupSet(name, folder, fault=str(getattr(exc, "strerror", None) or exc))
    if manifest.id != name:
        return BackupSet(name, folder, fault=f"the manifest is that of another set, {manifest.id}")
    return BackupSet(name, folder, manifest, hashlib.sha256(data).hexdigest())


def stray_files(folder: Path, manifest: Manifest) -> Iterator[str]:
    """Names in the folder of a set that its manifest does not know."""
    known = {manifests.NAME, *(one.path for one in manifest.files)}
    for parent, _folders, names in os.walk(folder):
        yield from sorted({str((Path(parent) / name).relative_to(folder)) for name in names} - known)


def make_folders(folder: Path) -> None:
    """Make a folder and those above it that are missing; `Path.mkdir` would let others look into the ones above."""
    if not folder.is_dir():
        make_folders(folder.parent)
        folder.mkdir(exist_ok=True, mode=PRIVATE_FOLDER)


def write(path: Path, text: str) -> None:
    """Write a private file; it is on the disk when this returns."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def sync(path: Path) -> None:
    """Wait until what is in a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
