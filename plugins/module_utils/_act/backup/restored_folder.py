# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is restored without a database server: where it goes, and a folder that appears by one rename."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from ..._backup.store import Store
from ..._core.errors import RunbookError
from .restorer import Destination, Request
from .space import existing


def destination(store: Store, request: Request, stamp: str, paths: tuple[str, ...] = ()) -> Destination:
    """Where a set goes: in place, by the name of its backup, or to a folder. Raises `RunbookError` for another name."""
    own = store.folder.name
    if request.database:
        raise RunbookError(f"a set of {own} has no database {request.database!r}")
    if request.in_place and request.target:
        raise RunbookError("it is restored in place or to another target, and both were given")
    if request.in_place and request.in_place != own:
        raise RunbookError(f"in place of {request.in_place!r} was typed, and what is restored is {own!r}")
    if request.in_place:
        return Destination(own, "", stamp, in_place=True, replaces=True, paths=paths)
    name = request.target or str(store.folder.with_name(f"{own}_recovery"))
    if not name.startswith("/") or os.path.normpath(name) != name:
        raise RunbookError(f"{name}: expected the absolute path of a folder")
    return Destination(name, "", stamp, in_place=False, replaces=False, paths=paths)


def root_beside(path: Path, stamp: str) -> Path:
    """Where something is made that one rename is to bring to a path."""
    return existing(path.parent) / f".xorb-restore-{stamp}"


def refusals(target: Path) -> Iterator[str]:
    """Why nothing can be restored as a folder of that name."""
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        yield f"{target} is not empty, and nothing is restored into it: remove it, or name another"


def aside(path: Path, new: Path) -> None:
    """Give something another name, where it is there."""
    if os.path.lexists(path):
        rename(path, new)


def rename(old: Path, new: Path) -> None:
    """Rename something, with the folders above it made; it is on the disk when this returns."""
    new.parent.mkdir(parents=True, exist_ok=True)
    old.rename(new)
    for folder in dict.fromkeys((new.parent, old.parent)):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def remove(path: Path) -> None:
    """Remove a file, a link or a folder, where it is there."""
    if not os.path.lexists(path):
        return
    if stat.S_ISDIR(path.lstat().st_mode):
        shutil.rmtree(path)
    else:
        path.unlink()
