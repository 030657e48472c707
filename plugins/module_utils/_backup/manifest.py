# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The manifest of a backup set: what is in it, down to each byte, and what was counted while it was taken."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from typing import Any

from .._core.errors import RunbookError

#: What manifests mean. Another number is refused: how an old set is read is never guessed at.
FORMAT = 1

#: The file of a set that holds it.
NAME = "manifest.json"

#: A set is called by the time at which it was begun, so that names sort as times do.
ID = re.compile(r"\d{8}T\d{6}Z\Z")
_ID_TIME = "%Y%m%dT%H%M%SZ"

_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


class DamagedManifest(RunbookError):
    """A manifest that is not as it was written; the message says where and why."""


@dataclass(frozen=True)
class StoredFile:
    """A file of a set. Sizes in bytes, digests SHA-256 in hexadecimal; plain is what it is before encryption."""

    path: str
    size: int
    sha256: str
    plain_size: int
    plain_sha256: str


@dataclass(frozen=True)
class Manifest:
    """All that is known of a set. Times are UTC (``2026-11-30T09:45:00Z``), seconds since 1970 beside them.

    ``content`` is what the kind counted in the very snapshot that it took; its verification compares it. ``recipients``
    are those for whom the files are encrypted, empty where they are not.
    """

    id: str
    platform: str
    service: str
    backup: str
    host: str
    kind: str
    engine: str
    begin: float
    end: float
    files: tuple[StoredFile, ...] = ()
    recipients: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    content: Mapping[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes that the set takes on the disk."""
        return sum(one.size for one in self.files)

    @property
    def plain_size(self) -> int:
        """Bytes of its files before encryption."""
        return sum(one.plain_size for one in self.files)

    @property
    def encrypted(self) -> bool:
        """Whether the set cannot be read as it is stored."""
        return bool(self.recipients)

    @property
    def parts(self) -> str:
        """What it consists of, in two words."""
        return f"{len(self.files)} files"

    @property
    def seconds(self) -> float:
        """How long it took to take it."""
        return self.end - self.begin

    def to_text(self) -> str:
        """The manifest as it is stored: JSON whose last key is the digest of all others."""
        values = {"format": FORMAT, **asdict(self)}
        return json.dumps({**values, "sha256": _digest(values)}, indent=1, ensure_ascii=True) + "\n"


def parse(text: str) -> Manifest:
    """Read a manifest; raises `DamagedManifest` where one bit of it is not as it was written."""
    try:
        values = json.loads(text)
        stored = values.pop("sha256")
        found = values.pop("format")
    except (ValueError, KeyError, AttributeError, TypeError) as exc:
        raise DamagedManifest("the manifest is no JSON with a digest of itself") from exc
    if found != FORMAT:
        raise DamagedManifest(f"the manifest has format {found!r}, and this version reads {FORMAT}")
    if stored != _digest({"format": found, **values}):
        raise DamagedManifest("the manifest is not as it was written: its digest is another one")
    try:
        files = tuple(StoredFile(**one) for one in values.pop("files"))
        manifest = Manifest(files=files, recipients=tuple(values.pop("recipients")), **values)
    except (TypeError, KeyError) as exc:
        raise DamagedManifest(f"the manifest lacks something, or has too much: {exc}") from exc
    _refuse_bad_files(manifest)
    if manifest.to_text() != text:
        # The digest is of what it means, and the same can be written in more than one way.
        raise DamagedManifest("the manifest is not as it was written, though it means the same")
    return manifest


def _refuse_bad_files(manifest: Manifest) -> None:
    """A path that leads out of the set, or a digest that is none, is never followed."""
    for one in manifest.files:
        parts = one.path.split("/")
        if one.path.startswith("/") or not all(parts) or {"..", "."} & set(parts) or one.path == NAME:
            raise DamagedManifest(f"the manifest names a file outside of the set: {one.path!r}")
        if not (_DIGEST.match(one.sha256) and _DIGEST.match(one.plain_sha256)):
            raise DamagedManifest(f"the manifest has no digest of {one.path!r}")
    if not ID.match(manifest.id):
        raise DamagedManifest(f"the manifest gives its set a name that is none: {manifest.id!r}")


def id_of(seconds: float) -> str:
    """The name of a set that is begun at a time, in seconds since 1970."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime(_ID_TIME)


def time_of(name: str) -> float:
    """The time at which a set was begun, of its name, in seconds since 1970; raises ValueError."""
    return datetime.strptime(name, _ID_TIME).replace(tzinfo=timezone.utc).timestamp()


def _digest(values: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical JSON of values."""
    text = json.dumps(values, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()
