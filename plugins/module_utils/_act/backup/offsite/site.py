# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One copy of a backup: the repository, the sets of the host, and the record that the host keeps of it."""

from __future__ import annotations

import contextlib
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...._backup import copy_record
from ...._backup.backup_set import BackupSet
from ...._backup.copy_record import Record
from ...._backup.store import folder_of
from ...._clients.restic import Access, Restic, Snapshot, Working, alone
from ...._clients.restic_address import parse

#: How the tags of a snapshot begin that are about its set.
_SET, _RESTORED = "set:", "restored_in:"

_SECONDS = re.compile(r"\d{1,9}\.\d{3}\Z")


class Remote:
    """A copy as the repository alone shows it: nothing is read or written of what this host has of the backup.

    The host may be any one: what lies here under the same names is of another host.
    """

    def __init__(self, given: Mapping[str, Any], folder: Path, working: Working = alone) -> None:
        """``given`` are the options of a copy with its names; restic works in the folder."""
        self.given = given
        address = parse(given["repository"])
        self.record = Record(address.text)
        names = ("password", "access_key_id", "secret_access_key", "identity", "known_hosts")
        secrets = {name: str(given.get(name) or "") for name in names}
        self.restic = Restic(Access(address, timeout=given["answer_timeout"], **secrets), folder, working)

    @property
    def label(self) -> str:
        """What the copy is called, for people."""
        return label(self.given)

    @property
    def tags(self) -> tuple[str, ...]:
        """What the snapshots of this backup have in common, whatever host has made them."""
        return tuple(f"{name}:{self.given[name]}" for name in ("platform", "service", "backup"))

    def mine(self, snapshot: Snapshot) -> bool:
        """Whether a snapshot is one of this backup on this host."""
        return snapshot.host == self.given["host"] and snapshot.tags.issuperset(self.tags)

    def here(self, _name: str) -> BackupSet | None:
        """The set of that name on this host, if it is there."""
        return None


class Site(Remote):
    """The same on the host of the backup, which has sets and a record. Only `keep` writes, and only on this host."""

    def __init__(self, given: Mapping[str, Any], folder: Path) -> None:
        """See `Remote`."""
        super().__init__(given, folder, self._working)
        self.store = folder_of(given)
        self.record = copy_record.read(self.store.folder, given["copy"]) or self.record

    def here(self, name: str) -> BackupSet | None:
        return next((one for one in self.store.sets() if one.id == name), None)

    def keep(self, record: Record) -> None:
        """Keep what is known, on the disk."""
        self.record = record
        copy_record.keep(self.store.folder, self.given["copy"], record)

    @contextlib.contextmanager
    def _working(self, process: subprocess.Popen[bytes]) -> Iterator[None]:
        """Remember a process that may leave a lock in the repository, until it has ended by itself."""
        self.keep(replace(self.record, clients=(*self.record.clients, process.pid)))
        yield
        if process.returncode >= 0:
            others = tuple(one for one in self.record.clients if one != process.pid)
            self.keep(replace(self.record, clients=others))


def tags_of_set(one: BackupSet) -> tuple[str, ...]:
    """What a snapshot says of its set: which it is, and how long its restore took, for a host that has nothing else."""
    seconds = (f"{_RESTORED}{one.receipt.restore_seconds:.3f}",) if one.receipt else ()
    return (f"{_SET}{one.id}", *seconds)


def restore_seconds_of(snapshot: Snapshot) -> float | None:
    """How long the restore of a snapshot's set took when it was verified, by its tag; nothing where it has none."""
    found = next((tag[len(_RESTORED) :] for tag in sorted(snapshot.tags) if tag.startswith(_RESTORED)), "")
    return float(found) if _SECONDS.match(found) else None


def label(given: Mapping[str, Any]) -> str:
    """What a copy is called, for people."""
    return f"{given['service']}.{given['backup']}.{given['copy']}"


def set_of(snapshot: Snapshot) -> str:
    """The name of the set that a snapshot is of, by its tag; empty where it has none."""
    return next((tag[len(_SET) :] for tag in sorted(snapshot.tags) if tag.startswith(_SET)), "")
