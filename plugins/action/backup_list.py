# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action ``backup_list``: the sets of a host."""

from __future__ import annotations

from ansible_collections.xorb.runbook.plugins.plugin_utils._act.backup import listing
from ansible_collections.xorb.runbook.plugins.plugin_utils._act.procedure import Procedure


class ActionModule(Procedure):
    """Shows what sets there are, and changes nothing."""

    name = "backup_list"
    options = listing.OPTIONS
    steps = listing.STEPS
    values = listing.VALUES
