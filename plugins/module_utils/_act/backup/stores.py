# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How the modules name a backup whose sets are listed or removed: nothing is needed of what is in them."""

from __future__ import annotations

from ..._backup.spec import COMMON, REPOSITORY
from ..._core.options import Option, Options

#: Which backup is meant.
NAME_OPTIONS: Options = {
    "service": Option("str", "Name of the service in the platform description.", required=True),
    "backup": Option("str", "Name of the backup within the service.", required=True),
}

#: The sets of one backup.
STORE_OPTIONS: Options = {
    **NAME_OPTIONS,
    "directory": COMMON["directory"],
    "repository": REPOSITORY,
    "keep": COMMON["keep"],
}

#: One set.
SET_OPTIONS: Options = {
    **NAME_OPTIONS,
    "directory": COMMON["directory"],
    "set": Option("str", "Name of the set.", required=True),
}

#: Several backups of a host.
STORES = Option("list", "The backups.", elements="dict", options=STORE_OPTIONS, required=True)

#: Several backups, and of each the sets that are meant.
STORES_WITH_SETS = Option(
    "list",
    "The backups, each with the sets that are meant.",
    elements="dict",
    options={**STORE_OPTIONS, "sets": Option("list", "Names of the sets.", elements="str", required=True)},
    required=True,
)
