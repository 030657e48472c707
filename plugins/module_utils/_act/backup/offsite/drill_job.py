# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The work of the module ``backup_set_drill``: what a drill would do, and the job that holds it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ...._backup.drill_record import PASSED, Drill
from ...journal import Journal, unfinished
from ...long_module import act_in_job
from ...module import Parameters, Recovered, Result
from ...progress import Progress
from ..methods import method_of
from ..parameters import given_of
from ..prove import room
from ..recoveries import recoveries
from . import drill
from .drill import Wanted
from .drill_parameters import copy_of


def plan(parameters: Parameters) -> Result:
    """Which copy would be drilled, how long that takes, and why it cannot be."""
    wanted = _wanted(parameters)
    wanted.refuse_source()
    record = wanted.record()
    chosen = drill.choose(wanted)
    manifest = chosen.manifest
    return {
        "changed": True,
        "due": {
            "set": chosen.id,
            "begin": manifest.begin,
            "snapshot": chosen.snapshot,
            "repository_id": chosen.repository_id,
            "size": manifest.size,
            "plain_size": manifest.plain_size,
            "seconds": round(drill.seconds(record, manifest), 1),
            "measured": record.passed is not None,
            "folder": wanted.scratch or tempfile.gettempdir(),
            "room": room(wanted.method, manifest, brought=True),
        },
        "unfinished": [entry.summary for entry in unfinished(parameters["state_dir"])],
        "refused": drill.refusals(wanted, manifest),
    }


def run(parameters: Mapping[str, Any], progress: Progress) -> Result:
    """Hold it, in a process of its own."""
    return act_in_job(drill.PROCEDURE, parameters, _apply, recoveries, progress)


def _apply(parameters: Parameters, journal: Journal, _recovered: Recovered, progress: Progress) -> Result:
    wanted = _wanted(parameters)
    held = drill.hold(wanted, journal, progress)
    return {
        "changed": True,
        "drill": row(held),
        "drills": [row(one) for one in wanted.record().drills],
        "refused": [] if held.verdict == PASSED else list(held.faults),
    }


def row(one: Drill) -> dict[str, Any]:
    """The receipt of a drill, for the report and its page."""
    lists = {name: list(getattr(one, name)) for name in ("faults", "unknown")}
    rpo = round(one.rpo_seconds, 1) if one.set else None
    rounded = {name: round(getattr(one, name), 1) for name in ("seconds", "fetch_seconds", "restore_seconds")}
    return {**asdict(one), **lists, **rounded, "rpo_seconds": rpo}


def _wanted(parameters: Parameters) -> Wanted:
    return Wanted(
        given=copy_of(parameters),
        method=method_of(given_of(parameters)),
        host=parameters["host"],
        directory=Path(parameters["directory"]),
        who=parameters["operator"],
        identities=parameters["identities"],
        scratch=parameters["scratch_dir"],
    )


#: What the job calls.
FUNCTION = f"{__name__}:{run.__name__}"
