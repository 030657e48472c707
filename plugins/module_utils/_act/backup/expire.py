# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Removes sets that no rule keeps: those that were shown before, and only as long as the rule still says so."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..._backup import manifest as manifests
from ..._backup.retention import decide
from ..._backup.spec import directory, retention
from ..._backup.store import Store
from ..._core.names import DONE, ROLLED_BACK
from ..journal import Entry, Journal, Recover

PROCEDURE = "backup_expire"


def decided(given: Mapping[str, Any], names: Sequence[str], now: float) -> tuple[dict[str, str], list[str]]:
    """Which of some sets expire, with the reason of each; and why the others do not. Changes nothing."""
    sets = _store(given).sets()
    expiry = decide(sets, retention(given), now)
    known = {one.id for one in sets}
    expires = {name: expiry.expires[name] for name in names if name in expiry.expires}
    label = f"{given['service']}.{given['backup']}"
    refused = [
        f"{label}: {f'{name} stays: {expiry.keeps[name]}' if name in known else f'there is no set {name!r}'}"
        for name in names
        if name not in expires
    ]
    return expires, refused


def expire(given: Mapping[str, Any], names: Sequence[str], journal: Journal) -> Iterator[tuple[str, str]]:
    """Remove those of some sets that expire; yields each that is gone, with the reason."""
    expires, _refused = decided(given, names, time.time())
    store = _store(given)
    for name, why in sorted(expires.items()):
        label = f"{given['service']}.{given['backup']} {name}"
        entry = journal.begin(PROCEDURE, label, {"folder": str(store.folder), "id": name})
        entry.step("remove")
        store.remove(name)
        entry.end(DONE, why)
        yield name, why


def recover(entry: Entry) -> tuple[str, str]:
    """End a removal that was cut off: a set that is there is whole, and whatever else is left of one goes."""
    folder, name = Path(entry.needs["folder"]), entry.needs["id"]
    if not manifests.ID.match(name):
        raise entry.not_understood("its set has another name than this version gives one")
    service, _dot, backup = folder.name.partition(".")
    store = Store(folder.parent, service, backup)
    for left in store.left_over():
        if left.name.endswith(name) and not (folder / name).exists():
            store.clear(left)
    if (folder / name).exists():
        return ROLLED_BACK, f"the set {name} is there as it was"
    return DONE, f"the set {name} is gone"


#: What ends the operations of this procedure.
RECOVERIES: Mapping[str, Recover] = {PROCEDURE: recover}


def _store(given: Mapping[str, Any]) -> Store:
    return Store(directory(given), given["service"], given["backup"])
