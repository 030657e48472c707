# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How names are compared: those of subjects and issuers as RFC 5280 says, those of servers as clients do. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Union

from .der import children, content

#: How the characters of each type of string are written; OpenSSL compares strings of these types with one another.
_STRINGS = {
    0x0C: "utf-8",
    0x13: "latin-1",  # PrintableString
    0x14: "latin-1",  # T61String, as OpenSSL and everything else takes it
    0x16: "latin-1",  # IA5String
    0x1A: "latin-1",  # VisibleString
    0x1C: "utf-32-be",
    0x1E: "utf-16-be",
}

#: A name to compare: its parts in their order, each of them some attributes with their values.
DistinguishedName = tuple[tuple[tuple[bytes, int, bytes], ...], ...]

Address = Union[IPv4Address, IPv6Address]


@lru_cache(maxsize=4096)  # there are many certificates, and few issuers
def canonical(raw: bytes) -> DistinguishedName:
    """A subject or issuer as it is compared (RFC 5280, 7.1).

    The type of string, capital letters and the number of spaces make no difference. As with OpenSSL, letters are
    folded in ASCII alone. Bytes that are no name are only equal to themselves.
    """
    try:
        return tuple(tuple(sorted(_attribute(whole) for _tag, whole in children(part))) for _tag, part in children(raw))
    except (IndexError, ValueError):
        return (((raw, 0, b""),),)


def _attribute(whole: bytes) -> tuple[bytes, int, bytes]:
    (_tag, kind), (tag, value) = children(whole)
    text = content(value)
    encoding = _STRINGS.get(tag)
    if encoding is None:
        return kind, tag, text
    return kind, 0, b" ".join(text.decode(encoding).encode("utf-8", "surrogatepass").lower().split())


def address_of(text: str) -> Address | None:
    """The address that a text is, without the zone of one that is valid on a link alone; nothing where it is a name."""
    try:
        return ip_address(text.partition("%")[0])
    except ValueError:
        return None


def covers(names: Iterable[str], addresses: Iterable[str], wanted: str) -> bool:
    """Whether a client that connects to ``wanted`` accepts a certificate of these alternative names (RFC 6125).

    An address is searched among the addresses alone, whatever a DNS name looks like. A name that is not ASCII is no
    DNS name, and covers nothing: clients ask for the ASCII form, and compare bytes.
    """
    address = address_of(wanted)
    if address is not None:
        return any(address == address_of(one) for one in addresses)
    if not wanted.isascii():
        try:
            wanted = wanted.encode("idna").decode("ascii")
        except UnicodeError:
            return False
    wanted = wanted.lower().rstrip(".")
    return any(name.isascii() and _fits(name.lower(), wanted) for name in names)


#: What stands behind a star: two labels at least, since no authority issues for a whole top-level domain.
_BEHIND_A_STAR = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+\Z")
_LABEL = re.compile(r"[a-z0-9-]+\Z")


def _fits(pattern: str, wanted: str) -> bool:
    if pattern == wanted:
        return True
    # A star stands for one whole label, the first.
    first, _dot, rest = wanted.partition(".")
    return (
        pattern.startswith("*.")
        and rest == pattern[2:]
        and _LABEL.match(first) is not None
        and _BEHIND_A_STAR.match(rest) is not None
    )
