# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Backups of files: an archive, and a listing of all that is in it, which an unpacked copy is compared with.

What changes while it is read is taken again; where it goes on changing, the set is refused and not half right. Only
what the description declares as volatile may differ, and of that the listing has what the archive holds.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...._backup.manifest import Manifest
from ...._backup.spec import directory
from ...._core.errors import DriverMissing, RunbookError
from ...._core.text import size, some_of, visible
from ...progress import Progress
from ..engine import Forecast, Proof, Taken
from . import archive as files_archive
from .live import live_databases
from .pairs import Pairs, pairs
from .tree import FILE, FOLDER, LINK, OF_THE_HOST, Entry, Patterns, Seen, describe, differences, signature, walk

#: The file of a set that says what its archive holds: a line of JSON about all of it, then one for each entry.
LISTING = "listing.jsonl"

#: How often it is tried to read everything while nothing changes.
_ATTEMPTS = 3

#: How many paths a message names.
_NAMED = 5

#: What a header and an entry of the listing take, at most but for the longest names.
_OVERHEAD = 4096

#: What an archive cannot say: access lists have a form of their own in it, and holes are how it was read.
_NOT_IN_ARCHIVE = ("holes", "xattrs")

_ACL = "system.posix_acl_"


class FilesEngine:
    """See `engine.Engine`."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._paths = [os.path.normpath(path) for path in given["paths"]]
        self._exclude = [*(given.get("exclude") or ()), str(directory(given))]
        self._volatile = Patterns(given.get("volatile") or ())

    def forecast(self) -> Forecast:
        """What lies below the paths, without reading any of it."""
        if meaningless := tuple(self._meaningless()):
            return Forecast(refused=meaningless)
        seen = self._walk()
        lines = [f"{len(seen.kept)} entries below {some_of(self._paths, _NAMED)}, {size(seen.size)} on the disk"]
        if seen.passed_over:
            named = some_of((f"/{visible(name)} ({kind})" for name, kind in seen.passed_over.items()), _NAMED)
            lines.append(f"skipped, since each is made anew by what uses it: {named}")
        if seen.excluded:
            lines.append(f"left out: {some_of((f'/{visible(name)}' for name in seen.excluded), _NAMED)}")
        plain = seen.size + _OVERHEAD * len(seen.kept)
        return Forecast(tuple(lines), plain, tuple(self._refusals(seen)))

    def take(self, folder: Path, progress: Progress) -> Taken:
        """Write the archive and its listing."""
        changed: dict[str, str] = {}
        for _attempt in range(_ATTEMPTS):
            entries, seen, changed = self._attempt(folder, progress)
            unstable = {name: why for name, why in changed.items() if not self._volatile.cover(f"/{name}")}
            if not unstable:
                return self._taken(folder, entries, seen, sorted(changed))
        named = some_of((f"/{visible(name)} {why}" for name, why in sorted(unstable.items())), _NAMED)
        raise RunbookError(
            f"inconsistent: while it was read, {_ATTEMPTS} times, {named}; stop what writes there, or declare it as"
            " volatile"
        )

    def unable(self, manifest: Manifest) -> Iterator[str]:
        """The programs that are missing."""
        yield from files_archive.missing_programs(str(manifest.content["archive"]))

    def container(self) -> str:
        return ""

    def prove(self, plain: Path, manifest: Manifest, scratch: Path, progress: Progress) -> Proof:
        """Unpack the archive, and walk it as the source was walked."""
        content = manifest.content
        try:
            head, expected = read_listing(plain / LISTING)
        except NoListing as exc:
            return Proof(0, (str(exc),))
        faults = list(_disagreements(content, expected))
        _refuse_poor_file_system(scratch, expected.values())
        archive = plain / str(content["archive"])
        if not archive.is_file():
            return Proof(0, (*faults, f"{visible(archive.name)}: is missing, and is the archive of the set"))
        progress.phase("unpacking", total=float(content["bytes"]), unit="bytes")
        begin = time.monotonic()
        if fault := _unpacked(archive, expected, scratch):
            return Proof(time.monotonic() - begin, (*faults, fault))
        seconds = time.monotonic() - begin
        seen = walk([f"/{path}" for path in head["paths"]], root=str(scratch))
        progress.phase("comparing", total=float(content["bytes"]), unit="bytes")
        found = describe(seen, _counter(progress), like=expected)
        faults += _compare(expected, found, head)
        faults += _compare_pairs(head, str(scratch), found.values())
        facts = {name: content[name] for name in ("entries", "files", "bytes")}
        return Proof(seconds, tuple(faults), {**facts, "owners": os.geteuid() == 0, "pairs": len(_fitting(head))})

    def _walk(self) -> Seen:
        return walk(self._paths, exclude=Patterns(self._exclude))

    def _meaningless(self) -> Iterator[str]:
        """Paths that are not even walked."""
        for path in self._paths:
            if not path.startswith("/") or not path.strip("/"):
                yield f"{path}: expected the absolute path of a file or a folder, and not of all that there is"
            elif os.path.islink(path) and not self._covers(os.path.realpath(path)):  # noqa: PTH114 - any bytes
                yield f"{path}: is a link to {os.path.realpath(path)}, which no path of the backup has; name that, too"

    def _refusals(self, seen: Seen) -> Iterator[str]:
        """Why what was seen cannot be taken."""
        unseen = some_of((f"/{visible(name)}: {why}" for name, why in seen.troubles.items()), _NAMED, "; ")
        if unseen:
            yield f"what cannot be read cannot be backed up: {unseen}"
        yield from live_databases(seen)

    def _covers(self, path: str) -> bool:
        return any(path == one or path.startswith(f"{one}/") for one in self._paths)

    def _attempt(self, folder: Path, progress: Progress) -> tuple[dict[str, Entry], Seen, dict[str, str]]:
        """Read everything once. Returns what the archive holds, what was seen, and what changed meanwhile, with how."""
        if refused := list(self._meaningless()):
            raise RunbookError("; ".join(refused))
        before = self._walk()
        if refused := list(self._refusals(before)):
            raise RunbookError("; ".join(refused))
        progress.phase("hashing", total=before.size, unit="bytes")
        expected = describe(before, _counter(progress))
        if refused := list(self._refusals(before)):
            raise RunbookError("; ".join(refused))
        progress.phase("archiving", unit="bytes of the archive")
        archive = files_archive.write("/", expected, folder, progress.at)
        progress.phase("reading back", total=before.size, unit="bytes")
        archived = {entry.path: entry for entry in files_archive.read(archive, expected, _counter(progress))}
        after = self._walk()
        changed = dict(_moved(before, after))
        entries: dict[str, Entry] = {}
        for name, entry in expected.items():
            found = archived.get(name)
            if entry.type == FOLDER and found is not None:
                entry = replace(entry, mtime_ns=found.mtime_ns)  # noqa: PLW2901 - what changed in it is found by itself
            different = next(_different(entry, found), "")
            if different:
                changed.setdefault(name, different)
            if found is not None:
                entries[name] = replace(found, xattrs=entry.xattrs) if different else entry
        return entries, before, changed

    def _taken(self, folder: Path, entries: Mapping[str, Entry], seen: Seen, volatile: list[str]) -> Taken:
        try:
            found: Mapping[str, Any] = pairs("/", entries.values()).as_dict()
        except DriverMissing as exc:
            found = {"unknown": str(exc)}
        head = {"paths": [path.strip("/") for path in self._paths], "pairs": found, "skipped": seen.passed_over}
        _write_listing(folder / LISTING, head, entries.values())
        archive = next(path.name for path in folder.iterdir() if path.name.startswith("files.tar"))
        content = {
            "archive": archive,
            "paths": head["paths"],
            "volatile": len(volatile),
            "owners": _owners(entries.values()),
            **_counts(entries.values()),
        }
        return Taken(content, files_archive.versions())


def _counter(progress: Progress) -> Any:
    """What adds up bytes, and says so."""
    done = 0

    def count(piece: int) -> None:
        nonlocal done
        done += piece
        progress.at(done)

    return count


def _moved(before: Seen, after: Seen) -> Iterator[tuple[str, str]]:
    """What was not as it had been when all was read."""
    for name in {**before.found, **after.found}:
        old, new = before.found.get(name), after.found.get(name)
        if signature(old) != signature(new):
            yield name, "vanished" if new is None else "appeared" if old is None else "changed"


def _different(expected: Entry, found: Entry | None) -> Iterator[str]:
    """How an entry of the archive is not what was read of the source before."""
    yield from differences(expected, found, without=_NOT_IN_ARCHIVE)
    if found is not None and _comparable(expected.xattrs) != _comparable(found.xattrs):
        yield "has other extended attributes"


def _comparable(xattrs: Mapping[str, str]) -> dict[str, str]:
    """Attributes without access lists: tar has those in a form of its own, or in both, as it was built."""
    return {name: value for name, value in xattrs.items() if not name.startswith(_ACL) and name not in OF_THE_HOST}


def _owners(entries: Iterable[Entry]) -> dict[str, dict[str, str]]:
    """The names of users and groups by their numbers: by the manifest alone, another host is asked for them."""
    every = list(entries)
    return {
        "users": {str(number): name for number, name in sorted({(one.uid, one.user) for one in every})},
        "groups": {str(number): name for number, name in sorted({(one.gid, one.group) for one in every})},
    }


def _counts(entries: Iterable[Entry]) -> dict[str, int]:
    """What a manifest has of a listing: each of it is counted anew when the set is proved."""
    every = list(entries)
    files = [entry for entry in every if entry.type == FILE]
    return {
        "entries": len(every),
        "files": len(files),
        "folders": sum(entry.type == FOLDER for entry in every),
        "links": sum(entry.type == LINK for entry in every),
        "bytes": sum(entry.size for entry in files if not entry.same_as),
    }


def _write_listing(path: Path, head: Mapping[str, Any], entries: Iterable[Entry]) -> None:
    with path.open("w", encoding="ascii") as file:
        file.write(json.dumps(head) + "\n")
        file.writelines(json.dumps(entry.as_dict()) + "\n" for entry in entries)


class NoListing(RunbookError):
    """A file of a set that should be its listing, and is none."""


def read_listing(path: Path) -> tuple[dict[str, Any], dict[str, Entry]]:
    """The head and the entries of a listing. Raises `NoListing` where it is none."""
    try:
        with path.open(encoding="ascii") as file:
            head = json.loads(next(file))
            entries = [Entry(**json.loads(line)) for line in file]
        return {"paths": list(head["paths"]), **head}, {entry.path: entry for entry in entries}
    except (OSError, ValueError, TypeError, KeyError, StopIteration) as exc:
        raise NoListing(f"{path.name}: is no listing of files: {exc}") from exc


def _disagreements(content: Mapping[str, Any], entries: Mapping[str, Entry]) -> Iterator[str]:
    for name, count in _counts(entries.values()).items():
        if content.get(name) != count:
            yield f"the manifest counts {content.get(name)} {name}, and the listing of the set {count}"


def _compare(expected: Mapping[str, Entry], found: Mapping[str, Entry], head: Mapping[str, Any]) -> Iterator[str]:
    """Every difference between the listing and what was unpacked, as a sentence."""
    # Names of users are those of a host; only root can give a file to another user.
    without = ("user", "group", *(("uid", "gid") if os.geteuid() else ()))
    for name, entry in expected.items():
        for difference in differences(entry, found.get(name), without=without):
            yield f"/{visible(name)}: {difference}"
    for name in found.keys() - expected.keys():
        yield f"/{visible(name)}: was restored, and is not in the listing of the set"
    for path in head["paths"]:
        if path not in found:
            yield f"/{visible(path)}: is a path of the backup, and nothing of it was restored"


def _fitting(head: Mapping[str, Any]) -> Mapping[str, list[str]]:
    fitting: Mapping[str, list[str]] = head["pairs"].get("fitting", {})
    return fitting


def _compare_pairs(head: Mapping[str, Any], root: str, entries: Iterable[Entry]) -> Iterator[str]:
    """Every key that belonged to a certificate at the source and does not now. What was broken there, stays so."""
    if not _fitting(head):
        return
    found: Pairs = pairs(root, entries)
    for key, certificates in _fitting(head).items():
        for lost in set(certificates) - set(found.fitting.get(key, ())):
            yield f"/{visible(key)}: is not the key of /{visible(lost)} any more"


def _unpacked(archive: Path, expected: Mapping[str, Entry], target: Path) -> str:
    """Unpack, and return what is wrong with the archive. Where it is sound, and the host is not, raises."""
    needed = sum(entry.size - entry.holes for entry in expected.values() if not entry.same_as)
    free = shutil.disk_usage(target).free
    if free < needed:
        raise RunbookError(f"{target}: {size(free)} are free, and what the set holds takes {size(needed)}")
    files_archive.refuse_unreadable(archive)
    try:
        files_archive.unpack(archive, target)
    except RunbookError as unpacking:
        try:
            for _entry in files_archive.read(archive, expected):
                pass
        except RunbookError as reading:
            return f"the archive cannot be unpacked: {reading}"
        raise RunbookError(f"{target}: the archive is sound, and cannot be unpacked there: {unpacking}") from unpacking
    return ""


def _refuse_poor_file_system(scratch: Path, entries: Iterable[Entry]) -> None:
    """Raise where scratch cannot hold what the files have: that would say nothing about the set."""
    tried = set()
    probe = scratch / ".probe"
    for entry in entries:
        for name, value in entry.xattrs.items():
            if name in tried or entry.type != FILE:
                continue
            tried.add(name)
            _try_attribute(probe, name, value)


def _try_attribute(probe: Path, name: str, value: str) -> None:
    probe.touch()
    try:
        os.setxattr(probe, name, base64.b64decode(value))
    except OSError as exc:
        raise RunbookError(
            f"{probe.parent}: takes no extended attribute {name} ({exc.strerror}), so nothing can be proved there; give"
            " another folder as scratch"
        ) from exc
    finally:
        probe.unlink()
