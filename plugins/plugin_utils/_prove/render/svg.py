# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Drawings as inline SVG that fits any width: positions along a plot are percentages, heights are pixels.

Nothing is scaled, so text and dots keep their size on a phone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from markupsafe import Markup, escape

from . import formatting

RADIUS = 4.5
#: A dot that stands for many has room for their number.
LARGE_RADIUS = 8.0


def drawing(anchor: str, title: str, description: str, *, height: int, content: Iterable[Markup]) -> Markup:
    """A whole drawing, with its name and its content in words for a reader who does not see it."""
    return Markup(
        '<svg class="plot" role="img" width="100%" height="{height}" aria-labelledby="{anchor}-t {anchor}-d">'
        '<title id="{anchor}-t">{title}</title><desc id="{anchor}-d">{description}</desc>{content}</svg>'
    ).format(height=height, anchor=anchor, title=_text(title), description=_text(description), content=_joined(content))


def box(kind: str, left: float, width: float, *, top: float, height: float, title: str = "") -> Markup:
    """A rectangle; ``kind`` is its class."""
    shape = Markup('<rect class="{}" x="{}%" y="{}" width="{}%" height="{}"').format(
        kind, _short(left), _short(top), _short(width), _short(height)
    )
    return shape + (Markup("><title>{}</title></rect>").format(_text(title)) if title else Markup("/>"))


def upright(kind: str, at: float, *, top: float, bottom: float) -> Markup:
    """A vertical line."""
    return Markup('<line class="{0}" x1="{1}%" x2="{1}%" y1="{2}" y2="{3}"/>').format(
        kind, _short(at), _short(top), _short(bottom)
    )


def level(kind: str, start: float, end: float, *, at: float) -> Markup:
    """A horizontal line."""
    return Markup('<line class="{0}" x1="{1}%" x2="{2}%" y1="{3}" y2="{3}"/>').format(
        kind, _short(start), _short(end), _short(at)
    )


def dot(kind: str, at: float, *, middle: float, amount: int, title: str) -> Markup:
    """A dot, or for many a larger one with their number."""
    circle = Markup('<circle cx="{}%" cy="{}" r="{}"/>').format(
        _short(at), _short(middle), RADIUS if amount == 1 else LARGE_RADIUS
    )
    number = Markup('<text x="{}%" y="{}">{}</text>').format(_short(at), _short(middle + 3.4), amount)
    return Markup('<g class="dot {}"><title>{}</title>{}{}</g>').format(
        kind, _text(title), circle, number if amount > 1 else ""
    )


def spark(kind: str, values: Sequence[float], *, least: float, most: float, height: int) -> Markup:
    """A line through values, oldest left, that stretches to the width of the plot and stays inside of it."""
    span = (most - least) or 1
    step = 100 / max(1, len(values) - 1)
    points = " ".join(
        f"{_short(index * step)},{_short(1 + (height - 2) * (1 - min(max((value - least) / span, 0), 1)))}"
        for index, value in enumerate(values)
    )
    return Markup(
        '<svg class="{}" viewBox="0 0 100 {}" preserveAspectRatio="none" width="100%" height="{}" aria-hidden="true">'
        '<polyline points="{}"/></svg>'
    ).format(kind, height, height, points)


def _joined(parts: Iterable[Markup]) -> Markup:
    return Markup("").join(parts)


def _text(text: str) -> Markup:
    return escape(formatting.clean(text))


def _short(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".")
