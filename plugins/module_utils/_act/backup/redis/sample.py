# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Some keys of a server, each with its type, its value in one digest, and when it expires.

The digest is of a form of our own, the same whatever the order in which a server keeps a set, and of a long value only
the number of its elements and its ends, so that one key never costs more than a moment.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Callable

from .client import RedisClient, Refused, optional

#: How many elements, or bytes, of each end of a value are read.
_ELEMENTS, _BYTES = 1000, 1 << 20

#: Where the whole of an unordered value is read: it has no ends.
_WHOLE = 10_000

#: How often a random key is asked for, for each that is wanted: the same may come again.
_ATTEMPTS = 3

#: Milliseconds by which two times may differ where a server only says how much is left.
_ROUNDED = 2000


@dataclass(frozen=True)
class Sample:
    """A key in Base64, and what it held. ``expires`` is in milliseconds since 1970, 0 for never."""

    database: int
    key: str
    type: str
    digest: str
    expires: int = 0
    exact: bool = True

    @property
    def name(self) -> str:
        """The key as a message shows it."""
        return repr(base64.b64decode(self.key))[1:]

    def same(self, other: Sample | None) -> bool:
        """Whether it is the same key, value and time."""
        if other is None or (self.type, self.digest) != (other.type, other.digest):
            return False
        if bool(self.expires) != bool(other.expires):
            return False
        return abs(self.expires - other.expires) <= (0 if self.exact and other.exact else _ROUNDED)

    def as_dict(self) -> dict[str, Any]:
        """As the file of samples has it."""
        return asdict(self)


def keys(client: RedisClient, counts: Mapping[int, int], most: int) -> Iterator[tuple[int, bytes]]:
    """Some keys of each database, in proportion to how many it has: all, where that is no more than wanted."""
    total = sum(counts.values())
    for database, count in sorted(counts.items()):
        wanted = -(-most * count // total) if total else 0
        if wanted >= count:
            yield from ((database, key) for key in _all(client, database, wanted))
        else:
            yield from ((database, key) for key in _random(client, database, wanted))


def _all(client: RedisClient, database: int, most: int) -> Iterator[bytes]:
    seen: set[bytes] = set()
    cursor = b"0"
    while True:
        cursor, found = client.in_database(database, "SCAN", cursor, "COUNT", 1000)
        for key in found:
            if key not in seen and len(seen) < most:
                seen.add(key)
                yield key
        if cursor == b"0" or len(seen) >= most:
            return


def _random(client: RedisClient, database: int, most: int) -> Iterator[bytes]:
    seen: set[bytes] = set()
    for _attempt in range(most * _ATTEMPTS):
        key = client.in_database(database, "RANDOMKEY")
        if key is not None and key not in seen:
            seen.add(key)
            yield key
        if len(seen) >= most:
            return


def sample(client: RedisClient, database: int, key: bytes) -> Sample | None:
    """What a key holds now; nothing where there is no such key."""
    kind = client.in_database(database, "TYPE", key).decode()
    if kind == "none":
        return None
    read = _READERS.get(kind, _dump)
    try:
        digest = _digest(read(client, key))
    except Refused as exc:
        if exc.code == "WRONGTYPE":  # it was replaced just now
            return None
        raise
    expires, exact = _expiry(client, key)
    return Sample(database, base64.b64encode(key).decode(), kind, digest, expires, exact)


def samples(client: RedisClient, chosen: Sequence[tuple[int, bytes]]) -> list[Sample | None]:
    """What some keys hold now, in their order."""
    return [sample(client, database, key) for database, key in chosen]


def _expiry(client: RedisClient, key: bytes) -> tuple[int, bool]:
    moment = optional(lambda: client.command("PEXPIRETIME", key))
    if moment is not None:
        return max(0, int(moment)), True
    left = int(client.command("PTTL", key))
    return (client.time_ms() + left, False) if left >= 0 else (0, True)


def _digest(parts: Any) -> str:
    digest = hashlib.sha256()
    _feed(digest, parts)
    return digest.hexdigest()


def _feed(digest: hashlib._Hash, value: Any) -> None:
    """Each value with its type and length before it, so that no two are the same bytes."""
    if isinstance(value, (list, tuple)):
        digest.update(b"[%d:" % len(value))
        for one in value:
            _feed(digest, one)
    elif isinstance(value, bytes):
        digest.update(b"$%d:" % len(value))
        digest.update(value)
    else:
        digest.update(repr(value).encode())
        digest.update(b";")


def _string(client: RedisClient, key: bytes) -> Any:
    length = int(client.command("STRLEN", key))
    if length <= 2 * _BYTES:
        return [length, client.command("GET", key)]
    return [length, client.command("GETRANGE", key, 0, _BYTES - 1), client.command("GETRANGE", key, -_BYTES, -1)]


def _list(client: RedisClient, key: bytes) -> Any:
    return _ends(client, key, "LLEN", "LRANGE")


def _set(client: RedisClient, key: bytes) -> Any:
    length = int(client.command("SCARD", key))
    return [length, sorted(client.command("SMEMBERS", key)) if length <= _WHOLE else []]


def _hash(client: RedisClient, key: bytes) -> Any:
    length = int(client.command("HLEN", key))
    flat = client.command("HGETALL", key) if length <= _WHOLE else []
    return [length, sorted(zip(flat[::2], flat[1::2]))]


def _zset(client: RedisClient, key: bytes) -> Any:
    length, *parts = _ends(client, key, "ZCARD", "ZRANGE", "WITHSCORES")
    # Versions write the same number in more than one way.
    return [length, *([(member, float(score)) for member, score in zip(flat[::2], flat[1::2])] for flat in parts)]


def _stream(client: RedisClient, key: bytes) -> Any:
    length = int(client.command("XLEN", key))
    first = client.command("XRANGE", key, "-", "+", "COUNT", _ELEMENTS)
    last = client.command("XREVRANGE", key, "+", "-", "COUNT", _ELEMENTS) if length > _ELEMENTS else []
    about = _pairs(client.command("XINFO", "STREAM", key))
    groups = [_pairs(group) for group in client.command("XINFO", "GROUPS", key)]
    wanted = (b"name", b"pending", b"last-delivered-id")
    return [length, first, last, about[b"last-generated-id"], [[one[name] for name in wanted] for one in groups]]


def _dump(client: RedisClient, key: bytes) -> Any:
    """The type of a module: only the server knows its form, which the same version writes the same way."""
    return client.command("DUMP", key)


def _ends(client: RedisClient, key: bytes, count: str, read: str, *options: str) -> Any:
    length = int(client.command(count, key))
    first = client.command(read, key, 0, _ELEMENTS - 1, *options)
    return [length, first, client.command(read, key, -_ELEMENTS, -1, *options) if length > _ELEMENTS else []]


def _pairs(flat: Sequence[Any]) -> dict[bytes, Any]:
    return dict(zip(flat[::2], flat[1::2]))


_READERS: Mapping[str, Callable[[RedisClient, bytes], Any]] = {
    "string": _string,
    "list": _list,
    "set": _set,
    "hash": _hash,
    "zset": _zset,
    "stream": _stream,
}
