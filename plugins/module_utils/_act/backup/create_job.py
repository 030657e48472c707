# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The work of the module ``backup_set``: what it would do, and the job that does it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..journal import Journal, unfinished
from ..long_module import act_in_job
from ..module import Parameters, Recovered, Result
from ..progress import Progress
from . import create, rows
from .methods import method_of
from .parameters import given_of
from .recoveries import recoveries


def plan(parameters: Parameters) -> Result:
    """What would be written, how long it would take, and why it cannot be."""
    given = given_of(parameters)
    found = method_of(given).forecast()
    predicted = create.predicted(create.store_of(given).sets())
    return {
        "changed": True,
        "forecast": {"lines": list(found.lines), "plain_bytes": found.plain_bytes},
        "predicted": dict(zip(("bytes", "seconds"), predicted)) if predicted else {},
        "unfinished": [entry.summary for entry in unfinished(parameters["state_dir"])],
        "refused": list(found.refused),
    }


def take(parameters: Mapping[str, Any], progress: Progress) -> Result:
    """Take the set, in a process of its own."""
    return act_in_job(create.PROCEDURE, parameters, _apply, recoveries, progress)


def _apply(parameters: Parameters, journal: Journal, _recovered: Recovered, progress: Progress) -> Result:
    given = given_of(parameters)
    manifest = create.create(given, journal, progress)
    return {"changed": True, "set": rows.row(create.store_of(given).find(manifest.id))}


#: What the job calls.
FUNCTION = f"{__name__}:{take.__name__}"
