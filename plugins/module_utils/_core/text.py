# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Text of findings: evidence in one printable line, lists that stay short, and sizes in readable units."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def lines(text: str) -> list[str]:
    """The lines of what a program or a server printed.

    Python would end a line at a form feed, at U+0085 and at U+2028, too, which are characters like others to what wrote
    the text: they stand in names and labels.
    """
    return [line.removesuffix("\r") for line in text.split("\n")]


def clean(text: object) -> str:
    """Foreign text on one line, and nothing in it that a terminal or a browser would act on, or that is no text.

    Bytes that are not UTF-8, as names of files have them, are seen as what they are and not lost.
    """
    line = " ".join(str(text).split())
    return line if line.isprintable() else visible(line)


def visible(text: str) -> str:
    """The same text with every character that cannot be printed written out."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def excerpt(text: Any, length: int = 80) -> str:
    """The beginning of a foreign text as one line that is safe to print; ``(empty)`` where there is nothing."""
    line = " ".join(str(text)[: length * 4].split())
    line = "".join(character for character in line if character.isprintable())
    if len(line) > length:
        return line[:length].rstrip() + "..."
    return line or "(empty)"


def some_of(items: Iterable[str], most: int, separator: str = ", ") -> str:
    """The first items in one line, and how many more there are: a message names some of ten thousand, never all."""
    texts = list(items)
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return separator.join(texts[:most]) + more


_STEP = 1024


def size(count: float) -> str:
    """A number of bytes in binary units."""
    units = ["bytes", "KiB", "MiB", "GiB", "TiB"]
    while count >= _STEP and len(units) > 1:
        count /= _STEP
        units.pop(0)
    return f"{count:.0f} {units[0]}" if units[0] == "bytes" else f"{count:.1f} {units[0]}"
