# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The reason in the body of a refusal: the words of the component that fails, not its first characters."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from .text import excerpt, some_of

#: What services call how they are, and the words for being well.
_STATES = ("status", "state", "health")
_WELL = ("healthy", "ok", "ready", "pass", "passed", "up", "success", "true", "alive", "running", "available", "green")

#: What services call their reasons, the most telling first.
_REASONS = ("message", "error", "detail", "details", "reason", "description", "title", "msg", "output")

#: How much of a body is searched, how deep, and how many components are named.
_DEEPEST, _NAMED = 8, 3

_LENGTH = 160


def reasons_in(text: str) -> str:
    """The reasons in a JSON body, those of the deepest components that fail; else the beginning of the text."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return excerpt(text)
    found = list(dict.fromkeys(_of_components(body, "", _DEEPEST))) or list(_texts(body))
    return some_of((excerpt(one, _LENGTH) for one in found), _NAMED, "; ") if found else excerpt(text)


def _of_components(value: Any, name: str, depth: int) -> Iterator[str]:
    """The reason of each component that reports itself as not well, unless one within it does."""
    if depth == 0 or not isinstance(value, (Mapping, list)):
        return
    parts = value.items() if isinstance(value, Mapping) else enumerate(value)
    within = [found for key, part in parts for found in _of_components(part, _name(part, key), depth - 1)]
    yield from within
    if not within and isinstance(value, Mapping) and _fails(value):
        reason = next(_texts(value), "")
        if reason:
            yield f"{name}: {reason}" if name else reason


def _name(part: Any, key: Any) -> str:
    """What a component is called: by its key, or in a list by its own word for it."""
    named = part.get("name") or part.get("component") if isinstance(part, Mapping) else None
    return str(named or ("" if isinstance(key, int) else key))


def _fails(value: Mapping[str, Any]) -> bool:
    states = [value[key] for key in _STATES if isinstance(value.get(key), (str, bool, int))]
    return any(str(state).lower() not in _WELL for state in states)


def _texts(value: Any) -> Iterator[str]:
    """The texts that can be reasons, the most telling first."""
    for key in _REASONS if isinstance(value, Mapping) else ():
        found = value.get(key)
        if isinstance(found, Mapping):
            yield from _texts(found)
        elif isinstance(found, str) and found.strip():
            yield found
