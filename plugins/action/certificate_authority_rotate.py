# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action ``certificate_authority_rotate``: the replacement of the CA, step by step, on one host or by the leader."""

from __future__ import annotations

from ansible_collections.xorb.runbook.plugins.plugin_utils._act.certificates import authority_rotate
from ansible_collections.xorb.runbook.plugins.plugin_utils._act.procedure import Procedure


class ActionModule(Procedure):
    """Lets all consumers trust both CAs, reissues what is in service, and withdraws the outgoing CA."""

    name = "certificate_authority_rotate"
    options = authority_rotate.OPTIONS
    steps = authority_rotate.STEPS
    values = authority_rotate.VALUES
