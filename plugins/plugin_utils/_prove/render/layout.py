# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Lines and columns of a terminal: text is wrapped between words, and no name is ever split."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import (
    CRITICAL,
    NOT_APPLICABLE,
    OK,
    UNKNOWN,
    WARNING,
)

from . import formatting

COLOURS = {CRITICAL: "1;31", UNKNOWN: "1;35", WARNING: "33", OK: "32", NOT_APPLICABLE: "2"}

GAP = 2
#: With less room than this beside its cells, the text of a row stands below them.
READABLE = 40
#: A space that no line is broken at; no clean text has one.
SOLID = "\N{INFORMATION SEPARATOR ONE}"


class Solid(str):
    """Text that is clean, in which no line is broken at some of the spaces."""

    __slots__ = ()


def solid(items: Iterable[str], after: str = "") -> Solid:
    """Items side by side of which none is torn at the end of a line, and text after them that may be wrapped."""
    gap = " " if after.startswith(" ") else ""
    return Solid(
        ", ".join(formatting.clean(item).replace(" ", SOLID) for item in items) + gap + formatting.clean(after)
    )


@dataclass(frozen=True)
class Row:
    """A row of a table: short cells, of which the first one shows a status, and a text of any length.

    A cell gets as much room as it needs, and is never wrapped.
    """

    cells: Sequence[str]
    text: str = ""
    status: str = ""


@dataclass(frozen=True)
class Layout:
    """How wide a terminal is, and whether it shows colours."""

    width: int
    colour: bool

    def paint(self, text: str, status: str) -> str:
        """The text in the colour of a status."""
        return f"\033[{COLOURS[status]}m{text}\033[0m" if self.colour and status and text else text

    def flow(self, facts: Sequence[str]) -> list[str]:
        """Facts side by side, on as many lines as they need; a fact is never torn."""
        lines = [facts[0]]
        for fact in facts[1:]:
            longer = f"{lines[-1]}  {fact}"
            if len(longer) <= self.width:
                lines[-1] = longer
            else:
                lines.append(f"  {fact}")
        return lines

    def wrap(self, text: str, indent: str = "", hanging: str | None = None) -> list[str]:
        """A text on as many lines as it needs."""
        lines = textwrap.wrap(
            text if isinstance(text, Solid) else formatting.clean(text),
            self.width,
            initial_indent=indent,
            subsequent_indent=indent if hanging is None else hanging,
            break_on_hyphens=False,
            break_long_words=False,
        )
        return [line.replace(SOLID, " ") for line in lines]

    def table(self, rows: Sequence[Row], indent: str = "") -> Iterator[str]:
        """Columns as wide as their longest cell; an empty column takes no room, and texts get the rest."""
        rows = [replace(row, cells=[formatting.clean(cell) for cell in row.cells]) for row in rows]
        widths = [max(map(len, column)) for column in zip(*(row.cells for row in rows), strict=True)]
        used = len(indent) + sum(width + GAP for width in widths if width)
        beside = self.width - used >= READABLE
        for row in rows:
            cells = indent + self._cells(row, widths)
            below = indent + " " * (widths[0] + GAP)
            lines = self.wrap(row.text, " " * used if beside else below)
            if beside:
                pairs = zip_longest([cells], (line[used:] for line in lines), fillvalue="")
                yield from (f"{left or ' ' * used}{right}" for left, right in pairs)
            else:
                yield from (cells, *lines)

    def _cells(self, row: Row, widths: Sequence[int]) -> str:
        return "".join(
            self.paint(cell, row.status if index == 0 else "") + " " * (width - len(cell) + GAP)
            for index, (cell, width) in enumerate(zip(row.cells, widths, strict=True))
            if width
        )
