# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The WAL that a stanza has in its archive: how far it leads from a set, and on which timeline."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from ...._backup.manifest import Manifest
from ...._clients.pgbackrest import Stanza
from ...._core.errors import RunbookError
from . import wal
from .wal import Reach

#: Seconds to list all files of an archive.
_LISTING = 600.0


@dataclass(frozen=True)
class Archive:
    """The archive that the WAL of a set is in. ``files`` are its files, each with the time at which it came there."""

    stanza: Stanza
    repo: int
    archive_id: str
    files: Mapping[str, float]

    @classmethod
    def of(cls, stanza: Stanza, manifest: Manifest) -> Archive:
        """List it; raises `RunbookError`."""
        repo, archive_id = manifest.content["repo"], manifest.content["archive_id"]
        path = f"archive/{stanza.stanza}/{archive_id}"
        text = stanza.ask("repo-ls", f"--repo={repo}", "--recurse", "--output=json", path, timeout=_LISTING)
        try:
            # A segment is stored with its checksum, and a suffix of the compression, behind its name.
            files = {
                name.rpartition("/")[2].partition("-")[0]: float(entry["time"])
                for name, entry in json.loads(text).items()
                if entry["type"] == "file"
            }
        except (ValueError, KeyError, TypeError) as exc:
            raise RunbookError(f"{stanza}: what pgbackrest lists of its archive cannot be understood") from exc
        return cls(stanza, repo, archive_id, files)

    def reach(self, manifest: Manifest, segment_bytes: int) -> Reach:
        """How far it leads from a set on."""
        return wal.reach(self.files, manifest.content["archive"]["start"], segment_bytes)

    def timeline(self, manifest: Manifest) -> int:
        """The newest timeline; raises `RunbookError` where the set is not on it.

        It is not where another server was promoted before the set was taken: its WAL leads to another state.
        """
        own = int(manifest.content["archive"]["start"][:8], 16)
        newest = max((int(name[:8], 16) for name in self.files if name.endswith(".history")), default=own)
        if newest <= own:
            return own
        left = dict(wal.forks(self._history(newest).splitlines()))
        stop = wal.position(manifest.content["lsn"]["stop"])
        if left.get(own, -1) < stop:
            raise RunbookError(
                f"{manifest.id} is of the timeline {own}, which the newest timeline {newest} left before the set ended:"
                " WAL leads from it to nothing later"
            )
        return newest

    def _history(self, timeline: int) -> str:
        path = f"archive/{self.stanza.stanza}/{self.archive_id}/{timeline:08X}.history"
        return self.stanza.ask("repo-get", f"--repo={self.repo}", path, timeout=_LISTING)
