# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Names that the description, the checks, the journal and the report have in common."""

from __future__ import annotations

#: The point of a service that its supervisor check has: a process that does not run explains every silent endpoint.
SUPERVISOR = "supervisor"

#: The service name of checks that the run makes about itself; no service of a description may have it.
RUN = "runbook"

#: How an operation can end.
DONE, ROLLED_BACK = "done", "rolled_back"
