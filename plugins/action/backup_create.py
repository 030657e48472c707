# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action ``backup_create``: one set of each backup of a host."""

from __future__ import annotations

from ansible_collections.xorb.runbook.plugins.plugin_utils._act.backup import create
from ansible_collections.xorb.runbook.plugins.plugin_utils._act.procedure import Procedure


class ActionModule(Procedure):
    """Shows what would be written, and takes it."""

    name = "backup_create"
    options = create.OPTIONS
    steps = create.STEPS
    values = create.VALUES
