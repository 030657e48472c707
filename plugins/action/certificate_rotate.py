# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action ``certificate_rotate``: the certificates of one host that are due, from the request to the proof."""

from __future__ import annotations

from ansible_collections.xorb.runbook.plugins.plugin_utils._act.certificates import rotate
from ansible_collections.xorb.runbook.plugins.plugin_utils._act.procedure import Procedure


class ActionModule(Procedure):
    """Asks the host what is due, has it issued here, and lets the host put it into service: two round trips in all."""

    name = "certificate_rotate"
    options = rotate.OPTIONS
    steps = rotate.STEPS
    values = rotate.VALUES
