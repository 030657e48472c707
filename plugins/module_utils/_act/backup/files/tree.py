# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What lies below some paths, entry by entry: the same code walks the source and what was unpacked of it.

Names are text in which bytes that are no UTF-8 are kept as surrogates, which JSON keeps too. Links are never followed.
File systems that are mounted below a path belong to it: what an operator names is what an operator sees there.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import fnmatch
import grp
import os
import pwd
import re
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from typing import Any

from .content import SOME, SPARSE, Count, of_file, uncounted

FILE, FOLDER, LINK = "file", "folder", "link"

#: What an archive holds. Anything else (a socket, a FIFO, a device) is made anew by what uses it, and is only listed.
KEPT = (FILE, FOLDER, LINK)

_TYPES: Mapping[int, str] = {
    stat.S_IFREG: FILE,
    stat.S_IFDIR: FOLDER,
    stat.S_IFLNK: LINK,
    stat.S_IFSOCK: "socket",
    stat.S_IFIFO: "FIFO",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
}

#: Attributes that follow from the policy of a host, and not from what a file is.
OF_THE_HOST = frozenset({"security.selinux", "security.evm", "security.ima"})


class Patterns:
    """Shell patterns of paths. One without a slash is of a name at any depth; what matches covers all below it."""

    def __init__(self, patterns: Iterable[str]) -> None:
        every = list(patterns)
        self._paths = _either(pattern.rstrip("/") for pattern in every if "/" in pattern)
        self._names = _either(pattern for pattern in every if "/" not in pattern)

    def match(self, path: str) -> bool:
        """Whether a pattern is of this very path, which begins with a slash."""
        return bool(self._paths.match(path) or self._names.match(path.rpartition("/")[2]))

    def cover(self, path: str) -> bool:
        """Whether a pattern is of a path, or of a folder that it lies in."""
        while path and path != "/":
            if self.match(path):
                return True
            path = path.rpartition("/")[0]
        return False


def _either(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(fnmatch.translate, patterns)) or r"(?!)")


@dataclass(frozen=True)
class Entry:
    """A file, folder or link. ``path`` is relative to the root; ``target`` is a link's.

    ``same_as`` is the first path of the same file, where it has several; ``holes`` are the bytes of a file that take
    no room on the disk, and decide how its digest is made (`files_content`); ``xattrs`` are extended attributes in
    Base64, access lists and capabilities among them.
    """

    path: str
    type: str
    mode: int = 0
    uid: int = 0
    gid: int = 0
    user: str = ""
    group: str = ""
    mtime_ns: int = 0
    size: int = 0
    sha256: str = ""
    target: str = ""
    same_as: str = ""
    holes: int = 0
    xattrs: Mapping[str, str] = field(default_factory=dict)

    @property
    def sparse(self) -> bool:
        """Whether its digest is one of blocks."""
        return self.sha256.startswith(SPARSE)

    def as_dict(self) -> dict[str, Any]:
        """As a listing has it: what is empty is left out."""
        return {name: value for name, value in asdict(self).items() if value}


@dataclass
class Seen:
    """What a walk came by: the status of each path, relative to the root, in the order of the walk.

    ``troubles`` are paths that are missing or closed, with the reason; ``excluded`` those that were left out.
    """

    root: str
    found: dict[str, os.stat_result] = field(default_factory=dict)
    troubles: dict[str, str] = field(default_factory=dict)
    excluded: list[str] = field(default_factory=list)

    @property
    def kept(self) -> list[str]:
        """The paths that an archive holds."""
        return [name for name, status in self.found.items() if type_of(status) in KEPT]

    @property
    def passed_over(self) -> dict[str, str]:
        """What an archive does not hold, with its type."""
        return {name: kind for name, status in self.found.items() if (kind := type_of(status)) not in KEPT}

    @property
    def size(self) -> int:
        """Bytes of the files on the disk, each once."""
        files = {(one.st_dev, one.st_ino): one for one in self.found.values() if stat.S_ISREG(one.st_mode)}
        return sum(min(one.st_size, one.st_blocks * 512) for one in files.values())


def walk(paths: Sequence[str], *, root: str = "/", exclude: Patterns | None = None) -> Seen:
    """Walk some absolute paths, below another root where one is given. What cannot be seen is kept, never raised."""
    seen = Seen(root)
    for path in paths:
        _walk(path.strip("/"), seen, exclude or Patterns(()))
    return seen


def _walk(top: str, seen: Seen, exclude: Patterns) -> None:
    pending = [top]
    while pending:
        name = pending.pop()
        if name in seen.found or name in seen.troubles:
            continue
        path = os.path.join(seen.root, name)  # noqa: PTH118 - any bytes, and many of them
        try:
            status = os.lstat(path)
            seen.found[name] = status
            if stat.S_ISREG(status.st_mode) and not os.access(path, os.R_OK, effective_ids=True):
                seen.troubles[name] = os.strerror(errno.EACCES)
            if not stat.S_ISDIR(status.st_mode):
                continue
            names = sorted(os.listdir(path), reverse=True)  # noqa: PTH208 - any bytes
        except OSError as exc:
            if name != top and _has_gone(exc):
                seen.found.pop(name, None)
            else:
                seen.troubles[name] = exc.strerror or str(exc)
            continue
        for one in names:
            below = f"{name}/{one}"
            if exclude.match(f"/{below}"):
                seen.excluded.append(below)
            else:
                pending.append(below)


