# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Steps of procedures, taken without their roles."""

from __future__ import annotations

import importlib
from typing import Any

_EMPTY: dict[str, Any] = {"list": [], "bool": False}


def arguments(procedure: str, step: str, **given: Any) -> dict[str, Any]:
    """All arguments of a step; what is not given is empty, as a role gives it, but for the state folder of the host."""
    # Not imported above: the collection has to be in reach first.
    action = importlib.import_module(f"ansible_collections.xorb.runbook.plugins.action.{procedure}").ActionModule
    empty = {name: _EMPTY.get(entry["type"], "") for name, entry in action.argument_spec().items()}
    return {**empty, "host_state_dir": "/var/lib/xorb-runbook", **given, "step": step}
