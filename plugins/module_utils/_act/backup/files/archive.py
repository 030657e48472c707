# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The archive of some entries: written and unpacked by GNU tar, and read back entry by entry."""

from __future__ import annotations

import base64
import os
import shutil
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, Callable

from ...._clients import commands
from ...._core.errors import RunbookError
from ...._core.text import excerpt, lines
from .. import pipeline
from .content import Count, digest_of, sparse_digest, uncounted
from .tree import FILE, FOLDER, LINK, Entry

#: What an archive is called, by the program that compressed it.
_NAMES = {"zstd": "files.tar.zst", "gzip": "files.tar.gz"}

#: Twice the threads that age needs; a level of which the disk is the slower one.
_PACK = {"zstd": ["zstd", "-q", "-3", "-T2", "--check", "-c"], "gzip": ["gzip", "-1", "-c"]}
_UNPACK = {"zstd": ["zstd", "-q", "-d", "-c"], "gzip": ["gzip", "-d", "-c"]}

#: Everything that a file is beside its content, by number and by name.
_WHOLE = ["--acls", "--xattrs", "--xattrs-include=*"]

#: What tar ends with where something changed while it was read. What that was is known when the archive is read back.
_CHANGED = 1

#: What is read at once of a stream: the library copies all that is left of it for each part that it takes.
_BUFFER = 1 << 15

#: How the headers of an archive call an extended attribute.
_XATTR = "SCHILY.xattr."


def write(root: str, names: Iterable[str], folder: Path, watch: Callable[[int], None]) -> Path:
    """Write the archive of some paths, none of them a folder with all below it, and return it.

    What vanished or could not be read is not in it: only reading it back says what is. ``watch`` gets its size so far.
    """
    packer = "zstd" if shutil.which("zstd") else "gzip"
    archive, listed = folder / _NAMES[packer], folder / ".names"
    with listed.open("wb") as file:
        file.writelines(os.fsencode(name) + b"\0" for name in names)
    tar = ["tar", "--create", "--file=-", f"--directory={root}", "--format=pax", "--sparse", "--no-recursion", *_WHOLE]
    # A path that has gone would end it; each that is not in the archive is found by name when that is read back.
    tar += ["--ignore-failed-read", "--null", "--verbatim-files-from", "--no-unquote", f"--files-from={listed}"]
    with archive.open("wb") as target:
        os.fchmod(target.fileno(), 0o600)
        pipeline.run(
            [tar, _PACK[packer]],
            cwd=folder,
            target=target,
            accepted={"tar": (_CHANGED,)},
            watch=lambda: watch(archive.stat().st_size),
        )
    listed.unlink()
    return archive


def unpack(archive: Path, target: Path) -> None:
    """Unpack an archive below a folder: owners by number, and whatever else its files were."""
    tar = ["tar", "--extract", "--file=-", f"--directory={target}", "--same-permissions", "--numeric-owner"]
    tar += ["--delay-directory-restore", *_WHOLE]
    with archive.open("rb") as source:
        pipeline.run([_unpacker(archive), tar], cwd=target, source=source)


def read(archive: Path, like: Mapping[str, Entry], count: Count = uncounted) -> Iterator[Entry]:
    """Every entry of an archive, its content read; access lists are left out. ``like`` says how each digest is made.

    Raises `RunbookError` where it cannot be read to its end.
    """
    first: dict[str, Entry] = {}
    with _opened(archive) as stream:
        try:
            with tarfile.open(
                fileobj=stream, mode="r|", bufsize=_BUFFER, encoding="utf-8", errors="surrogateescape"
            ) as tar:
                for member in tar:
                    # The library would keep all of them.
                    tar.members = []  # type: ignore[attr-defined]
                    entry = _entry(tar, member, first, _digest_like(like.get(member.name), count))
                    if entry.type == FILE:
                        first.setdefault(entry.path, entry)
                    yield entry
        except (tarfile.TarError, ValueError, EOFError) as exc:
            raise RunbookError(f"{archive.name}: cannot be read: {exc}") from exc


