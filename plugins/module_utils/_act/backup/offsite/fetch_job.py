# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The work of the module ``backup_set_fetch``: what it would do, and the job that does it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...._core.options import Option, Options
from ...journal import Journal, unfinished
from ...long_module import act_in_job
from ...module import Parameters, Recovered, Result
from ...options import PLAN_OPTION
from ...progress import Progress
from .. import rows
from ..recoveries import recoveries
from . import fetch
from .parameters import COPY_OPTIONS, given_of
from .site import Site

OPTIONS: Options = {
    **COPY_OPTIONS,
    "set": Option("str", "Name of the set; without one, the newest that there is a copy of.", default=""),
    "folder": Option("path", "Folder for the sets of all backups, in place of I(directory)."),
    **PLAN_OPTION,
}


def plan(parameters: Parameters) -> Result:
    """Which set would be brought back, and why it cannot be."""
    given = given_of(parameters)
    site = Site(given, Path("/"))
    chosen = fetch.choose(site, parameters["set"])
    store = fetch.store_of(given, parameters["folder"] or "")
    return {
        "changed": True,
        "chosen": {**fetch.row(chosen), "folder": str(store.folder / chosen.id)},
        "unfinished": [entry.summary for entry in unfinished(parameters["state_dir"])],
        "refused": fetch.refusals(site, chosen, store),
    }


def run(parameters: Mapping[str, Any], progress: Progress) -> Result:
    """Bring it back, in a process of its own."""
    return act_in_job(fetch.PROCEDURE, parameters, _apply, recoveries, progress)


def _apply(parameters: Parameters, journal: Journal, _recovered: Recovered, progress: Progress) -> Result:
    given = given_of(parameters)
    progress.phase("asking the repository")
    chosen = fetch.choose(Site(given, Path("/")), parameters["set"])
    found = fetch.fetch(given, chosen, fetch.store_of(given, parameters["folder"] or ""), journal, progress)
    return {"changed": True, "set": rows.row(found), "folder": str(found.folder)}


#: What the job calls.
FUNCTION = f"{__name__}:{run.__name__}"
