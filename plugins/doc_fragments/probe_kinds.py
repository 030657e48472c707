# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The options of every kind of probe, written once: in the kinds themselves."""

from __future__ import annotations

from typing import Any, ClassVar

import yaml
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import documentation
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.kind import Kind
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.registry import KINDS


def _documented(kind: Kind) -> dict[str, Any]:
    return {
        "description": [f"Probes of the kind C({kind.name}). {kind.summary}"],
        "type": "list",
        "elements": "dict",
        "suboptions": documentation(kind.probe_options),
    }


class ModuleDocFragment:
    """One typed list option for each kind."""

    #: Generated, so that a new kind is declared once.
    DOCUMENTATION: ClassVar[str] = yaml.safe_dump(
        {"options": {name: _documented(kind) for name, kind in KINDS.items()}}
    )
