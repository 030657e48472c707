# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Backups, as the modules take them that act on their sets."""

from __future__ import annotations

from typing import Any, ClassVar

import yaml
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.parameters import BACKUP_OPTIONS
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.stores import STORE_OPTIONS
from ansible_collections.xorb.runbook.plugins.module_utils._act.long_module import JOB_OPTIONS
from ansible_collections.xorb.runbook.plugins.module_utils._act.options import RUN_OPTIONS
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import Options, documentation


def _stores(options: Options) -> dict[str, Any]:
    return {
        "description": ["The backups."],
        "type": "list",
        "elements": "dict",
        "required": True,
        "suboptions": documentation(options),
    }


class ModuleDocFragment:
    """Generated from the declarations of the options, so that nothing has to be written twice."""

    #: One backup, and the job that takes or verifies its sets.
    DOCUMENTATION: ClassVar[str] = yaml.safe_dump(
        {"options": documentation({**BACKUP_OPTIONS, **JOB_OPTIONS, **RUN_OPTIONS})}
    )

    #: The sets of several backups.
    STORES: ClassVar[str] = yaml.safe_dump(
        {"options": {"backups": _stores(STORE_OPTIONS), **documentation(RUN_OPTIONS)}}
    )
