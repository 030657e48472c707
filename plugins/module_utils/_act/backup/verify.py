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

from ..._backup.manifest import Manifest
from ..._backup.receipt import Receipt
from ..._backup.store import BackupSet, Store, stray_files
from ..._core.names import DONE
from ..._core.text import excerpt
from ..journal import Entry, Journal, Recover
from ..progress import Progress
from . import scratch
from .create import store_of
from .engine import Proof
from .engines import engine_of
from .sealing import Damaged, damage, unseal

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
    )
    store_of(given).record(receipt)
    entry.end(DONE, "; ".join(receipt.faults) or "verified")
    return receipt


def _proof(
    given: Mapping[str, Any], one: BackupSet, identities: Sequence[str], folder: Path, progress: Progress
) -> Proof:
    if one.manifest is None or (faults := _read(one, one.manifest, progress)):
        return Proof(0, tuple(faults) if one.manifest else (one.fault,))
    plain, place = folder / "plain", folder / "restored"
    for one_of_both in (plain, place):
        one_of_both.mkdir(mode=0o700)
    begin = time.monotonic()
    try:
        unseal(one.folder, one.manifest.files, plain, identities, progress)
    except Damaged as exc:
        return Proof(time.monotonic() - begin, (str(exc),))
    decrypting = time.monotonic() - begin
    try:
        proof = engine_of(given).prove(plain, one.manifest, place, progress)
    except (LookupError, TypeError, ValueError) as exc:
        # The digests are right, so this is how it was written: a set that cannot be compared is not a proved one.
        why = excerpt(f"{type(exc).__name__}: {exc}", 200)
        return Proof(decrypting, (f"the manifest's content is none that this version can compare: {why}",))
    return replace(proof, restore_seconds=proof.restore_seconds + decrypting)


def read_again(given: Mapping[str, Any], one: BackupSet, progress: Progress) -> Receipt | None:
    """Read a set that was verified once more; the receipt that takes the place of the old one where it is damaged now.

    Nothing is restored: what was proved of these very bytes is still true as long as they are the same.
    """
    if one.manifest is None or one.receipt is None:
        return None
    faults = _read(one, one.manifest, progress)
    if not faults:
        return None
    receipt = replace(one.receipt, at=time.time(), host=given["host"], seconds=0.0, faults=tuple(faults))
    store_of(given).record(receipt)
    return receipt


def _read(one: BackupSet, manifest: Manifest, progress: Progress) -> list[str]:
    """What is wrong with the stored files of a set, without what is in them."""
    stray = (f"{name}: is in the set, and its manifest does not know it" for name in stray_files(one.folder, manifest))
    return [*damage(one.folder, manifest.files, progress), *stray]


def recover(entry: Entry) -> tuple[str, str]:
    """End what a killed verification left: its servers, and its scratch folder."""
    folder = Path(entry.needs["scratch"])
    if not scratch.is_one(folder):
        raise entry.not_understood("its scratch folder has another name than this version gives one")
    scratch.clean(folder)
    return "rolled_back", "what was restored for it is gone; the set is verified by the next run"


#: What ends the operations of this procedure.
RECOVERIES: Mapping[str, Recover] = {PROCEDURE: recover}


def unverified(store: Store) -> list[BackupSet]:
    """The sets that have no receipt, the newest first."""
    return [one for one in store.sets() if one.receipt is None]
