# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sets of certificates, and the run that works on them, for the modules of rotation."""

from __future__ import annotations

from typing import ClassVar

import yaml
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates.revocation_proof import REVOKED_OPTIONS
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates.trust import TRUST_OPTIONS
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates.trust_proof import SHOWN_OPTIONS
from ansible_collections.xorb.runbook.plugins.module_utils._act.options import RUN_OPTIONS
from ansible_collections.xorb.runbook.plugins.module_utils._certificates.spec import ISSUED_OPTIONS, SET_OPTIONS
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import Options, documentation

_DESCRIPTION = "Sets of certificates, as a service of the platform description has them under C(certificates)."


def _sets(options: Options) -> dict[str, object]:
    suboptions = documentation(options)
    return {
        "description": [_DESCRIPTION],
        "type": "list",
        "elements": "dict",
        "required": True,
        "suboptions": suboptions,
    }


class ModuleDocFragment:
    """Generated from the declaration of the options, so that nothing has to be written twice."""

    DOCUMENTATION: ClassVar[str] = yaml.safe_dump(
        {"options": {"certificates": _sets(SET_OPTIONS), **documentation(RUN_OPTIONS)}}
    )

    ISSUED: ClassVar[str] = yaml.safe_dump(
        {"options": {"certificates": _sets({**SET_OPTIONS, **ISSUED_OPTIONS}), **documentation(RUN_OPTIONS)}}
    )

    TRUSTED: ClassVar[str] = yaml.safe_dump(
        {"options": {"certificates": _sets({**SET_OPTIONS, **TRUST_OPTIONS}), **documentation(RUN_OPTIONS)}}
    )

    REFUSED: ClassVar[str] = yaml.safe_dump(
        {"options": {"certificates": _sets({**SET_OPTIONS, **REVOKED_OPTIONS}), **documentation(RUN_OPTIONS)}}
    )

    SHOWN: ClassVar[str] = yaml.safe_dump(
        {"options": {"certificates": _sets({**SET_OPTIONS, **SHOWN_OPTIONS}), **documentation(RUN_OPTIONS)}}
    )
