# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action ``backup_copy``: verified sets of a host are copied off it."""

from __future__ import annotations

from ansible_collections.xorb.runbook.plugins.plugin_utils._act.backup import copy
from ansible_collections.xorb.runbook.plugins.plugin_utils._act.procedure import Procedure


class ActionModule(Procedure):
    """Shows what would be copied, checked and removed, and does it."""

    name = "backup_copy"
    options = copy.OPTIONS
    steps = copy.STEPS
    values = copy.VALUES