@contextmanager
def _opened(archive: Path) -> Iterator[IO[bytes]]:
    with ExitStack() as opened:
        source = opened.enter_context(archive.open("rb"))
        yield opened.enter_context(pipeline.output([_unpacker(archive)], cwd=archive.parent, source=source))


def refuse_unreadable(archive: Path) -> None:
    """Raise `RunbookError` where this host lacks the program that unpacks an archive."""
    _unpacker(archive)


def _unpacker(archive: Path) -> list[str]:
    packer = _packer(archive.name)
    if not packer:
        raise RunbookError(f"{archive.name}: no program is known that unpacks it")
    if missing := list(missing_programs(archive.name)):
        raise RunbookError(f"{archive.name}: {'; '.join(missing)}")
    return _UNPACK[packer]


def _packer(name: str) -> str:
    return next((packer for packer, known in _NAMES.items() if known == name), "")


def missing_programs(name: str) -> Iterator[str]:
    """The programs that unpacking an archive of a name takes and this host has not, each as a sentence."""
    for program in ("tar", _packer(name)):
        if program and shutil.which(program) is None:
            yield f"{program} is not installed here; install the package {program}"


#: What reads the content of a member, and returns its size and digest.
_Digest = Callable[[IO[bytes], tarfile.TarInfo], "tuple[int, str]"]


def _digest_like(expected: Entry | None, count: Count) -> _Digest:
    def plain(content: IO[bytes], _member: tarfile.TarInfo) -> tuple[int, str]:
        return digest_of(content.read, count)

    def sparse(content: IO[bytes], member: tarfile.TarInfo) -> tuple[int, str]:
        # A stream goes forward only, and so does the reading of blocks; the buffer around it refuses every step.
        reader: Any = content
        raw = reader.raw

        def read_at(begin: int, length: int) -> bytes:
            raw.seek(begin)
            return bytes(raw.read(length))

        # The library has the parts of a member with holes in its order, and an empty one at its end.
        parts: list[tuple[int, int]] = getattr(member, "sparse", None) or [(0, member.size)]
        extents = [(begin, begin + length) for begin, length in parts if length]
        return member.size, sparse_digest(member.size, extents, read_at, count)

    return sparse if expected and expected.sparse else plain


def _entry(tar: tarfile.TarFile, member: tarfile.TarInfo, first: dict[str, Entry], digest_like: _Digest) -> Entry:
    entry = Entry(
        path=member.name,
        type=FILE,
        mode=member.mode & 0o7777,
        uid=member.uid,
        gid=member.gid,
        user=member.uname,
        group=member.gname,
        mtime_ns=int(Decimal(member.pax_headers.get("mtime", str(int(member.mtime)))) * 10**9),
        xattrs=dict(sorted(_xattrs(member))),
    )
    if member.isdir():
        return replace(entry, type=FOLDER)
    if member.issym():
        return replace(entry, type=LINK, target=member.linkname)
    if member.islnk():
        if member.linkname not in first:
            raise RunbookError(
                f"{member.name}: is the same as {member.linkname}, which is not in the archive before it"
            )
        return replace(first[member.linkname], path=member.name, same_as=member.linkname)
    content = tar.extractfile(member)
    if content is None:
        return replace(entry, type="something else")
    size, digest = digest_like(content, member)
    return replace(entry, size=size, sha256=digest)


def _xattrs(member: tarfile.TarInfo) -> Iterator[tuple[str, str]]:
    for name, value in member.pax_headers.items():
        if name.startswith(_XATTR):
            data = value.encode("utf-8", "surrogateescape")
            yield name[len(_XATTR) :], base64.b64encode(data).decode("ascii")


def versions() -> dict[str, str]:
    """The programs that an archive is made by, with their versions."""
    found = {}
    for program in ("tar", "zstd" if shutil.which("zstd") else "gzip"):
        outcome = commands.run([program, "--version"], timeout=60)
        found[program] = excerpt(lines(outcome.stdout)[0], 100)
    return found
