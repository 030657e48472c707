# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Takes a set: everything beside what there is, and then by one rename."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..._backup import manifest as manifests
from ..._backup.manifest import Manifest
from ..._backup.spec import directory
from ..._backup.store import BackupSet, Store
from ..._core.errors import RunbookError
from ..._core.names import DONE, ROLLED_BACK
from ..journal import Entry, Journal, Recover
from ..progress import Progress
from . import inside
from .engine import Forecast
from .engines import engine_of
from .sealing import seal
from .space import shortage

PROCEDURE = "backup_create"

#: Where an engine writes, inside of the folder that becomes the set.
_PLAIN = ".plain"

#: How much more than forecast a set may take.
_MARGIN = 1.1


def store_of(given: Mapping[str, Any]) -> Store:
    """Where the sets of a backup are."""
    return Store(directory(given), given["service"], given["backup"])


def forecast(given: Mapping[str, Any]) -> Forecast:
    """What a set would hold, and why it cannot be taken, the disk's reasons among them."""
    found = engine_of(given).forecast()
    refused = [*found.refused, *_shortage(given, found.plain_bytes)]
    if given.get("recipients") and shutil.which("age") is None:
        refused.append("age is not installed here, and the set is to be encrypted; install the package age")
    return Forecast(found.lines, found.plain_bytes, tuple(refused))


def create(given: Mapping[str, Any], journal: Journal, progress: Progress) -> Manifest:
    """Take a set and return its manifest; raises `RunbookError`, and then there is no set.

    ``given`` are the options of the backup with ``platform``, ``service``, ``backup``, ``host`` and ``kind``.
    """
    progress.phase("preparing")
    found = forecast(given)
    if found.refused:
        raise RunbookError("; ".join(found.refused))
    store = store_of(given)
    begin = time.time()
    name = _next_name(store, begin)
    needs = {"folder": str(store.folder), "id": name, "container": engine_of(given).container()}
    entry = journal.begin(PROCEDURE, f"{given['service']}.{given['backup']}", needs)
    try:
        made = _made(given, store, name, begin, entry, progress)
    except BaseException as exc:
        _give_up(entry, exc)
        raise
    entry.end(DONE, f"the set {name} is there")
    return made


def recover(entry: Entry) -> tuple[str, str] | None:
    """End what a killed run left: the set is there as a whole, or it never was.

    What is left in a container that does not run waits until it does, and keeps no other backup from being taken.
    """
    folder, name, container = Path(entry.needs["folder"]), entry.needs["id"], entry.needs["container"]
    if (folder / name).is_dir():
        return DONE, f"the set {name} is there"
    try:
        forget(folder, name, container)
    except inside.Stopped:
        return None
    nor = f", nor in the container {container[:12]}" if container else ""
    return ROLLED_BACK, f"there is no set {name}, and nothing is left of it{nor}"


#: What ends the operations of this procedure.
RECOVERIES: Mapping[str, Recover] = {PROCEDURE: recover}


def _made(
    given: Mapping[str, Any], store: Store, name: str, begin: float, entry: Entry, progress: Progress
) -> Manifest:
    entry.step("take")
    folder = store.make(name)
    plain = folder / _PLAIN
    plain.mkdir(mode=0o700)
    taken = engine_of(given).take(plain, progress)
    entry.step("seal")
    files = seal(plain, folder, given.get("recipients") or (), progress)
    if not files:
        raise RunbookError("nothing was taken: there is no file in the set")
    shutil.rmtree(plain)
    manifest = Manifest(
        id=name,
        platform=given["platform"],
        service=given["service"],
        backup=given["backup"],
        host=given["host"],
        kind=given["kind"],
        engine=given["engine"],
        begin=begin,
        end=time.time(),
        files=files,
        recipients=tuple(given.get("recipients") or ()),
        versions=taken.versions,
        content=taken.content,
    )
    entry.step("publish")
    progress.phase("publishing")
    store.publish(manifest)
    return manifest


def _next_name(store: Store, begin: float) -> str:
    """A name that no set has: two runs may begin in one second, and a clock may be put back."""
    newest = next(iter(store.sets()), None)
    if newest is not None and newest.begin > begin + 1:
        raise RunbookError(f"the newest set {newest.id} is from the future: the clock of this host is wrong, or was")
    while (store.folder / manifests.id_of(begin)).exists():
        begin += 1
    return manifests.id_of(begin)


def _give_up(entry: Entry, exc: BaseException) -> None:
    """Remove what was made. Where that fails, the operation stays in the journal, and the next run ends it."""
    try:
        forget(Path(entry.needs["folder"]), entry.needs["id"], entry.needs["container"])
    except RunbookError as also:
        left = f"what was written cannot be removed now, and the next run does that: {also}"
        raise RunbookError(f"{exc}; {left}") from exc
    entry.end("failed", str(exc))


def forget(folder: Path, name: str, container: str = "") -> None:
    """Remove what was made of a set that is none."""
    making = folder / f".making-{name}"
    shutil.rmtree(making, ignore_errors=True)
    inside.clean(container, making / _PLAIN)


def _shortage(given: Mapping[str, Any], plain_bytes: int) -> Iterator[str]:
    """Why the disk is too small. While it is encrypted a file is there twice, so the largest sum is twice the set."""
    yield from shortage(store_of(given).folder, int(plain_bytes * _MARGIN) * (2 if given.get("recipients") else 1))


def predicted(sets: list[BackupSet]) -> tuple[int, float] | None:
    """Bytes and seconds of the next set, going by the last three; nothing where there is none."""
    last = [one.manifest for one in sets if one.manifest][:3]
    if not last:
        return None
    return max(one.size for one in last), max(one.seconds for one in last)
