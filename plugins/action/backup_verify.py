# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action ``backup_verify``: sets of a host are restored into scratch and compared."""

from __future__ import annotations

from ansible_collections.xorb.runbook.plugins.plugin_utils._act.backup import verify
from ansible_collections.xorb.runbook.plugins.plugin_utils._act.procedure import Procedure


class ActionModule(Procedure):
    """Shows what is due, proves it, and lets expire what nothing keeps."""

    name = "backup_verify"
    options = verify.OPTIONS
    steps = verify.STEPS
    values = verify.VALUES
