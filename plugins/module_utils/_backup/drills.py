# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the description says of the drill of a copy: inspected by a kind of probe, held by a procedure."""

from __future__ import annotations

from .._core.options import POSITIVE, Option, Options, thresholds
from .spec import DIRECTORY

#: The kind of probe that inspects drills, and the key of a copy under which its drill is described.
KIND, KEY = "backup_drill", "drill"

DRILL: Options = {
    "hosts": Option(
        "str",
        "Host of the inventory on which the newest copy is restored, or a group of which one host does it. Never the"
        " host of the backup itself.",
        required=True,
    ),
    "directory": Option(
        "path", "Folder on that host in which the receipts of drills are kept.", default=f"{DIRECTORY}/.drills"
    ),
    "rto_critical": Option(
        "float",
        "Fail above this number of seconds from the first question to the repository until what was restored answers"
        " and is compared.",
        default=900.0,
        within=POSITIVE,
        source="runbook, recovery within 15 minutes",
    ),
    **thresholds("rpo", "number of hours between the begin of the set and the begin of the drill", 36.0, 72.0,
                 source="ours", within=POSITIVE),
    **thresholds("drilled", "number of days since the last drill that passed", 8.0, 35.0, source="ours",
                 within=POSITIVE),
}  # fmt: skip

#: Options that only the procedure needs: no probe gets them.
ACTING = frozenset({"hosts"})
