# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Proves sets: each is read, decrypted, restored into scratch, compared with its manifest, and gets a receipt."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..._backup.backup_set import BackupSet
from ..._backup.receipt import Receipt
from ..._core.names import DONE
from ..journal import Entry, Journal, Recover
from ..progress import Progress
from . import scratch
from .create import store_of
from .engine import Proof
from .methods import method_of

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
    folder = scratch.choose(given.get("scratch"))
    subject = f"{given['service']}.{given['backup']} {one.id}"
    entry = journal.begin(PROCEDURE, subject, {"scratch": str(folder)})
    begin = time.time()
    try:
        scratch.make_chosen(folder)
        proof = _proof(given, one, identities, folder, progress)
    except BaseException as exc:
        scratch.clean(folder)
        entry.end("failed", str(exc))
        raise
    scratch.clean(folder)
    receipt = Receipt(
        id=one.id,
        manifest_sha256=one.manifest_sha256,
        at=time.time(),
        host=given["host"],
        seconds=time.time() - begin,
        restore_seconds=proof.restore_seconds,
        faults=proof.faults,
        facts=proof.facts,
        unknown=proof.unknown,
    )
    store_of(given).record(receipt)
    entry.end(DONE, "; ".join(receipt.faults) or "verified")
    return receipt


def _proof(
    given: Mapping[str, Any], one: BackupSet, identities: Sequence[str], folder: Path, progress: Progress
) -> Proof:
    if one.manifest is None:
        return Proof(0, (one.fault,))
    proof = method_of(given).prove(one, one.manifest, identities, folder, progress)
    return replace(proof, faults=(one.fault, *proof.faults)) if one.fault else proof


def read_again(given: Mapping[str, Any], one: BackupSet, progress: Progress) -> Receipt | None:
    """Read a set that was verified once more; the receipt that takes the place of the old one where it is damaged now.

    Nothing is restored: what was proved of these very bytes is still true as long as they are the same.
    """
    if one.manifest is None or one.receipt is None:
        return None
    faults = method_of(given).read(one, one.manifest, progress)
    if not faults:
        return None
    receipt = replace(one.receipt, at=time.time(), host=given["host"], seconds=0.0, faults=tuple(faults))
    store_of(given).record(receipt)
    return receipt


def recover(entry: Entry) -> tuple[str, str]:
    """End what a killed verification left: its servers, and its scratch folder."""
    folder = Path(entry.needs["scratch"])
    if not scratch.is_one(folder):
        raise entry.not_understood("its scratch folder has another name than this version gives one")
    scratch.clean(folder)
    return "rolled_back", "what was restored for it is gone; the set is verified by the next run"


#: What ends the operations of this procedure.
RECOVERIES: Mapping[str, Recover] = {PROCEDURE: recover}
