# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Verifies sets of this host: each is proved in scratch, and the receipt is kept beside the sets."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..._backup.backup_set import BackupSet, SetStore
from ..._backup.receipt import Receipt
from ..journal import Entry, Journal, Recover
from ..progress import Progress
from . import in_scratch
from .create import store_of
from .methods import method_of
from .prove import prove

PROCEDURE = "backup_verify"


def chosen(sets: Sequence[BackupSet], *, older: bool, seed: str) -> list[BackupSet]:
    """The sets to be verified: the newest, and one random older one; ``seed`` makes a plan and its run choose the same.

    ``sets`` are the newest first. A set whose manifest is damaged is chosen like any other: it fails.
    """
    newest, others = list(sets[:1]), list(sets[1:])
    return [*newest, *([random.Random(seed).choice(others)] if older and others else [])]  # noqa: S311 - no secret


def verify(
    given: Mapping[str, Any], one: BackupSet, identities: Sequence[str], journal: Journal, progress: Progress
) -> Receipt:
    """Verify one set and keep the receipt. What is wrong with the set stands in it; raises for what is wrong here."""
    subject = f"{given['service']}.{given['backup']} {one.id}"
    with in_scratch.operation(journal, PROCEDURE, subject, given.get("scratch")) as work:
        receipt = prove(method_of(given), one, given["host"], identities, work.folder, progress)
        store_of(given).record(receipt)
        work.outcome = receipt.outcome
    return receipt


def read_stored(given: Mapping[str, Any], one: BackupSet, progress: Progress) -> Receipt | None:
    """Read a set as it is stored, and keep a receipt where it is damaged; nothing where it is sound."""
    faults = method_of(given).read(one, one.manifest, progress) if one.manifest else [one.fault]
    return damaged(store_of(given), one, faults, given["host"])


def damaged(store: SetStore, one: BackupSet, faults: Sequence[str], host: str) -> Receipt | None:
    """Keep a receipt of what is wrong with a set as it is stored; nothing where that is nothing.

    Nothing is restored: what an earlier receipt says of these very bytes is still true as long as they are the same.
    """
    if not faults:
        return None
    before = one.receipt or Receipt(one.id, one.manifest_sha256, at=0, host="", seconds=0, restore_seconds=0)
    receipt = replace(before, at=time.time(), host=host, seconds=0.0, faults=tuple(faults))
    store.record(receipt)
    return receipt


def recover(entry: Entry) -> tuple[str, str]:
    """End what a killed verification left: its servers, and its scratch folder."""
    return in_scratch.recover(entry, "what was restored for it is gone; the set is verified by the next run")


#: What ends the operations of this procedure.
RECOVERIES: Mapping[str, Recover] = {PROCEDURE: recover}
