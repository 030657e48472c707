# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The work of the module ``backup_set_verify``: which sets it would verify, and the job that does it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..._backup.backup_set import BackupSet
from ..._core.errors import RunbookError
from ..journal import Journal, unfinished
from ..long_module import act_in_job
from ..module import Parameters, Recovered, Result
from ..progress import Progress
from . import create, rows, verify
from .methods import method_of
from .parameters import given_of
from .prove import unable
from .recoveries import recoveries


def plan(parameters: Parameters) -> Result:
    """Which sets would be verified, and why they cannot be."""
    sets = due(parameters)
    return {
        "changed": bool(sets),
        "due": [rows.row(one) for one in sets],
        "read_again": [one.id for one in verified(parameters, sets)],
        "unfinished": [entry.summary for entry in unfinished(parameters["state_dir"])],
        "refused": list(_refused(parameters, sets)),
    }


def due(parameters: Parameters) -> list[BackupSet]:
    """The sets to be verified: those that are named; or the newest, unless it is verified, and with it an older one."""
    store = create.store_of(given_of(parameters))
    if parameters["sets"]:
        return [store.find(name) for name in dict.fromkeys(parameters["sets"])]
    sets = store.sets()
    if not sets or sets[0].verified:
        return []
    return verify.chosen(sets, older=parameters["older"], seed=sets[0].id)


def verified(parameters: Parameters, sets: Sequence[BackupSet]) -> list[BackupSet]:
    """The sets that were verified before, and are not to be again: a disk can change what lies on it."""
    if parameters["sets"]:
        return []
    chosen = {one.id for one in sets}
    return [one for one in create.store_of(given_of(parameters)).sets() if one.verified and one.id not in chosen]


def prove(parameters: Mapping[str, Any], progress: Progress) -> Result:
    """Verify them, in a process of its own."""
    return act_in_job(verify.PROCEDURE, parameters, _apply, recoveries, progress)


def _apply(parameters: Parameters, journal: Journal, _recovered: Recovered, progress: Progress) -> Result:
    sets = due(parameters)
    if refused := list(_refused(parameters, sets)):
        return {"changed": False, "receipts": [], "sound": [], "refused": refused}
    given = _given(parameters)
    receipts, faults, sound = [], [], []
    for one in sets:
        # A set that cannot be tried costs its own receipt, and no other.
        try:
            receipt = (
                verify.read_stored(given, one, progress)
                if parameters["elsewhere"]
                else verify.verify(given, one, parameters["identities"], journal, progress)
            )
        except (RunbookError, OSError) as exc:
            faults.append(f"{one.id}: could not be verified: {exc}")
            continue
        if receipt is None:
            sound.append(one.id)
            continue
        receipts.append(rows.receipt_row(receipt))
        faults += [f"{one.id}: {fault}" for fault in receipt.faults]
    for one in verified(parameters, sets):
        if damaged := verify.read_stored(given, one, progress):
            receipts.append(rows.receipt_row(damaged))
            faults += [f"{one.id}: {fault}" for fault in damaged.faults]
    return {"changed": bool(receipts), "receipts": receipts, "sound": sound, "refused": faults}


def _given(parameters: Parameters) -> dict[str, Any]:
    return {**given_of(parameters), "scratch": parameters["scratch_dir"]}


def _refused(parameters: Parameters, sets: Sequence[BackupSet]) -> Iterator[str]:
    if not parameters["elsewhere"]:
        manifests = [one.manifest for one in sets if one.manifest]
        method, scratch = method_of(given_of(parameters)), parameters["scratch_dir"]
        yield from unable(method, manifests, parameters["identities"], scratch)


#: What the job calls.
FUNCTION = f"{__name__}:{prove.__name__}"
