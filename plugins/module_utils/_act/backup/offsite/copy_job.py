# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The work of the module ``backup_set_copy``: what it would do, and the job that does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ...._backup.copy_record import Copy, Proof
from ...._core.options import Option, Options
from ...journal import Journal, unfinished
from ...long_module import act_in_job
from ...module import Parameters, Recovered, Result
from ...options import PLAN_OPTION
from ...progress import Progress
from ..recoveries import recoveries
from . import copy
from .copy import Wanted
from .parameters import COPY_OPTIONS, given_of

OPTIONS: Options = {
    **COPY_OPTIONS,
    "initialize": Option("bool", "Whether the repository is made, or made known to this host.", default=False),
    "accept_loss": Option("bool", "Whether copies that have gone are given up.", default=False),
    "check": Option("bool", "Whether the repository is checked, whenever that was last done.", default=False),
    "expires": Option("list", "Snapshots that may be removed, where they expire.", elements="str", default=[]),
    **PLAN_OPTION,
}


def plan(parameters: Parameters) -> Result:
    """What would be copied, checked and removed, and why that cannot be done."""
    given = given_of(parameters)
    found = copy.plan(given, _wanted(parameters))
    sizes = {one.id: one.manifest.size for one in found.due if one.manifest}
    copies = {one.snapshot: one for one in found.record.copies}
    expires = [{**_row(copies[name]), "why": why} for name, why in sorted(found.decided.expires.items())]
    return {
        "changed": bool(found.initializes or found.due or found.checks or expires),
        "due": [{"id": name, "size": size} for name, size in sizes.items()],
        "initializes": found.initializes,
        "checks": found.checks,
        "copies": [_row(one) for one in found.record.copies],
        "expires": expires,
        "nothing_expires": found.decided.refused,
        "unfinished": [entry.summary for entry in unfinished(parameters["state_dir"])],
        "refused": [copy.lost(found.record)] if found.record.lost else [],
    }


def run(parameters: Mapping[str, Any], progress: Progress) -> Result:
    """Copy, in a process of its own."""
    return act_in_job(copy.PROCEDURE, parameters, _apply, recoveries, progress)


def _apply(parameters: Parameters, journal: Journal, _recovered: Recovered, progress: Progress) -> Result:
    done = copy.copy(given_of(parameters), _wanted(parameters), journal, progress)
    return {
        "changed": done.changed,
        "initialized": done.initialized,
        "copied": [_row(one) for one in done.copied],
        "proof": _proof_row(done.proof) if done.proof else {},
        "expired": [{**_row(one), "why": why} for one, why in done.expired],
        "unlocked": done.unlocked,
        "refused": done.faults,
    }


def _wanted(parameters: Parameters) -> Wanted:
    return Wanted(parameters["initialize"], parameters["accept_loss"], parameters["check"], parameters["expires"])


def _row(one: Copy) -> dict[str, Any]:
    return {"id": one.id, "snapshot": one.snapshot, "size": one.size, "fault": one.fault}


def _proof_row(proof: Proof) -> dict[str, Any]:
    return {**asdict(proof), "faults": list(proof.faults)}


#: What the job calls.
FUNCTION = f"{__name__}:{run.__name__}"
