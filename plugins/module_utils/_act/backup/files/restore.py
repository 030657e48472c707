# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Restores files: beside what there is, compared, and then path by path by renaming."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...._backup.manifest import Manifest
from ...._backup.store import folder_of
from ...._clients import mounts
from ...._core.text import size, some_of, visible
from ...progress import Progress
from .. import restored_folder as folders
from ..engine import Forecast, Proof
from ..restored import Records
from ..restorer import Destination, Request
from ..space import Need
from .engine import FilesEngine

#: How many names a message has.
_NAMED = 5

#: What a path is called while another one has its name.
_BEFORE, _UNDONE = ".before-", ".undone-"


class FilesRestorer:
    """See `restorer.Restorer`. In place, the name is ``service.backup``; else it is the path of a folder."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given
        self._store = folder_of(given)
        self._records = Records(self._store)
        self._name = f"{given['service']}.{given['backup']}"

    def destination(self, manifest: Manifest, request: Request, stamp: str) -> Destination:
        paths = tuple(_outermost(f"/{path}" for path in manifest.content["paths"]))
        return folders.destination(self._store, request, stamp, paths)

    def forecast(self, manifest: Manifest, destination: Destination) -> Forecast:
        count = manifest.content["bytes"]
        shown = some_of(map(visible, destination.paths), _NAMED)
        lines = [f"{manifest.content['entries']} entries, {size(count)}, of {shown}"]
        if destination.in_place:
            lines.append(f"each path is replaced; what it was is kept as PATH{_BEFORE}TIME")
            lines.append("what the set does not hold (left out, sockets) stays there, and is not in what is restored")
        else:
            lines.append(f"unpacked below {destination.name}")
        needs = (Need(root.parent, count, "for the files") for root in dict.fromkeys(_roots(destination).values()))
        refused = (*self._refusals(destination), *_foreign_owners(manifest.content["owners"]))
        return Forecast(tuple(lines), count, refused, tuple(needs))

    def examine(self, _plain: Path, _manifest: Manifest, _destination: Destination) -> tuple[str, ...]:
        """All that can be known is known before."""
        return ()

    def container(self) -> str:
        return ""

    def build(self, plain: Path, manifest: Manifest, destination: Destination, progress: Progress) -> Proof:
        seconds, faults, facts = 0.0, list[str](), dict[str, Any]()
        for root in dict.fromkeys(_roots(destination).values()):
            root.mkdir(mode=0o700)
            proof = FilesEngine(self._given).prove(plain, manifest, root, progress)
            seconds += proof.restore_seconds
            faults += proof.faults
            facts.update(proof.facts)
        return Proof(seconds, tuple(dict.fromkeys(faults)), facts)

    def swap(self, destination: Destination) -> None:
        roots = _roots(destination)
        if not destination.in_place:
            folders.rename(next(iter(roots.values())), Path(destination.name))
            return
        absent = [path for path in destination.paths if not os.path.lexists(path)]
        self._records.write(
            destination.stamp,
            {"what": f"{len(roots)} paths", "paths": list(destination.paths), "absent": absent},
        )
        for path, root in roots.items():
            _aside(path, f"{path}{_BEFORE}{destination.stamp}")
            folders.rename(_below(root, path), Path(path))

    def in_effect(self, destination: Destination) -> bool:
        if not destination.in_place:
            return not any(root.exists() for root in _roots(destination).values()) and Path(destination.name).is_dir()
        left = [path for path, root in _roots(destination).items() if os.path.lexists(_below(root, path))]
        return self._records.has(destination.stamp) and not left

    def tidy(self, destination: Destination) -> None:
        for root in dict.fromkeys(_roots(destination).values()):
            shutil.rmtree(root, ignore_errors=True)

    def put_back(self, destination: Destination) -> None:
        roots = _roots(destination)
        if destination.in_place and self._records.has(destination.stamp):
            absent = self._records.read(destination.stamp)["absent"]
            for path, root in roots.items():
                kept, made = f"{path}{_BEFORE}{destination.stamp}", _below(root, path)
                if os.path.lexists(kept) or (path in absent and not os.path.lexists(made)):
                    _aside(path, str(made))
                    _aside(kept, path)
            self._records.forget(destination.stamp)
        self.tidy(destination)

    def undo(self, destination: Destination) -> None:
        record = self._records.read(destination.stamp)
        for path in record["paths"]:
            kept, undone = f"{path}{_BEFORE}{destination.stamp}", f"{path}{_UNDONE}{destination.stamp}"
            if not os.path.lexists(undone):
                _aside(path, undone)
            _aside(kept, path)
        self._records.write(destination.stamp, {**record, "undone": True})

    def is_undone(self, destination: Destination) -> bool:
        return bool(self._records.read(destination.stamp).get("undone"))

    def cancel_undo(self, destination: Destination) -> None:
        record = self._records.read(destination.stamp)
        for path in record["paths"]:
            kept, undone = f"{path}{_BEFORE}{destination.stamp}", f"{path}{_UNDONE}{destination.stamp}"
            if os.path.lexists(undone):
                if path not in record["absent"] and not os.path.lexists(kept):
                    _aside(path, kept)
                _aside(undone, path)

    def drop(self, name: str) -> None:
        stamp = name[-len("20261130T094500Z") :]
        if not self._records.has(stamp):
            return
        record = self._records.read(stamp)
        for path in record["paths"]:
            folders.remove(Path(f"{path}{_UNDONE if record.get('undone') else _BEFORE}{stamp}"))
        self._records.forget(stamp)

    def held(self) -> Mapping[str, Sequence[str]]:
        return {}

    def release(self, name: str) -> None:
        """Nothing is held back."""

    def kept(self) -> Mapping[str, str]:
        return self._records.kept(self._name)

    def _refusals(self, destination: Destination) -> Iterator[str]:
        if not destination.in_place:
            yield from folders.refusals(Path(destination.name))
        if destination.in_place and os.geteuid() != 0:
            yield "only root can give files back to their owners: become root"
        for path in destination.paths if destination.in_place else ():
            if mounts.holding(path).point == path:
                yield f"{visible(path)}: is a mount point, which cannot be replaced by renaming; restore into a folder"


def _outermost(paths: Iterable[str]) -> Iterator[str]:
    """The paths that lie below no other one of them."""
    every = sorted(dict.fromkeys(paths))
    return (path for path in every if not any(path.startswith(f"{other}/") for other in every))


def _roots(destination: Destination) -> dict[str, Path]:
    """Where each path is unpacked: a folder of this run on the same mount, from which it is renamed."""
    if not destination.in_place:
        return dict.fromkeys(destination.paths, folders.root_beside(Path(destination.name), destination.stamp))
    known, roots = dict[str, Path](), dict[str, Path]()
    for path in destination.paths:
        root = folders.root_beside(Path(path), destination.stamp)
        roots[path] = known.setdefault(mounts.holding(str(root.parent.resolve())).point, root)
    return roots


def _below(root: Path, path: str) -> Path:
    return root / path.lstrip("/")


def _aside(path: str, new: str) -> None:
    folders.aside(Path(path), Path(new))


def _foreign_owners(owners: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """Owners that are not the same user or group here as they were where the set was taken.

    Files are given back by number. Where a number is another account's here, a stranger would read the secrets of one.
    """
    for number, name in owners["users"].items():
        yield from _foreign("user", int(number), name, _user_name(int(number)))
    for number, name in owners["groups"].items():
        yield from _foreign("group", int(number), name, _group_name(int(number)))


def _foreign(what: str, number: int, name: str, here: str) -> Iterator[str]:
    if name != here:
        source, there = (one or "no account" for one in (name, here))
        yield f"the {what} {number} of the set is {source}, and here it is {there}: make them the same first"


def _user_name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return ""


def _group_name(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return ""
