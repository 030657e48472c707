# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action ``certificate_revoke``: a revocation, step by step, on one host or by the leader for all of them."""

from __future__ import annotations

from ansible_collections.xorb.runbook.plugins.plugin_utils._act.certificates import revoke
from ansible_collections.xorb.runbook.plugins.plugin_utils._act.procedure import Procedure


class ActionModule(Procedure):
    """Puts replacements into service first, then revokes what is in service nowhere, and proves that it is refused."""

    name = "certificate_revoke"
    options = revoke.OPTIONS
    steps = revoke.STEPS
    values = revoke.VALUES
