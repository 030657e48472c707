# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The drill: the newest copy is fetched onto a host that is not its own, and proved there, as if its host were gone.

All that it takes is the description: nothing of the source is contacted, and nothing that this host has of it counts.
The repository is read without a lock, and nothing is written there. What is left on this host is the receipt.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...._backup import drill_record
from ...._backup.drill_record import FAILED, NO_RESULT, PASSED, Drill, Record
from ...._backup.manifest import DamagedManifest, Manifest
from ...._backup.retention import AHEAD
from ...._backup.store import read_set
from ...._clients.restic_fault import MISSING, REFUSED, REPLACED, ROTTEN, WRONG_PASSWORD
from ...._core.errors import RunbookError
from ...journal import Entry, Journal, Recover
from ...progress import Progress
from .. import in_scratch
from ..method import Method
from ..prove import prove, unable
from . import fetch
from .fetch import Chosen, NoCopy
from .site import Remote, label

PROCEDURE = "backup_drill"

#: Where the set comes to, inside of the scratch folder.
_ARRIVED = "arrived"

#: States in which the repository answered, and did not give what the description says is there.
_CONCLUSIVE = frozenset({MISSING, REFUSED, REPLACED, ROTTEN, WRONG_PASSWORD})

#: Bytes a second by which the time of a first drill is estimated: a slow line, and a restore.
_RATE = 10 << 20


@dataclass(frozen=True)
class Wanted:
    """What is drilled, and where. ``given`` are the options of the copy, whose ``host`` is that of the backup; ``host``
    is this one, ``directory`` that of the receipts, and ``who`` the operator.
    """

    given: Mapping[str, Any]
    method: Method
    host: str
    directory: Path
    who: str
    identities: Sequence[str] = ()
    scratch: str | None = None

    @property
    def place(self) -> Path:
        """Where the record is."""
        return drill_record.path(self.directory, label(self.given), self.given["host"])

    def record(self) -> Record:
        """What is known of earlier drills. Raises `RunbookError` where that is of another platform, or no record."""
        platform = self.given["platform"]
        found = drill_record.read(self.place) or Record(platform)
        if found.platform != platform:
            raise RunbookError(f"{self.place}: is of the platform {found.platform!r}; name another directory of drills")
        return found

    def refuse_source(self) -> None:
        """Raise `RunbookError` where this host is the one that the copy is of."""
        if self.host == self.given["host"]:
            raise RunbookError(f"{self.host}: is the host of the backup itself, and a drill is held without it")


def choose(wanted: Wanted) -> Chosen:
    """The newest copy. Raises `RepositoryFault` or `NoCopy`."""
    return fetch.choose(Remote(wanted.given, Path("/")), "")


def refusals(wanted: Wanted, manifest: Manifest) -> list[str]:
    """Why this host cannot prove the copy, found out without trying."""
    return list(unable(wanted.method, [manifest], wanted.identities, wanted.scratch, brought=True))


def seconds(record: Record, manifest: Manifest) -> float:
    """How long a drill of a set is expected to take: as long as the last one, by their sizes, or a guess by size."""
    before = record.passed
    if before is None:
        return (manifest.size + manifest.plain_size) / _RATE
    return before.seconds * manifest.plain_size / max(before.plain_size, 1)


def hold(wanted: Wanted, journal: Journal, progress: Progress) -> Drill:
    """Hold a drill, and keep its receipt, whatever it comes to. Raises where not even a receipt can be kept."""
    wanted.refuse_source()
    record, watch = wanted.record(), _Watch()
    begun = Drill(time.time(), wanted.host, wanted.who, wanted.given["repository"])
    progress.phase("asking the repository")
    try:
        chosen = choose(wanted)
    except (RunbookError, OSError) as exc:
        return _kept(wanted, record, _not_passed(begun, exc))
    known = _with(begun, chosen)
    if refused := refusals(wanted, chosen.manifest):
        return _kept(wanted, record, replace(known, faults=tuple(refused)))
    subject = f"{label(wanted.given)} {chosen.id} of {wanted.given['host']}"
    with in_scratch.operation(journal, PROCEDURE, subject, wanted.scratch) as work:
        try:
            drill = _proved(wanted, chosen, known, work.folder, watch, progress)
            drill = _judged(drill, _vanished(record, drill))
        except (RunbookError, OSError) as exc:
            drill = _not_passed(known, exc)
        work.outcome = drill.why or drill.verdict
        return _kept(wanted, record, drill)


