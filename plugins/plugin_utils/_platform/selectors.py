# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The selectors that narrow down what a run looks at; the same ones for looking, reporting and judging."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import TOPICS
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.registry import KINDS

SELECTORS: dict[str, dict[str, Any]] = {
    "topics": {"type": "list", "elements": "str", "default": [], "choices": list(TOPICS)},
    "services": {"type": "list", "elements": "str", "default": []},
    "kinds": {"type": "list", "elements": "str", "default": [], "choices": sorted(KINDS)},
}


def selected(arguments: Mapping[str, Any]) -> dict[str, list[str]]:
    """The selectors among some arguments."""
    return {name: arguments[name] for name in SELECTORS}
