# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Takes a set: everything beside what there is, so that a set is whole or is not there."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from ..._backup import manifest as manifests
from ..._backup import stores
from ..._backup.backup_set import BackupSet, SetStore
from ..._backup.manifest import Manifest
from ..._core.errors import RunbookError
from ..._core.names import DONE, ROLLED_BACK
from ..journal import Entry, Journal, Recover
from ..progress import Progress
from . import folder_method, inside
from .method import Method
from .methods import method_of

PROCEDURE = "backup_create"


def store_of(given: Mapping[str, Any]) -> SetStore:
    """Where the sets of a backup are."""
    return stores.store_of(given, given["backup"])


def create(given: Mapping[str, Any], journal: Journal, progress: Progress) -> Manifest:
    """Take a set and return its manifest; raises `RunbookError`, and then there is no set that looks good.

    ``given`` are the options of the backup with ``platform``, ``service``, ``backup``, ``host`` and ``kind``.
    """
    progress.phase("preparing")
    method = method_of(given)
    if refused := method.forecast().refused:
        raise RunbookError("; ".join(refused))
    store = store_of(given)
    begin = time.time()
    name = _next_name(store.sets(), begin)
    needs = {**store.address, "id": name, "container": method.container()}
    entry = journal.begin(PROCEDURE, f"{given['service']}.{given['backup']}", needs)
    try:
        made = method.make(name, begin, entry, progress)
    except BaseException as exc:
        _give_up(method, entry, exc)
        raise
    entry.end(DONE, f"the set {made.id} is there")
    return made


def recover(entry: Entry) -> tuple[str, str] | None:
    """End what a killed run left: the set is there as a whole, or it never was.

    What is left in a container that does not run waits until it does, and so does what a repository cannot be asked
    about: neither keeps another backup from being taken.
    """
    store, name, container = stores.at(entry.needs), entry.needs["id"], entry.needs["container"]
    if not store.could_be(name):
        raise entry.not_understood("its set has another name than this version gives one")
    try:
        if made := store.settle_made(name):
            return DONE, f"the set {made} is there"
    except RunbookError:
        return None
    try:
        folder_method.clean_container(entry.needs)
    except inside.Stopped:
        return None
    nor = f", nor in the container {container[:12]}" if container else ""
    return ROLLED_BACK, f"there is no set {name}, and nothing is left of it{nor}"


#: What ends the operations of this procedure.
RECOVERIES: Mapping[str, Recover] = {PROCEDURE: recover}


def _next_name(sets: Sequence[BackupSet], begin: float) -> str:
    """A name that no set has: two runs may begin in one second, and a clock may be put back."""
    if sets and sets[0].begin > begin + 1:
        raise RunbookError(f"the newest set {sets[0].id} is from the future: the clock of this host is wrong, or was")
    taken = {one.id for one in sets}
    while manifests.id_of(begin) in taken:
        begin += 1
    return manifests.id_of(begin)


def _give_up(method: Method, entry: Entry, exc: BaseException) -> None:
    """Remove what was made. Where that fails, the operation stays in the journal, and the next run ends it."""
    try:
        method.forget(entry)
    except RunbookError as also:
        left = f"what was written cannot be removed now, and the next run does that: {also}"
        raise RunbookError(f"{exc}; {left}") from exc
    entry.end("failed", str(exc))


def predicted(sets: list[BackupSet]) -> tuple[int, float] | None:
    """Bytes and seconds of the next set, going by the last three; nothing where there is none."""
    last = [one.manifest for one in sets if one.manifest][:3]
    if not last:
        return None
    return max(one.size for one in last), max(one.seconds for one in last)
