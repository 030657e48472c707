# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The run that a module belongs to which changes a host."""

from __future__ import annotations

from typing import ClassVar

import yaml
from ansible_collections.xorb.runbook.plugins.module_utils._act.options import RUN_OPTIONS
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import documentation


class ModuleDocFragment:
    """Generated from the declaration of the options, so that nothing has to be written twice."""

    DOCUMENTATION: ClassVar[str] = yaml.safe_dump({"options": documentation(RUN_OPTIONS)})
