# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A little DER: what takes a certificate apart without making objects of all of it."""

from __future__ import annotations

from collections.abc import Iterator

from .._core.errors import RunbookError

_LONG_FORM = 0x80


class Unreadable(RunbookError):
    """Bytes that are not what they should be; the message says what is wrong with them."""


def element(der: bytes, start: int) -> tuple[int, int]:
    """Where the content of the element at ``start`` begins and ends; raises IndexError past the end."""
    length = der[start + 1]
    content = start + 2
    if length >= _LONG_FORM:  # so many bytes follow that hold the length
        count = length & 0x7F
        length = int.from_bytes(der[content : content + count], "big")
        content += count
    if content + length > len(der):
        raise IndexError("an element ends behind its bytes")
    return content, content + length


def children(der: bytes, start: int = 0) -> Iterator[tuple[int, bytes]]:
    """Yield the tag and the whole of each element inside the one at ``start``; raises IndexError past the end."""
    position, ends = element(der, start)
    while position < ends:
        _content, behind = element(der, position)
        yield der[position], der[position:behind]
        position = behind


def content(whole: bytes) -> bytes:
    """What is inside an element; raises IndexError past the end."""
    begins, ends = element(whole, 0)
    return whole[begins:ends]


def object_identifier(whole: bytes) -> str:
    """An object identifier as it is usually written; raises IndexError where it is none."""
    first, *_others = arcs = list(_arcs(content(whole)))
    top = min(first // 40, 2)
    return ".".join(map(str, (top, first - 40 * top, *arcs[1:])))


def _arcs(encoded: bytes) -> Iterator[int]:
    if not encoded:
        raise IndexError("an empty object identifier")
    arc = 0
    for byte in encoded:
        arc = arc << 7 | byte & 0x7F
        if byte < _LONG_FORM:
            yield arc
            arc = 0
