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
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from .._core.errors import RunbookError
from . import manifest as manifests
from .backup_set import BackupSet
from .backup_set import found as found_among
from .manifest import DamagedManifest, Manifest
from .private import PRIVATE_FOLDER, make_folders, sync, write
from .receipt import Receipt
from .receipts import Receipts
from .spec import directory

_MAKING, _REMOVING = ".making-", ".removing-"


class Store:
    """See `backup_set.SetStore`. Reading changes nothing, not even by making the folder."""

    def __init__(self, directory: Path, service: str, backup: str) -> None:
        self.folder = directory / f"{service}.{backup}"
        self._receipts = Receipts(self.folder)

    @classmethod
    def at(cls, folder: Path) -> Store:
        """The same, by the folder of the backup."""
        service, _dot, backup = folder.name.partition(".")
        return cls(folder.parent, service, backup)

    @property
    def place(self) -> str:
        return str(self.folder)

    @property
    def address(self) -> Mapping[str, str]:
        return {"folder": str(self.folder)}

    def could_be(self, name: str) -> bool:
        return bool(manifests.ID.match(name))

    def sets(self) -> list[BackupSet]:
        """Every set, the newest first. Raises OSError where the folder cannot be read; where there is none, none."""
        try:
            names = sorted((entry.name for entry in os.scandir(self.folder) if entry.is_dir()), reverse=True)
        except FileNotFoundError:
            return []
        return [self._read(name) for name in names if self.could_be(name)]

    def find(self, name: str) -> BackupSet:
        """The set of a name; raises `RunbookError` where there is none."""
        if self.could_be(name) and (self.folder / name).is_dir():
            return self._read(name)
        return found_among(self.sets(), name, self.place)

    def left_over(self) -> list[Path]:
        """What runs that were killed have left: folders that are no sets."""
        try:
            entries = sorted(os.scandir(self.folder), key=lambda entry: entry.name)
        except FileNotFoundError:
            return []
        return [Path(entry) for entry in entries if entry.name.startswith((_MAKING, _REMOVING))]

    def making(self, name: str) -> Path:
        """Where a set of that name is made, and is none yet."""
        return self.folder / f"{_MAKING}{name}"

    def make(self, name: str) -> Path:
        """An empty folder for a new set, which becomes one by `publish`."""
        make_folders(self.folder)
        folder = self.making(name)
        folder.mkdir(mode=PRIVATE_FOLDER)
        return folder

    def publish(self, manifest: Manifest) -> Path:
        """Let what was made be a set: write its manifest, have every file on the disk, then rename."""
        making, folder = self.making(manifest.id), self.folder / manifest.id
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
        self._receipts.keep(receipt)

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
            self._receipts.forget(folder.name[len(_REMOVING) :])
        sync(self.folder)

    def settle_made(self, name: str) -> str:
        shutil.rmtree(self.making(name), ignore_errors=True)
        return name if (self.folder / name).is_dir() else ""

    def settle_removed(self, name: str) -> bool:
        there = (self.folder / name).exists()
        for left in self.left_over():
            if left.name.endswith(name) and not there:
                self.clear(left)
        return not there

    def _read(self, name: str) -> BackupSet:
        one = read_set(self.folder / name, name)
        return replace(one, receipt=self._receipts.of(name, one.manifest_sha256)) if one.manifest else one


def folder_of(given: Mapping[str, Any]) -> Store:
    """The sets of a backup that are in a folder of ours."""
    return Store(directory(given), given["service"], given["backup"])


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