def signature(status: os.stat_result | None) -> tuple[int, ...] | None:
    """What is another one as soon as an entry is changed. A folder's times say only that its entries are others."""
    if status is None:
        return None
    identity = (status.st_dev, status.st_ino, status.st_mode, status.st_uid, status.st_gid)
    if stat.S_ISDIR(status.st_mode):
        return identity
    return (*identity, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def type_of(status: os.stat_result) -> str:
    """What an entry is."""
    return _TYPES.get(stat.S_IFMT(status.st_mode), "something else")


def describe(seen: Seen, count: Count = uncounted, *, like: Mapping[str, Entry] | None = None) -> dict[str, Entry]:
    """All that an archive has to keep of what was seen, every file read; ``like`` says how each digest is made.

    An entry that cannot be read becomes a trouble of ``seen``; one that has gone is left out.
    """
    entries: dict[str, Entry] = {}
    first: dict[tuple[int, int], str] = {}
    for name in seen.kept:
        status = seen.found[name]
        same = first.setdefault((status.st_dev, status.st_ino), name) if stat.S_ISREG(status.st_mode) else name
        try:
            if same != name and same in entries:
                entries[name] = replace(entries[same], path=name, same_as=same)
            else:
                entries[name] = _entry(seen.root, name, status, (like or {}).get(name), count)
        except OSError as exc:
            if not _has_gone(exc):
                seen.troubles[name] = exc.strerror or str(exc)
    return entries


def _has_gone(exc: OSError) -> bool:
    """Whether there is no such thing any more, or another one in its place: a later walk sees what it is now."""
    return exc.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO)


def _entry(root: str, name: str, status: os.stat_result, like: Entry | None, count: Count) -> Entry:
    path = os.path.join(root, name)  # noqa: PTH118 - any bytes
    entry = Entry(
        path=name,
        type=type_of(status),
        mode=stat.S_IMODE(status.st_mode),
        uid=status.st_uid,
        gid=status.st_gid,
        user=_user(status.st_uid),
        group=_group(status.st_gid),
        mtime_ns=status.st_mtime_ns,
        xattrs=_xattrs(path),
    )
    if entry.type == LINK:
        return replace(entry, target=os.readlink(path))  # noqa: PTH115 - any bytes
    if entry.type == FILE:
        size, digest, holes = of_file(path, sparse=like.sparse if like else None, count=count)
        return replace(entry, size=size, sha256=digest, holes=holes)
    return entry


def _xattrs(path: str) -> dict[str, str]:
    try:
        names = os.listxattr(path, follow_symlinks=False)
    except OSError as exc:
        if exc.errno in (errno.ENOTSUP, errno.EOPNOTSUPP):
            return {}
        raise
    found = {}
    for name in sorted(set(names) - OF_THE_HOST):
        with contextlib.suppress(OSError):  # gone meanwhile, or of a kind that only the kernel reads
            found[name] = base64.b64encode(os.getxattr(path, name, follow_symlinks=False)).decode("ascii")
    return found


@cache
def _user(number: int) -> str:
    with contextlib.suppress(KeyError):
        return pwd.getpwuid(number).pw_name
    return ""


@cache
def _group(number: int) -> str:
    with contextlib.suppress(KeyError):
        return grp.getgrgid(number).gr_name
    return ""


#: How a message calls what differs.
_SAYS: Mapping[str, str] = {
    "mode": "another mode",
    "uid": "another owner's number",
    "gid": "another group's number",
    "user": "another owner",
    "group": "another group",
    "mtime_ns": "another time of change",
    "size": "another size",
    "sha256": "another content",
    "target": "another target",
    "same_as": "another first name of the same file",
    "xattrs": "other extended attributes",
}


def differences(expected: Entry, found: Entry | None, *, without: Iterable[str] = ()) -> Iterator[str]:
    """How an entry differs from what it has to be; ``without`` are fields that are not compared."""
    if found is None:
        yield "is missing"
        return
    if expected.type != found.type:
        yield f"is a {found.type}, and was a {expected.type}"
        return
    for name in _SAYS:
        if name not in without and getattr(expected, name) != getattr(found, name):
            yield f"has {_SAYS[name]}{_values(name, expected, found)}"
    if "holes" not in without and expected.holes >= SOME and found.holes < expected.holes // 2:
        yield "has lost its holes, and takes more room"


def _values(name: str, expected: Entry, found: Entry) -> str:
    if name in ("sha256", "xattrs", "mtime_ns"):
        return ""
    before, after = getattr(expected, name), getattr(found, name)
    if name == "mode":
        before, after = f"{before:04o}", f"{after:04o}"
    return f": {after}, and was {before}"
