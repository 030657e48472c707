# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a host knows of the copies of a backup in one repository: which it is, what it had, and when it was last asked.

    <directory>/<service>.<backup>/.copies/<copy>.json      0600

The record is bound to the identity of the repository, and each copy in it to a snapshot. It is written by the procedure
alone, which asks the repository each time: what a probe reads here is as old as it says.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .._core.errors import RunbookError
from . import manifest as manifests
from . import private

#: What records mean. Another number is refused.
FORMAT = 1

#: The folder of records, in that of the backup.
FOLDER = ".copies"

_DAY = 86400
_KEPT = 400


@dataclass(frozen=True)
class Copy:
    """A set in a repository. ``at`` is when its snapshot was compared with its manifest, in seconds since 1970.

    ``fault`` says what the snapshot lacks. ``expiring`` ones are about to be removed by this host.
    """

    id: str
    snapshot: str
    manifest_sha256: str
    size: int
    at: float
    fault: str = ""
    expiring: bool = False

    @property
    def begin(self) -> float:
        """When the set was begun, in seconds since 1970."""
        return manifests.time_of(self.id)

    @property
    def verified(self) -> bool:
        """Whether all of a verified set is there: no other set is copied."""
        return not self.fault

    @property
    def failed(self) -> bool:
        """Whether something is known to be wrong with it."""
        return bool(self.fault)

    @property
    def needs(self) -> tuple[str, ...]:
        """Nothing: each copy has all files of its set."""
        return ()


@dataclass(frozen=True)
class Proof:
    """A check of the repository that read one of some parts of its data; ``faults`` are what is damaged."""

    at: float
    part: int
    parts: int
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class Record:
    """What is known of one repository. ``asked_at`` is when its snapshots were last listed, in seconds since 1970.

    ``lost`` are copies that were there and are not. ``fault`` is why the last run could not work with it, and ``state``
    is its kind. ``clients`` are the processes of this host that may have left a lock there.
    """

    repository: str
    repository_id: str = ""
    asked_at: float = 0.0
    copies: tuple[Copy, ...] = ()
    lost: tuple[Copy, ...] = ()
    proofs: tuple[Proof, ...] = ()
    state: str = ""
    fault: str = ""
    clients: tuple[int, ...] = ()

    @property
    def proof(self) -> Proof | None:
        """The last check."""
        return self.proofs[-1] if self.proofs else None

    def to_text(self) -> str:
        """The record as it is stored."""
        values = {**asdict(self), "proofs": [asdict(one) for one in self.proofs[-_KEPT:]], "format": FORMAT}
        return json.dumps(values, indent=1, ensure_ascii=True) + "\n"


def path(store: Path, name: str) -> Path:
    """Where the record of a copy is, in the folder of its backup."""
    return store / FOLDER / f"{name}.json"


def parse(text: str) -> Record:
    """Read a record; raises `RunbookError` where it is none."""
    try:
        values = json.loads(text)
        if values.pop("format") != FORMAT:
            raise RunbookError(f"the record of the copies has another format than {FORMAT}, which this version reads")
        lists: dict[str, Any] = {
            "copies": tuple(Copy(**one) for one in values.pop("copies")),
            "lost": tuple(Copy(**one) for one in values.pop("lost")),
            "proofs": tuple(Proof(**{**one, "faults": tuple(one["faults"])}) for one in values.pop("proofs")),
            "clients": tuple(map(int, values.pop("clients"))),
        }
        record = Record(**values, **lists)
        for one in (*record.copies, *record.lost):
            manifests.time_of(one.id)
    except (ValueError, KeyError, AttributeError, TypeError) as exc:
        raise RunbookError("the record of the copies cannot be read") from exc
    return record


def read(store: Path, name: str) -> Record | None:
    """The record of a copy; nothing where there never was one. Raises `RunbookError` where it cannot be read."""
    place = path(store, name)
    try:
        return parse(place.read_text(encoding="ascii"))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as exc:
        raise RunbookError(f"{place}: {getattr(exc, 'strerror', None) or 'has bytes that are no text'}") from exc
    except RunbookError as exc:
        raise RunbookError(f"{place}: {exc}; move it away, and make the copy known again by initialize") from exc


def keep(store: Path, name: str, record: Record) -> None:
    """Write a record; it is on the disk as a whole when this returns."""
    private.replace(path(store, name), record.to_text())


def share_read(proofs: Sequence[Proof], now: float, days: int) -> float:
    """How much of the data was read without a fault in the last days, in percent.

    Parts of different sizes overlap in ways that are not known, so those of one size count, and it is that with most.
    """
    read: dict[int, set[int]] = {}
    for one in proofs:
        if now - one.at <= days * _DAY and not one.faults:
            read.setdefault(one.parts, set()).add(one.part)
    return max((round(100 * len(found) / parts, 1) for parts, found in read.items()), default=0.0)


def next_part(proofs: Sequence[Proof], parts: int) -> int:
    """The part that the next check reads: the one after the last that was, where there are as many."""
    last = next((one.part for one in reversed(proofs) if one.parts == parts), 0)
    return last % parts + 1
