# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The sets of a certificate on the disk of its host: kept side by side, changed by renaming one link.

.. code-block:: text

    cert.pem -> .sets/current/cert.pem       what the service reads, under the names that it knows
    key.pem  -> .sets/current/key.pem
    .sets/current -> 5e2a                    the set in service: this link alone is renamed
    .sets/5e2a/{cert.pem,key.pem,...}        whole sets, which never change
    .sets/.pending/{key.pem,request.pem}     the key of the next set, until its certificate has been issued

So key and certificate change together, at one moment. All links are relative and stay inside the folder, so that a
container into which it is mounted sees the same. Nothing here knows what a certificate says.

The folder may belong to the service: whatever is written goes through a descriptor of ``.sets``, which has to belong to
who writes, and no link is followed on the way.
"""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from ..._certificates import spec
from ..._core.errors import RunbookError
from ..._core.options import Given
from .set_file import CERTIFICATE_MODE, read, write

SETS, CURRENT, PENDING = ".sets", "current", ".pending"

#: What is being put together, and the two links that are renamed to ``current``: made in time, because going back must
#: not need space on a disk that is full.
STAGING, FORWARD, BACK = ".staging", ".forward", ".back"

#: Names of the pending key and of the request that was made with it.
PENDING_KEY, PENDING_REQUEST = "key.pem", "request.pem"

#: How many sets are kept, the one in service included.
KEPT = 3

#: What a set may be called: the serial number of its certificate, or what was found under a name that was taken.
SET_NAME = re.compile(r"[0-9a-z][0-9a-z.-]*")

#: What separates the name of a set from the number of its variant: the same key and certificate with another file.
VARIANT = "-"


FOLDER_MODE, PRIVATE_MODE = 0o755, 0o700

#: The files of a set that hold a private key, by their role.
SECRET_ROLES = frozenset({"key", "pkcs12"})


@dataclass(frozen=True)
class Layout:
    """Where a set lies, what the file of each role (certificate, key, ...) is called, and who may read the key."""

    directory: str
    files: Mapping[str, str]
    uid: int = 0
    gid: int = 0
    key_mode: int = 0o400


def layout_of(given: Given) -> Layout:
    """Where a set lies and whose its files are; raises `RunbookError` for a user or group that the host has not."""
    try:
        uid, gid = pwd.getpwnam(given["user"]).pw_uid, grp.getgrnam(given["group"]).gr_gid
    except KeyError as exc:
        raise RunbookError(f"{given['directory']}: {exc.args[0]!s}") from exc
    files = {role: path.name for role, path in spec.paths(given).items()}
    return Layout(given["directory"], files, uid, gid, int(given["key_mode"], 8))


class CertificateSets:
    """The sets in one folder; open it with ``with``.

    Every method may be called again after a run was killed inside it. Whatever the disk refuses is an `OSError`, and
    then what is in service is what was in service before.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._folder = -1
        self._sets = -1

    def __enter__(self) -> CertificateSets:
        for name in self.layout.files.values():
            if "/" in name or name in ("", ".", "..", SETS):
                raise RunbookError(f"{self.layout.directory}: expected the name of a file in this folder, got {name!r}")
        self._folder = os.open(self.layout.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        with contextlib.suppress(FileNotFoundError):
            self._open_sets()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        for descriptor in (self._folder, self._sets):
            if descriptor >= 0:
                os.close(descriptor)
        self._folder = self._sets = -1

    @property
    def current(self) -> str:
        """The set in service; empty where there is none."""
        return self._target(CURRENT)

    @property
    def names(self) -> list[str]:
        """The sets that there are, newest first."""
        if self._sets < 0:
            return []
        found = [name for name in os.listdir(self._sets) if SET_NAME.fullmatch(name) and name != CURRENT]  # noqa: PTH208 - a descriptor
        return sorted(found, key=lambda name: os.stat(name, dir_fd=self._sets).st_mtime_ns, reverse=True)

    def live(self) -> dict[str, bytes]:
        """What is found under the known names, by role; a name that is not there is left out."""
        return self._contents(self._folder)

    def content(self, name: str) -> dict[str, bytes]:
        """The files of a set, by role."""
        with self._opened(name) as folder:
            return self._contents(folder)

    def adopt(self, name: str) -> str:
        """Make a set of what lies under the known names, so that they can become links; returns its name.

        What they show is the same at every moment, so that no service has to be reloaded. Where they are links already,
        nothing changes.
        """
        present = [file for file in self.layout.files.values() if _exists(file, self._folder)]
        if not present or all(self._is_ours(file) for file in present):
            return self.current
        self._make_sets()
        live = self.live()
        taken = {known: self.content(known) for known in self.names}
        chosen = next((known for known in _alternatives(name) if known not in taken or taken[known] == live), name)
        if chosen not in taken:
            self._build(chosen, present)
        if self.current != chosen:
            self._point(FORWARD, chosen)
            self._rename(FORWARD, CURRENT)
        self.link()
        return chosen

    def _build(self, name: str, present: list[str]) -> None:
        """Make a set of the live files themselves; their owners and modes are what the service can work with."""
        with self._staging() as folder:
            for file in present:
                if stat.S_ISREG(os.lstat(file, dir_fd=self._folder).st_mode):
                    # The very file: no second copy of a key is written.
                    os.link(file, file, src_dir_fd=self._folder, dst_dir_fd=folder, follow_symlinks=False)
                else:
                    found = os.stat(file, dir_fd=self._folder)
                    write(folder, file, read(self._folder, file), mode=found.st_mode & 0o777, owner=found)
        self._rename(STAGING, name)

    def stage(self, name: str, files: Mapping[str, bytes]) -> None:
        """Put a new set beside the others: files by role, and the pending key, which is moved and not copied."""
        self._make_sets()
        owner = (self.layout.uid, self.layout.gid)
        with self._staging() as folder:
            for role, content in files.items():
                mode = self.layout.key_mode if role in SECRET_ROLES else CERTIFICATE_MODE
                write(folder, self.layout.files[role], content, mode=mode, owner=owner)
            with self._opened(PENDING) as pending:
                key = os.open(PENDING_KEY, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=pending)
                try:
                    os.fchown(key, *owner)
                    os.fchmod(key, self.layout.key_mode)
                    os.fsync(key)
                finally:
                    os.close(key)
                os.rename(PENDING_KEY, self.layout.files["key"], src_dir_fd=pending, dst_dir_fd=folder)
        self._rename(STAGING, name)
        self.forget_pending()

    def vary(self, name: str, like: str, files: Mapping[str, bytes]) -> None:
        """Put a set beside another one that differs from it in some files, by role.

        All others are the very same files, so that no second copy of a key is written.
        """
        with self._staging() as folder, self._opened(like) as source:
            for role, file in self.layout.files.items():
                if role in files:
                    owner = (self.layout.uid, self.layout.gid)
                    write(folder, file, files[role], mode=CERTIFICATE_MODE, owner=owner)
                elif _exists(file, source):
                    os.link(file, file, src_dir_fd=source, dst_dir_fd=folder, follow_symlinks=False)
        self._rename(STAGING, name)

    def variant(self, name: str) -> str:
        """What the next variant of a set may be called."""
        taken = set(self.names)
        return next(
            free for number in range(2, 10000) if (free := f"{_stem(name)}{VARIANT}{number}") not in taken | {name}
        )

    def prepare(self, new: str, old: str) -> None:
        """Make both links that may be renamed, while it can still be refused."""
        self._point(FORWARD, new)
        if old:
            self._point(BACK, old)

    def forward(self, new: str) -> None:
        """Put a set into service."""
        if self.current != new:
            if self._target(FORWARD) != new:
                self._point(FORWARD, new)
            self._rename(FORWARD, CURRENT)
        self.link()

    def back(self, old: str) -> None:
        """Put the set back that was in service before; without one, take the names away again."""
        if not old:
            self._unlink(CURRENT)
        elif self.current != old:
            if self._target(BACK) != old:
                self._point(BACK, old)
            self._rename(BACK, CURRENT)
        self.link()

    def link(self) -> None:
        """Let the known names lead to the set in service, those that it has; take away links that lead nowhere."""
        current = self.current
        for file in self.layout.files.values():
            there = bool(current) and _exists(f"{SETS}/{CURRENT}/{file}", self._folder)
            beside = f".{file}.new"
            if _exists(beside, self._folder, follow=False):
                os.unlink(beside, dir_fd=self._folder)
            if there and not self._is_ours(file):
                os.symlink(f"{SETS}/{CURRENT}/{file}", beside, dir_fd=self._folder)
                os.rename(beside, file, src_dir_fd=self._folder, dst_dir_fd=self._folder)
            elif not there and self._is_ours(file):
                os.unlink(file, dir_fd=self._folder)
        os.fsync(self._folder)

    def discard(self, name: str) -> None:
        """Remove a set that is not in service, its key with it, and what was being put together."""
        if self._sets < 0:
            return
        for link in (FORWARD, BACK):
            self._unlink(link)
        for folder in (STAGING, name):
            if folder and folder != self.current:
                self._remove(folder)
        os.fsync(self._sets)

    def finish(self, *, keep: tuple[str, ...] = ()) -> None:
        """Clear up after a change: the prepared links, and the oldest sets; those in ``keep`` stay in any case.

        Of a set with variants, the newest one stays: they have the same key.
        """
        for link in (FORWARD, BACK):
            self._unlink(link)
        self._remove(STAGING)
        spared = {self.current, *keep}
        pairs = dict.fromkeys(map(_stem, [name for name in self.names if name in spared]))
        for name in [name for name in self.names if name not in spared]:
            if _stem(name) in pairs or len(pairs) >= KEPT:
                self._remove(name)
            else:
                pairs[_stem(name)] = None
        os.fsync(self._sets)

    def pending(self) -> dict[str, bytes]:
        """The pending key and its request, by file name, those that there are."""
        if self._sets < 0 or not _exists(PENDING, self._sets):
            return {}
        with self._opened(PENDING) as folder:
            names = [name for name in (PENDING_KEY, PENDING_REQUEST) if _exists(name, folder)]
            return {name: read(folder, name) for name in names}

    def keep_pending(self, key: bytes, request: bytes) -> None:
        """Keep the key of the next set, readable by no other user, until its certificate has been issued."""
        self._make_sets()
        self.forget_pending()
        os.mkdir(PENDING, PRIVATE_MODE, dir_fd=self._sets)
        with self._opened(PENDING) as folder:
            write(folder, PENDING_KEY, key, mode=0o600)
            write(folder, PENDING_REQUEST, request, mode=0o600)
            os.fsync(folder)
        os.fsync(self._sets)

    def forget_pending(self) -> None:
        """Remove what is pending."""
        if self._sets >= 0:
            self._remove(PENDING)

    def _make_sets(self) -> None:
        if self._sets < 0:
            with contextlib.suppress(FileExistsError):
                os.mkdir(SETS, FOLDER_MODE, dir_fd=self._folder)
                os.fsync(self._folder)
            self._open_sets()
            # Services that are not root go through it to their files; what is secret has a mode of its own.
            os.fchmod(self._sets, FOLDER_MODE)

    def _open_sets(self) -> None:
        opened = os.open(SETS, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._folder)
        if os.fstat(opened).st_uid != os.geteuid():
            os.close(opened)
            raise RunbookError(
                f"{self.layout.directory}/{SETS}: belongs to another user (expected uid {os.geteuid()}), so what it"
                " holds cannot be trusted; look into it, then move it away"
            )
        self._sets = opened

    @contextlib.contextmanager
    def _opened(self, name: str) -> Iterator[int]:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        folder = os.open(name, flags, dir_fd=self._sets)
        try:
            yield folder
        finally:
            os.close(folder)

    @contextlib.contextmanager
    def _staging(self) -> Iterator[int]:
        """An empty folder to put a set together in; on the disk when this ends."""
        self._remove(STAGING)
        os.mkdir(STAGING, PRIVATE_MODE, dir_fd=self._sets)
        with self._opened(STAGING) as folder:
            yield folder
            os.fchmod(folder, FOLDER_MODE)
            os.fsync(folder)

    def _contents(self, folder: int) -> dict[str, bytes]:
        files = self.layout.files.items()
        return {role: read(folder, file) for role, file in files if _exists(file, folder)}

    def _is_ours(self, file: str) -> bool:
        try:
            return os.readlink(file, dir_fd=self._folder) == f"{SETS}/{CURRENT}/{file}"
        except OSError:
            return False

    def _target(self, link: str) -> str:
        if self._sets < 0:
            return ""
        try:
            return os.readlink(link, dir_fd=self._sets)
        except FileNotFoundError:
            return ""

    def _point(self, link: str, name: str) -> None:
        if self._target(link) != name:
            self._unlink(link)
            os.symlink(name, link, dir_fd=self._sets)

    def _rename(self, source: str, target: str) -> None:
        os.rename(source, target, src_dir_fd=self._sets, dst_dir_fd=self._sets)
        os.fsync(self._sets)

    def _unlink(self, name: str) -> None:
        if _exists(name, self._sets, follow=False):
            os.unlink(name, dir_fd=self._sets)

    def _remove(self, name: str) -> None:
        """Remove a folder and its files; there are no folders in it."""
        try:
            with self._opened(name) as folder:
                for file in os.listdir(folder):  # noqa: PTH208 - a descriptor
                    os.unlink(file, dir_fd=folder)
        except FileNotFoundError:
            return
        os.rmdir(name, dir_fd=self._sets)


def _exists(name: str, folder: int, *, follow: bool = True) -> bool:
    """Whether a name leads to a file; without ``follow``, whether there is such a name."""
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=follow)
    except FileNotFoundError:
        return False
    return True


def _stem(name: str) -> str:
    """What all variants of a set have in common."""
    return name.partition(VARIANT)[0]


def _alternatives(name: str) -> Iterator[str]:
    yield name
    for number in range(2, 1000):
        yield f"{name}.{number}"


def paths(layout: Layout) -> dict[str, str]:
    """The path under which the service knows the file of each role."""
    return {role: str(Path(layout.directory) / file) for role, file in layout.files.items()}
