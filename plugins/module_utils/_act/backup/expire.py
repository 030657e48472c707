# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Removes sets that no rule keeps: those that were shown before, and only as long as the rule still says so."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..._backup import stores
from ..._backup.retention import decide
from ..._backup.spec import retention
from ..._core.names import DONE, ROLLED_BACK
from ..journal import Entry, Journal, Recover

PROCEDURE = "backup_expire"


def decided(given: Mapping[str, Any], names: Sequence[str], now: float) -> tuple[dict[str, str], list[str]]:
    """Which of some sets expire, with the reason of each; and why the others do not. Changes nothing."""
    sets = stores.store_of(given, given["backup"]).sets()
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
    store = stores.store_of(given, given["backup"])
    # The newest first: a set that others need goes after them.
    for name, why in sorted(expires.items(), reverse=True):
        label = f"{given['service']}.{given['backup']} {name}"
        entry = journal.begin(PROCEDURE, label, {**store.address, "id": name})
        entry.step("remove")
        store.remove(name)
        entry.end(DONE, why)
        yield name, why


def recover(entry: Entry) -> tuple[str, str]:
    """End a removal that was cut off: a set that is there is whole, and whatever else is left of one goes."""
    store, name = stores.at(entry.needs), entry.needs["id"]
    if not store.could_be(name):
        raise entry.not_understood("its set has another name than this version gives one")
    if store.settle_removed(name):
        return DONE, f"the set {name} is gone"
    return ROLLED_BACK, f"the set {name} is there as it was"


#: What ends the operations of this procedure.
RECOVERIES: Mapping[str, Recover] = {PROCEDURE: recover}
