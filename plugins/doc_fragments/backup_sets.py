# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Backups, as the modules take them that act on their sets."""

from __future__ import annotations

from typing import ClassVar

import yaml
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.offsite import drill_parameters
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.offsite.parameters import (
    COPY_OPTIONS,
    SOURCE_OPTION,
)
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.parameters import BACKUP_OPTIONS, PROOF_OPTIONS
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.stores import (
    SET_OPTIONS,
    STORES,
    STORES_WITH_SETS,
)
from ansible_collections.xorb.runbook.plugins.module_utils._act.long_module import JOB_OPTIONS
from ansible_collections.xorb.runbook.plugins.module_utils._act.options import PLAN_OPTION, RUN_OPTIONS
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import Options, documentation


def _documented(options: Options) -> str:
    return str(yaml.safe_dump({"options": documentation(options)}))


class ModuleDocFragment:
    """Generated from the declarations of the options, so that nothing has to be written twice."""

    #: One backup, and the job that works on its sets.
    DOCUMENTATION: ClassVar[str] = _documented({**BACKUP_OPTIONS, **JOB_OPTIONS, **RUN_OPTIONS})

    #: Whether that job only says what it would do.
    PLAN: ClassVar[str] = _documented(PLAN_OPTION)

    #: What that job needs to decrypt and to restore sets.
    PROOF: ClassVar[str] = _documented(PROOF_OPTIONS)

    #: One set of a backup.
    ONE_SET: ClassVar[str] = _documented({**SET_OPTIONS, **RUN_OPTIONS})

    #: One copy of a backup off its host, and the job that works with it.
    COPY: ClassVar[str] = _documented({**COPY_OPTIONS, **JOB_OPTIONS, **RUN_OPTIONS})

    #: The copy of another host whose drill is held.
    DRILL: ClassVar[str] = _documented(drill_parameters.COPY_OPTIONS)

    #: The copy that a set is brought back from.
    SOURCE: ClassVar[str] = _documented(SOURCE_OPTION)

    #: The sets of several backups.
    STORES: ClassVar[str] = _documented({"backups": STORES, **RUN_OPTIONS})

    #: Some sets of several backups.
    STORES_WITH_SETS: ClassVar[str] = _documented({"backups": STORES_WITH_SETS, **RUN_OPTIONS})
