# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Finds the files that have to do with certificates, and reads each of them once."""

from __future__ import annotations

import contextlib
import fnmatch
import gc
import glob
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from .bundle import Content, Reader
from .certificate import Certificate

#: Names of files that are read when a folder is given; a file that is given itself is, whatever its name.
SUFFIXES = (".pem", ".crt", ".cer", ".cert", ".der", ".key", ".p12", ".pfx", ".crl")

#: More than any bundle has; what is larger is something else.
LARGEST = 16 * 1024 * 1024

#: What is read at once of a file that says nothing of its size.
_USUAL = 64 * 1024

#: Linux and others open a named pipe or a device without waiting for the other end this way.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


@dataclass
class File:
    """One file as it was found: its name in messages, what it holds, and its owner and mode."""

    path: str
    name: str
    content: Content = field(default_factory=Content)
    mode: int = 0
    uid: int = 0
    gid: int = 0
    #: Why it could not be read.
    trouble: str = ""
    #: There is no such file, which is another thing than one that cannot be read.
    missing: bool = False

    @property
    def folder(self) -> str:
        """The folder that it lies in."""
        return os.path.dirname(self.path)  # noqa: PTH120 - a Path costs more than all the rest for thousands of files

    @property
    def certificates(self) -> list[Certificate]:
        """The certificates in it, in their order."""
        return self.content.certificates


def read(path: str, name: str, reader: Reader) -> File:
    """Read one file; whatever is wrong with it is kept beside it and never raised."""
    file = File(path, name)
    try:
        descriptor = os.open(path, _FLAGS)
        try:
            status = os.fstat(descriptor)
            file.mode, file.uid, file.gid = stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid
            if not stat.S_ISREG(status.st_mode):
                file.trouble = "is no regular file"
            elif status.st_size > LARGEST:
                file.content.faults.append(f"is no certificate: it has more than {LARGEST // 1024**2} MiB")
            else:
                # Memory for the largest that is accepted would take longer to get than all the rest takes.
                file.content = reader.content(os.read(descriptor, max(status.st_size + 1, _USUAL)))
        finally:
            os.close(descriptor)
    except OSError as exc:
        file.missing = isinstance(exc, FileNotFoundError)
        file.trouble = "does not exist" if file.missing else f"cannot be read: {exc.strerror}"
    return file


@dataclass
class Found:
    """What some paths led to: files in the order of their names, and what could not be searched."""

    names: dict[str, str] = field(default_factory=dict)
    #: Paths that led nowhere or were closed, with the reason.
    troubles: dict[str, str] = field(default_factory=dict)


def find(paths: Sequence[str], excluded: Iterable[str] = ()) -> Found:
    """The files that some paths lead to: files, folders with all below them, and shell patterns of both.

    Hidden files and folders below a given one are passed over, and so is what ``excluded`` names: a name or a pattern
    of a file or folder at any depth, or of a path below the given folder.
    """
    found = Found()
    without = _Excluded(excluded)
    for path in paths:
        # Two roots may have files of the same name: then only the whole path keeps them apart.
        _find_one(path, found, without, whole=len(paths) > 1)
    return found


class _Excluded:
    """What is left out; used for every file, so that plain names are looked up and only patterns are matched."""

    def __init__(self, given: Iterable[str]) -> None:
        every = list(given)
        self._patterns = [pattern for pattern in every if glob.has_magic(pattern) or "/" in pattern]
        self._names = frozenset(every) - frozenset(self._patterns)

    def __call__(self, name: str, below: str) -> bool:
        if name in self._names:
            return True
        return any(fnmatch.fnmatchcase(name, one) or fnmatch.fnmatchcase(below, one) for one in self._patterns)


def _find_one(path: str, found: Found, without: _Excluded, *, whole: bool) -> None:
    tops = [path] if os.path.lexists(path) or not glob.has_magic(path) else sorted(glob.glob(path, recursive=True))  # noqa: PTH207 - any path
    if not tops:
        found.troubles[path] = "matches no file"
    for top in tops:
        if os.path.isdir(top):  # noqa: PTH112 - any path
            base = len(top.rstrip("/")) + 1
            before = len(found.names)
            for file in _walk(top, base, without, found):
                found.names.setdefault(file, file if whole or len(tops) > 1 else file[base:])
            if len(found.names) == before and top not in found.troubles and len(tops) == 1:
                found.troubles[top] = "has no file of certificates"
        elif not without(os.path.basename(top), top):  # noqa: PTH119 - any path
            found.names.setdefault(top, top if whole or len(tops) > 1 else os.path.basename(top))  # noqa: PTH119


def _walk(top: str, base: int, without: _Excluded, found: Found) -> Iterator[str]:
    """The files of certificates below a folder, by name; links to folders are followed, each folder once."""
    seen: set[tuple[int, int]] = set()
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        try:
            status = os.stat(folder)  # noqa: PTH116 - any path
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as entries:
                ordered = sorted(entries, key=lambda entry: entry.name)
        except OSError as exc:
            found.troubles[folder] = f"cannot be searched: {exc.strerror}"
            continue
        folders = []
        for entry in ordered:
            if entry.name.startswith(".") or without(entry.name, entry.path[base:]):
                continue
            if entry.is_dir():
                folders.append(entry.path)
            elif entry.name.lower().endswith(SUFFIXES):
                yield entry.path
        waiting += reversed(folders)


@contextlib.contextmanager
def without_collection() -> Iterator[None]:
    """Keep Python from looking for garbage where many objects are made that all stay: a third of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def read_all(names: dict[str, str], reader: Reader) -> list[File]:
    """Read every file that was found."""
    return [read(path, name, reader) for path, name in names.items()]
