# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action ``backup_restore``: a set is restored, put back, or what was kept is removed."""

from __future__ import annotations

from ansible_collections.xorb.runbook.plugins.plugin_utils._act.backup import restore
from ansible_collections.xorb.runbook.plugins.plugin_utils._act.procedure import Procedure


class ActionModule(Procedure):
    """Shows what would be restored, and restores it."""

    name = "backup_restore"
    options = restore.OPTIONS
    steps = restore.STEPS
    values = restore.VALUES
