# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How findings word what was seen: evidence in one printable line, and sizes that people can read."""

from __future__ import annotations

from typing import Any


def excerpt(text: Any, length: int = 80) -> str:
    """The beginning of a foreign text as one line that is safe to print; ``(empty)`` where there is nothing."""
    line = " ".join(str(text)[: length * 4].split())
    line = "".join(character for character in line if character.isprintable())
    if len(line) > length:
        return line[:length].rstrip() + "..."
    return line or "(empty)"


_STEP = 1024


def size(count: float) -> str:
    """A number of bytes for people, in binary units."""
    units = ["bytes", "KiB", "MiB", "GiB", "TiB"]
    while count >= _STEP and len(units) > 1:
        count /= _STEP
        units.pop(0)
    return f"{count:.0f} {units[0]}" if units[0] == "bytes" else f"{count:.1f} {units[0]}"
