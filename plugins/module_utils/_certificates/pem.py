# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PEM as OpenSSL reads it, and with it nginx, PostgreSQL, Redis and whatever else loads such a file.

OpenSSL goes by lines (``PEM_read_bio``): a mark stands alone on its line, from the first column to the last. What it
takes for a mark and cannot read ends the file; what only resembles one it passes over in silence, and with
it the certificate behind. Both are faults here. Pure.
"""

from __future__ import annotations

import binascii
import re
import ssl
from collections.abc import Iterator
from typing import NamedTuple

from .der import Unreadable

_BEGIN, _END, _TAIL = b"-----BEGIN ", b"-----END ", b"-----"

#: What OpenSSL takes away at the end of a line.
_BLANK = bytes(range(0x21))
_BLANKS = frozenset(_BLANK[at : at + 1] for at in range(0x21))

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

#: What a reader would take for a mark, outside of a block that OpenSSL finds.
_LOOKS_LIKE_A_MARK = re.compile(
    rb"(?P<line>^(?!\s*\#)[^\n]*(?:-[ \t]*(?:BEGIN|END)[ \t]+[A-Z0-9 ]*(?:CERTIFICATE|PRIVATE KEY|CRL)"
    rb"|(?:BEGIN|END)[ \t]+[A-Z0-9 ]*(?:CERTIFICATE|PRIVATE KEY|CRL)[ \t]*-)[^\n]*)",
    re.IGNORECASE | re.MULTILINE,
)

#: A line of a block without anything in it. Before it stand headers, and behind it lines of one length.
_EMPTY_LINE = re.compile(rb"\n[\x00-\x20]*\n")

_LINE = 64

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


#: Blocks as every tool writes them, which need no closer look: most files are of nothing else.
_PLAIN = re.compile(
    rb"-----BEGIN ([A-Z0-9 .#]+)-----\n((?:[A-Za-z0-9+/]{64}\n)*[A-Za-z0-9+/]{1,64}={0,2}\n)-----END \1-----(?:\n|\Z)"
)


class Block(NamedTuple):
    """One block, or with a ``fault`` what keeps OpenSSL from finding one there."""

    label: str
    #: What stands between the marks, and everything from the first to the last.
    body: bytes = b""
    whole: bytes = b""
    fault: str = ""
    plain: bool = False

    def decoded(self) -> bytes:
        """The bytes of the block; raises `Unreadable` where OpenSSL would not take them."""
        if self.plain and len(packed := self.body.replace(b"\n", b"")) % 4 == 0:
            return binascii.a2b_base64(packed)
        body = _without_headers(self.body) if self.has_headers else self.body
        packed = body.translate(None, b" \t\r\n")
        padding = packed.translate(None, _ALPHABET)
        if padding.strip(b"="):  # maybe it is something that is taken away
            packed = b"".join(line.rstrip(_BLANK) for line in body.split(b"\n")).translate(None, b" \t\r")
            padding = packed.translate(None, _ALPHABET)
        if padding.strip(b"=") or not packed.endswith(padding):
            stray = packed.rstrip(b"=").translate(None, _ALPHABET)
            raise Unreadable(f"its base64 is damaged: {stray[:1]!r} does not belong there")
        if not packed or len(packed) % 4 or len(padding) > 2:  # noqa: PLR2004 - of base64
            raise Unreadable("its base64 is damaged: it is cut off, or padded wrongly")
        return binascii.a2b_base64(packed)

    @property
    def has_headers(self) -> bool:
        """Whether it begins with headers, as encrypted keys of the old form do, or has the empty line behind them."""
        body = self.body
        return not self.plain and (b":" in body or body[:1] in _BLANKS or _EMPTY_LINE.search(body) is not None)


def _without_headers(body: bytes) -> bytes:
    """What stands behind the empty line; OpenSSL is strict about it."""
    lines = [line.rstrip(_BLANK) for line in body.split(b"\n")[:-1]]
    if b"" not in lines:
        raise Unreadable("it has headers, and no empty line behind them")
    ends = lines.index(b"")
    held = lines[ends + 1 :]
    if ends:
        raise Unreadable("it has headers or an empty line inside")
    if b"" in held or any(len(line) != _LINE for line in held[:-1]) or any(len(line) > _LINE for line in held[-1:]):
        raise Unreadable("it begins with an empty line, and then each line has to have 64 characters")
    return b"\n".join(held)


def blocks(data: bytes) -> Iterator[Block]:
    """Yield each block in its order, and what only looks like one with its fault."""
    position = len(_BYTE_ORDER_MARK) if _skips_byte_order_mark(data) else 0
    while True:
        plain = _PLAIN.match(data, position)
        if plain is not None:
            yield Block(plain[1].decode("ascii"), plain[2], plain[0].rstrip() + b"\n", plain=True)
            position = plain.end()
            if position == len(data):
                return
            continue
        start, label, body_at = _next_mark(data, position)
        gap = data[position : start if start >= 0 else len(data)]
        yield from _overlooked(gap)
        if start < 0:
            return
        if b"\r" in label:
            yield Block("", fault="its lines end in a carriage return alone, which OpenSSL does not take for an end")
            position = body_at
            continue
        block, position = _block(data, start, label, body_at)
        yield block


def _skips_byte_order_mark(data: bytes) -> bool:
    return data.startswith(_BYTE_ORDER_MARK) and ssl.OPENSSL_VERSION_INFO >= (3,)


def _next_mark(data: bytes, position: int) -> tuple[int, bytes, int]:
    """Where the next block begins, its label, and where the next line does; -1 where there is none."""
    start = data.find(_BEGIN, position)
    while start >= 0:
        ends = _line_end(data, start)
        line = data[start:ends].rstrip(_BLANK)
        alone = start == position or data[start - 1 : start] == b"\n"
        if alone and line.endswith(_TAIL) and len(line) >= len(_BEGIN + _TAIL):
            return start, line[len(_BEGIN) : -len(_TAIL)], ends
        start = data.find(_BEGIN, start + 1)
    return -1, b"", len(data)


def _line_end(data: bytes, position: int) -> int:
    """Where the line behind the one at a position begins."""
    ends = data.find(b"\n", position)
    return len(data) if ends < 0 else ends + 1


def _block(data: bytes, start: int, label: bytes, body_at: int) -> tuple[Block, int]:
    """The block that begins there, and where to go on."""
    text = label.decode("ascii", "replace")
    end = data.find(b"\n" + _END, body_at - 1)
    following = data.find(b"\n" + _BEGIN, body_at - 1)
    if end < 0 or 0 <= following < end:
        behind = following + 1 if following >= 0 else len(data)
        return Block("", fault="it has no end"), behind
    behind = _line_end(data, end + 1)
    if data[end + 1 : behind].rstrip(_BLANK) != _END + label + _TAIL:
        return Block("", fault=f"{_shown(data[end + 1 : behind])} is not the end of {text}, alone on its line"), behind
    return Block(text, data[body_at : end + 1], data[start:behind].rstrip() + b"\n"), behind


def _overlooked(gap: bytes) -> Iterator[Block]:
    """Marks that OpenSSL passes over, among what stands between blocks."""
    if b"-" not in gap:
        return
    for found in _LOOKS_LIKE_A_MARK.finditer(gap):
        yield Block("", fault=f"{_shown(found['line'])} is not alone on its line, and OpenSSL passes it over")


def _shown(line: bytes) -> str:
    text = " ".join(line.decode("ascii", "replace").split())
    return "".join(character for character in text if character.isprintable())[:80]
