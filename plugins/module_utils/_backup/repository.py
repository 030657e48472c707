# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The sets that pgBackRest keeps in its repositories, seen as those of a backup; their receipts are ours.

    <directory>/<service>.<backup>/     0700
        .receipts/20261130-094500F.json

pgBackRest alone writes sets and removes them. What ``info`` says of one is its manifest here: a receipt is that of a
set of which pgBackRest says the same, to the letter, as it did when the set was restored and looked at.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._clients.pgbackrest import Stanza
from .._core.errors import RunbookError
from . import manifest as manifests
from .backup_set import BackupSet, found
from .manifest import Manifest
from .receipt import Receipt
from .receipts import Receipts

#: What pgBackRest calls a set: a full one, or one that is relative to a full one.
LABEL = re.compile(r"\d{8}-\d{6}F(_\d{8}-\d{6}[DI])?\Z")

#: The annotation by which a set is known that this collection has let pgBackRest take.
MARK = "xorb-runbook"

#: Seconds that ``info`` may take: a repository may be far away.
PATIENCE = 120.0

_KEEPS_ARCHIVE = "--repo{repo}-retention-archive-type=full", "--repo{repo}-retention-archive={count}"


@dataclass(frozen=True)
class RepositoryManifest(Manifest):
    """What pgBackRest says of a set. ``stored_bytes`` are those that it added to the repository, ``restored_bytes``
    those of the files that it restores.
    """

    stored_bytes: int = 0
    restored_bytes: int = 0

    @property
    def size(self) -> int:
        return self.stored_bytes

    @property
    def plain_size(self) -> int:
        return self.restored_bytes

    @property
    def encrypted(self) -> bool:
        return bool(self.content["encrypted"])

    @property
    def parts(self) -> str:
        return str(self.content["type"])


@dataclass(frozen=True)
class RepositorySet(BackupSet):
    """A set of pgBackRest, whose label has the time of the zone in which it was taken."""

    @property
    def begin(self) -> float:
        return self.manifest.begin if self.manifest else 0.0

    @property
    def earliest(self) -> float:
        """Before it was whole, its files are of many moments."""
        return self.manifest.end if self.manifest else 0.0


class Repository:
    """See `backup_set.SetStore`."""

    def __init__(self, folder: Path, stanza: Stanza) -> None:
        self.folder = folder
        self.stanza = stanza
        self._receipts = Receipts(folder)

    @property
    def place(self) -> str:
        return str(self.stanza)

    @property
    def address(self) -> Mapping[str, Any]:
        return {"folder": str(self.folder), "repository": self.stanza.as_dict()}

    def could_be(self, name: str) -> bool:
        return bool(LABEL.match(name) or manifests.ID.match(name))

    def sets(self) -> list[BackupSet]:
        info = self.stanza.info(timeout=PATIENCE)
        try:
            rows = [self._read(info, one) for one in info["backup"]]
        except (KeyError, TypeError, ValueError) as exc:
            raise RunbookError(f"{self.place}: what pgbackrest info says of its sets cannot be understood") from exc
        return sorted(rows, key=lambda one: (one.begin, one.id), reverse=True)

    def find(self, name: str) -> BackupSet:
        return found(self.sets(), name, self.place)

    def left_over(self) -> list[Path]:
        """Nothing that can be seen: pgBackRest resumes, or removes, what is left of a set when it takes the next."""
        return []

    def record(self, receipt: Receipt) -> None:
        self._receipts.keep(receipt)

    def remove(self, name: str) -> None:
        """Have pgBackRest remove a set, and the WAL that none of the others needs.

        Raises `RunbookError` where others need it: pgBackRest would remove those, too.
        """
        sets = self.sets()
        one = found(sets, name, self.place)
        if needing := [each.id for each in sets if name in each.needs]:
            raise RunbookError(f"{name} stays: {needing[0]} cannot be restored without it")
        repo = one.manifest.content["repo"] if one.manifest else 1
        full = sum(_of_repository(each, repo) and not each.needs for each in sets if each.id != name)
        keeps = [option.format(repo=repo, count=full) for option in _KEEPS_ARCHIVE] if full else []
        self.stanza.ask("expire", f"--repo={repo}", f"--set={name}", *keeps, timeout=_EXPIRY)
        self._receipts.forget(name)

    def settle_made(self, name: str) -> str:
        """What is there as a whole is in ``info``; of anything else, pgBackRest itself disposes."""
        return next((one.id for one in self.sets() if one.manifest and one.manifest.content["mark"] == name), "")

    def settle_removed(self, name: str) -> bool:
        gone = name not in [one.id for one in self.sets()]
        if gone:
            self._receipts.forget(name)
        return gone

    def _read(self, info: Mapping[str, Any], one: Mapping[str, Any]) -> BackupSet:
        manifest = self._manifest(info, one)
        digest = hashlib.sha256(manifest.to_text().encode("ascii")).hexdigest()
        fault = "pgBackRest found pages in it whose checksum is wrong" if one.get("error") else ""
        needs = tuple(one["reference"] or ())
        return RepositorySet(
            manifest.id, self.folder, manifest, digest, fault, self._receipts.of(manifest.id, digest), needs
        )

    def _manifest(self, info: Mapping[str, Any], one: Mapping[str, Any]) -> RepositoryManifest:
        service, _dot, backup = self.folder.name.partition(".")
        database, repo = one["database"], one["database"]["repo-key"]
        (cluster,) = [each for each in info["db"] if (each["id"], each["repo-key"]) == (database["id"], repo)]
        (cipher,) = [each["cipher"] for each in info["repo"] if each["key"] == repo]
        stored = one["info"]["repository"]
        if not LABEL.match(one["label"]):
            raise ValueError(one["label"])
        return RepositoryManifest(
            id=one["label"],
            platform="",
            service=service,
            backup=backup,
            host="",
            kind="postgres",
            engine="pgbackrest",
            begin=float(one["timestamp"]["start"]),
            end=float(one["timestamp"]["stop"]),
            versions={"server": cluster["version"], "pgbackrest": one["backrest"]["version"]},
            content={
                "repo": repo,
                "encrypted": cipher != "none",
                "type": one["type"],
                "system_identifier": str(cluster["system-id"]),
                "archive": one["archive"],
                "archive_id": f"{cluster['version']}-{database['id']}",
                "lsn": one["lsn"],
                "page_errors": one.get("error"),
                "mark": (one.get("annotation") or {}).get(MARK, ""),
            },
            stored_bytes=int(stored["delta"]),
            restored_bytes=int(one["info"]["size"]),
        )


#: Seconds that an expiry may take: it removes a file of the repository for each of the database.
_EXPIRY = 6 * 3600.0


def _of_repository(one: BackupSet, repo: int) -> bool:
    return bool(one.manifest and one.manifest.content["repo"] == repo)
