# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What keeps secrets out of a description: which values are templates, and which stand there for all to read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._core.options import Options


def _is_unresolved(value: Any) -> bool:
    """Whether a value holds a template or a vaulted text anywhere."""
    if isinstance(value, Mapping):
        return any(_is_unresolved(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return any(_is_unresolved(item) for item in value)
    if isinstance(value, str):
        return "{{" in value or "{%" in value
    return type(value).__name__ == "EncryptedString"


def _plain_secrets(options: Options, given: Any, path: str = "") -> Iterator[str]:
    """Yield the path of every secret that stands there in plain text, however deep."""
    if not isinstance(given, Mapping):
        return
    for key, option in options.items():
        value = given.get(key)
        if option.secret and not _keeps_secret(value):
            yield f"{path}{key}"
        elif option.options and isinstance(value, (list, tuple)):
            for index, item in enumerate(value):
                yield from _plain_secrets(option.options, item, f"{path}{key}[{index}].")
        elif option.options:
            yield from _plain_secrets(option.options, value, f"{path}{key}.")


def _keeps_secret(value: Any) -> bool:
    """Whether a secret, or each value of a map or a list of secrets, is absent, a template or vaulted."""
    if isinstance(value, Mapping):
        return all(_keeps_secret(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return all(_keeps_secret(item) for item in value)
    return value is None or _is_unresolved(value)


def _has_credentials(value: Any) -> bool:
    """Whether a text anywhere in a value has a URL with a user and a password."""
    if isinstance(value, Mapping):
        return any(_has_credentials(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return any(_has_credentials(item) for item in value)
    return isinstance(value, str) and bool(re.search(r"//[^/@\s]*:[^/@\s]*@", value))