class _Watch:
    """How long ago the drill began."""

    def __init__(self) -> None:
        self._begin = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._begin


def _proved(wanted: Wanted, chosen: Chosen, known: Drill, folder: Path, watch: _Watch, progress: Progress) -> Drill:
    """What came of a copy that is fetched and proved; raises where it is not known, or did not come."""
    arrived = folder / _ARRIVED
    arrived.mkdir(mode=0o700)
    manifest = fetch.bring(Remote(wanted.given, folder), chosen, arrived, progress)
    fetched = watch.seconds
    one = read_set(arrived, chosen.id)
    receipt = prove(wanted.method, one, wanted.host, wanted.identities, folder, progress)
    proved = replace(
        known,
        seconds=watch.seconds,
        fetch_seconds=fetched,
        restore_seconds=receipt.restore_seconds,
        unknown=receipt.unknown,
        facts=receipt.facts,
    )
    return _judged(proved, [*_strange(wanted, manifest), *receipt.faults])


def _judged(drill: Drill, faults: Iterable[str]) -> Drill:
    """The same with some more faults: with any, it failed."""
    every = (*drill.faults, *faults)
    return replace(drill, verdict=FAILED if every else PASSED, faults=every)


def _vanished(record: Record, drill: Drill) -> Iterator[str]:
    """The set that was drilled before, where the newest copy is an older one now: newer ones never expire before it."""
    before = record.passed
    if before is not None and drill.set < before.set and before.rpo_seconds >= -AHEAD:
        yield f"{before.set} was drilled before, and has gone from the repository: its newest copy is {drill.set} now"


def _strange(wanted: Wanted, manifest: Manifest) -> Iterator[str]:
    """What a set is of, where that is something else than the repository says by its tags."""
    for name in ("platform", "service", "backup", "host"):
        found, expected = getattr(manifest, name), wanted.given[name]
        if found != expected:
            yield f"{manifest.id}: is a set of the {name} {found!r}, and {expected!r} is expected"


def _with(begun: Drill, chosen: Chosen) -> Drill:
    return replace(
        begun,
        repository_id=chosen.repository_id,
        set=chosen.id,
        snapshot=chosen.snapshot,
        size=chosen.manifest.size,
        plain_size=chosen.manifest.plain_size,
    )


def _not_passed(known: Drill, exc: Exception) -> Drill:
    """A drill that ended early: a copy that cannot be had is a failure, and one that was not reached is no result."""
    bad = isinstance(exc, (NoCopy, DamagedManifest)) or getattr(exc, "state", "") in _CONCLUSIVE
    text = f"{exc.filename or known.host}: {exc.strerror}" if isinstance(exc, OSError) else str(exc)
    return replace(known, verdict=FAILED if bad else NO_RESULT, faults=(text,))


def _kept(wanted: Wanted, record: Record, drill: Drill) -> Drill:
    drill_record.keep(wanted.place, replace(record, drills=(*record.drills, drill)))
    return drill


def recover(entry: Entry) -> tuple[str, str]:
    """End what a killed drill left: its servers, and its scratch folder."""
    return in_scratch.recover(entry, "what was fetched and restored for it is gone; the next run drills again")


#: What ends the operations of this procedure.
RECOVERIES: Mapping[str, Recover] = {PROCEDURE: recover}
