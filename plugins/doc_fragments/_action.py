# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Attributes that every action of the collection shares."""

from __future__ import annotations

from typing import Any, ClassVar

import yaml
from ansible_collections.xorb.runbook.plugins.plugin_utils._platform.selectors import SELECTORS

_DESCRIPTIONS = {
    "topics": "Chapters of the runbook. An empty list means all of them.",
    "services": "Names of services of the platform description. An empty list means all of them.",
    "kinds": "Kinds of probes. An empty list means all of them.",
}


def _documented(name: str) -> dict[str, Any]:
    return {"description": [_DESCRIPTIONS[name]], **SELECTORS[name]}


class ModuleDocFragment:
    """What is true of an action that works on the control node and changes no host."""

    DOCUMENTATION = r"""
attributes:
  action:
    description: Indicates that this has an action plugin that runs on the control node.
    support: full
  check_mode:
    description: Can run in check mode without changing anything.
    support: full
  diff_mode:
    description: Can show what would change.
    support: none
    details:
      - It changes nothing on a host.
  idempotent:
    description: Running it again changes nothing.
    support: full
"""

    #: Generated, so that a new kind is declared once.
    SELECTORS: ClassVar[str] = yaml.safe_dump({"options": {name: _documented(name) for name in SELECTORS}})
