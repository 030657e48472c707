# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action ``backup_drill``: copies of other hosts are restored on this one, and timed."""

from __future__ import annotations

from ansible_collections.xorb.runbook.plugins.plugin_utils._act.backup import drill
from ansible_collections.xorb.runbook.plugins.plugin_utils._act.procedure import Procedure


class ActionModule(Procedure):
    """Shows which copies would be restored, and does it."""

    name = "backup_drill"
    options = drill.OPTIONS
    steps = drill.STEPS
    values = drill.VALUES
