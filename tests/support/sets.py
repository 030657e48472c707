# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sets of a backup as they lie on a disk, without the work of taking them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.xorb.runbook.plugins.module_utils._backup import manifest as manifests
from ansible_collections.xorb.runbook.plugins.module_utils._backup.backup_set import BackupSet
from ansible_collections.xorb.runbook.plugins.module_utils._backup.manifest import Manifest, StoredFile
from ansible_collections.xorb.runbook.plugins.module_utils._backup.receipt import Receipt
from ansible_collections.xorb.runbook.plugins.module_utils._backup.store import Store

HOUR, DAY = 3600, 86400

#: A time that no test depends on: 2026-11-30 09:45 UTC.
NOW = 1796031900.0


@dataclass
class Sets:
    """The sets of one backup in a folder of a test."""

    folder: Path
    service: str = "proxy"
    backup: str = "config"

    @property
    def store(self) -> Store:
        """Where they are."""
        return Store(self.folder, self.service, self.backup)

    def take(self, age: float = 0, *, now: float = NOW, size: int = 1000, seconds: float = 10) -> BackupSet:
        """Put a set there that was begun so many seconds ago."""
        name = manifests.id_of(now - age)
        data = b"x" * size
        digest = hashlib.sha256(data).hexdigest()
        making = self.store.make(name)
        (making / "data").write_bytes(data)
        begin = now - age
        self.store.publish(
            Manifest(
                id=name,
                platform="lab",
                service=self.service,
                backup=self.backup,
                host="one",
                kind="files",
                engine="tar",
                begin=begin,
                end=begin + seconds,
                files=(StoredFile("data", size, digest, size, digest),),
            )
        )
        return self.store.find(name)

    def verify(self, one: BackupSet, *faults: str, restore_seconds: float = 5) -> BackupSet:
        """Give a set the receipt of a verification."""
        at = one.begin + HOUR
        self.store.record(Receipt(one.id, one.manifest_sha256, at, "one", 7, restore_seconds, faults, {"files": 1}))
        return self.store.find(one.id)

    def damage(self, one: BackupSet) -> None:
        """Flip a bit of its manifest."""
        path = one.folder / manifests.NAME
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
