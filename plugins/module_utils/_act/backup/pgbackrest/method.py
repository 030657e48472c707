# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Backups of a whole PostgreSQL by pgBackRest: it takes the sets and keeps them; what each is worth is found here."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...._backup.backup_set import BackupSet
from ...._backup.manifest import Manifest
from ...._backup.receipt import Receipt
from ...._backup.repository import MARK, PATIENCE, Repository
from ...._backup.stores import store_of
from ...._core.errors import RunbookError
from ...._core.text import clean, size, some_of
from ...journal import Entry
from ...progress import Progress
from ..engine import Forecast, Proof
from ..pipeline import run
from ..postgres.session import Login
from . import contents, positions, settings, source, types
from .archive import Archive
from .contents import Contents
from .proof import prove, tools_of
from .source import Source
from .wal import Reach

_NAMES = 10

#: Seconds to read what pgBackRest has of all its files, of a set or of the archive.
_LISTING = 600.0

#: Bytes of a segment of WAL, unless a server was made with another size.
_USUAL_SEGMENT = 16 << 20


class PgBackRest:
    """See `method.Method`."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        store = store_of(given, given["backup"])
        if not isinstance(store, Repository):
            raise RunbookError("repository: missing; pgbackrest needs its stanza")
        self._store = store
        self.stanza = store.stanza
        self._given = given
        self._login: Login = given["login"]

    def forecast(self) -> Forecast:
        live = source.examine(self._login)
        refused = list(settings.refused(live.archiving, self.stanza))
        lines = [f"PostgreSQL {live.version}, {size(live.size)} on the server's disk, {self.stanza}"]
        lines += [f"unknown: {line}" for line in settings.unknown(live.archiving.settings)]
        refused += self._foreign(live)
        sets = self._store.sets()
        kind, why = types.next_type(sets, self._given["repository"], time.time())
        lines += [f"a set of the type {kind} is taken: {why}", *self._holes(sets)]
        return Forecast(tuple(lines), live.size, tuple(refused))

    def make(self, name: str, begin: float, entry: Entry, progress: Progress) -> Manifest:
        live = source.examine(self._login)
        kind, _why = types.next_type(self._store.sets(), self._given["repository"], begin)
        before = {} if live.in_recovery else source.positions(self._login, live.databases)
        entry.step("take")
        progress.phase(f"taking a set of the type {kind}")
        # What expires is decided by what was verified, which pgBackRest does not know.
        words = self.stanza.command("backup", f"--type={kind}", f"--annotation={MARK}={name}", "--no-expire-auto")
        run([words], cwd=Path("/"))
        entry.step("look")
        progress.phase("reading what was taken")
        one = self._store.find(self._store.settle_made(name))
        if one.manifest is None:
            raise RunbookError(f"{one.id}: {one.fault}")
        if not live.in_recovery:
            positions.keep(self._store.folder, one.id, before, source.positions(self._login, live.databases))
        positions.forget(self._store.folder, [each.id for each in self._store.sets()])
        self._refuse_damaged(one, one.manifest, live)
        return one.manifest

    def forget(self, entry: Entry) -> None:
        """Nothing: pgBackRest resumes, or removes, what is left of a set when it takes the next."""

    def container(self) -> str:
        return ""

    def read(self, one: BackupSet, manifest: Manifest, progress: Progress) -> list[str]:
        progress.phase("reading")
        try:
            found = self.contents(manifest)
        except RunbookError as exc:
            return [f"pgBackRest cannot read its manifest: {exc}"]
        proved = (one.receipt.facts if one.receipt else {}).get("manifest")
        changed = proved not in (None, found.checksum)
        return ["pgBackRest's manifest is another one than was verified"] if changed else []

    def unpack(
        self, one: BackupSet, manifest: Manifest, identities: Sequence[str], plain: Path, progress: Progress
    ) -> None:
        """Nothing: pgBackRest restores from its repository itself."""

    def prove(
        self, one: BackupSet, manifest: Manifest, _identities: Sequence[str], folder: Path, progress: Progress
    ) -> Proof:
        begin = time.monotonic()
        try:
            found = self.contents(manifest)
        except RunbookError as exc:
            return Proof(time.monotonic() - begin, (f"pgBackRest cannot read its manifest: {exc}",))
        self.refuse_unknown_tablespaces(manifest)
        given = {**self._given, "positions": self._store.folder}
        newest = self._store.sets()[0].id == one.id
        return prove(given, self.stanza, manifest, found, folder, progress, newest=newest)

    def room(self, manifest: Manifest, *, to_prove: bool) -> int:
        return manifest.plain_size if to_prove else 0

    def undecryptable(self, _manifests: Iterable[Manifest], _identities: Sequence[str]) -> list[str]:
        """pgBackRest's own configuration has what decrypts its sets."""
        return []

    def unable(self, manifest: Manifest) -> list[str]:
        try:
            tools_of(manifest, self.stanza)
        except RunbookError as exc:
            return [str(exc)]
        return []

    def refuse_unknown_tablespaces(self, manifest: Manifest) -> None:
        """Raise `RunbookError` on the host of the source, where it has tablespaces that the set does not know.

        WAL makes them again where they were, in spite of any mapping: in the folders of the live server.
        """
        try:
            live = source.examine(self._login)
        except RunbookError:
            return  # there is no live server here
        if live.system_identifier != manifest.content["system_identifier"]:
            return
        unknown = sorted(live.tablespaces.keys() - self.contents(manifest).tablespaces.keys())
        if unknown:
            names = some_of((f"{clean(name)} in {live.tablespaces[name]}" for name in unknown), _NAMES)
            raise RunbookError(
                f"{manifest.id} has no tablespace {names}, which the server here has: a copy could write into it; take"
                " a new set, or verify this one on another host"
            )

    def contents(self, manifest: Manifest) -> Contents:
        """What pgBackRest's own manifest of a set says; raises `RunbookError`."""
        path = f"backup/{self.stanza.stanza}/{manifest.id}/backup.manifest"
        repo = manifest.content["repo"]
        text = self.stanza.ask("repo-get", f"--repo={repo}", path, timeout=_LISTING)
        return contents.parse(text.splitlines(keepends=True))

    def reach(self, manifest: Manifest) -> Reach:
        """How far WAL leads from a set on; raises `RunbookError`."""
        return Archive.of(self.stanza, manifest).reach(manifest, self._segment_bytes())

    def _segment_bytes(self) -> int:
        try:
            with source.first_session(self._login) as session:
                return int(session.value(source.SEGMENT))
        except RunbookError:
            return _USUAL_SEGMENT

    def _foreign(self, live: Source) -> Iterator[str]:
        """Why the stanza is not that of the server."""
        clusters = self.stanza.info(timeout=PATIENCE)["db"]
        current = {one["repo-key"]: str(one["system-id"]) for one in sorted(clusters, key=lambda each: each["id"])}
        for repo, identifier in sorted(current.items()):
            if identifier != live.system_identifier:
                yield (
                    f"{self.stanza}: repository {repo} is of the cluster {identifier}, and the server is"
                    f" {live.system_identifier}: another one, or an upgraded one (pgbackrest stanza-upgrade)"
                )

    def _holes(self, sets: Sequence[BackupSet]) -> Iterator[str]:
        """What is missing of the WAL from each of some sets on, to the newest that there is."""
        segment = self._segment_bytes()
        archives: dict[tuple[int, str], Archive] = {}
        holes = []
        for manifest in (one.manifest for one in sets if one.manifest):
            key = manifest.content["repo"], manifest.content["archive_id"]
            if key not in archives:
                archives[key] = Archive.of(self.stanza, manifest)
            holes.append(archives[key].reach(manifest, segment).hole)
        for hole in dict.fromkeys(holes):
            if hole:
                yield f"{hole}; no time after that can be restored from a set before it"

    def _refuse_damaged(self, one: BackupSet, manifest: Manifest, live: Source) -> None:
        """Raise `RunbookError` for a set with damaged pages, which has a receipt that says so from now on."""
        if not manifest.content["page_errors"]:
            return
        damaged = self.contents(manifest).damaged
        names = some_of(source.relations(self._login, live.databases, damaged), _NAMES, separator="; ")
        fault = f"pages are damaged: {names}"
        self._store.record(
            Receipt(one.id, one.manifest_sha256, time.time(), self._given["host"], 0.0, 0.0, faults=(fault,))
        )
        raise RunbookError(f"the set {one.id} is there and is bad, since the server is damaged: {fault}")
