# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Copies the verified sets of a backup into a repository off the host, checks that, and lets old copies expire.

Everything that a run knows is on the disk before and after each step, so the one that comes after a killed one asks the
repository what became of it: a snapshot that is there is compared, and a set without one is copied.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ...._backup import copies, copy_record
from ...._backup.backup_set import BackupSet
from ...._backup.copy_record import Copy, Proof, Record, next_part
from ...._backup.spec import retention
from ...._backup.store import folder_of
from ...._clients.restic_fault import MISSING, RepositoryFault
from ...._core.errors import RunbookError
from ...._core.text import some_of
from ...journal import Entry, Journal, Recover
from ...progress import Progress
from .. import in_scratch, scratch, verify
from ..folder_method import stored_faults
from . import expire, locks, look
from .expire import Decision
from .site import Site, label, tags_of_set

PROCEDURE = "backup_copy"

_HOUR = 3600
_NAMED = 3


@dataclass(frozen=True)
class Wanted:
    """What a run may do beside copying: make the repository known, forget what was lost, remove snapshots by name."""

    initialize: bool = False
    accept_loss: bool = False
    check: bool = False
    expires: Sequence[str] = ()


@dataclass
class Outcome:
    """What a run came to; ``faults`` are sentences."""

    initialized: bool = False
    copied: list[Copy] = field(default_factory=list)
    proof: Proof | None = None
    expired: list[tuple[Copy, str]] = field(default_factory=list)
    unlocked: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        """Whether anything was done in the repository, or remembered of it for good."""
        return bool(self.initialized or self.copied or self.proof or self.expired or self.unlocked)


@dataclass(frozen=True)
class Plan:
    """What a run would do, found out without changing anything."""

    record: Record
    initializes: bool
    due: Sequence[BackupSet]
    checks: bool
    decided: Decision


def plan(given: Mapping[str, Any], wanted: Wanted) -> Plan:
    """What a run would do. Raises `RepositoryFault` where it could not."""
    site = Site(given, Path("/"))
    initializes = wanted.initialize and not site.record.repository_id
    record = site.record
    if initializes:
        record = _looked_before(site)
    else:
        look.recognize(site)
        record = look.looked(site)
    if wanted.accept_loss:
        record = replace(record, lost=())
    due, decided = _due(site, record)
    return Plan(record, initializes, due, bool(due or record.copies) and _is_check_due(given, record, wanted), decided)


def copy(given: Mapping[str, Any], wanted: Wanted, journal: Journal, progress: Progress) -> Outcome:
    """Copy what is due, check the repository when that is due, and remove what expires and was shown.

    What fails costs what depends on it, and no other set. Raises `RepositoryFault` where nothing could be done.
    """
    needs = {"store": str(folder_of(given).folder), "copy": given["copy"]}
    with in_scratch.operation(journal, PROCEDURE, label(given), **needs) as work:
        site = Site(given, work.folder)
        outcome = Outcome()
        progress.phase("asking the repository")
        _look(site, wanted, outcome)
        due, _decided = _due(site, site.record)
        for one in due:
            work.entry.step("copy", set=one.id)
            _attempt(outcome, _upload, site, one, progress, outcome)
        if site.record.copies and _is_check_due(given, site.record, wanted):
            work.entry.step("check")
            _attempt(outcome, _check, site, progress, outcome)
        if wanted.expires and not outcome.faults:
            work.entry.step("expire")
            progress.phase("removing copies that expire")
            _attempt(outcome, _expire, site, wanted, outcome)
        work.outcome = "; ".join(outcome.faults) or f"{len(outcome.copied)} sets were copied"
    return outcome


def recover(entry: Entry) -> tuple[str, str]:
    """End what a killed run left on this host; what it left in the repository is found by the next run.

    What still works in its folder is its own: the locks of that are, too, though it may not have come to say so.
    """
    store, name = Path(entry.needs["store"]), entry.needs["copy"]
    record = copy_record.read(store, name)
    if record and (left := tuple(scratch.processes(Path(entry.needs["scratch"])))):
        copy_record.keep(store, name, replace(record, clients=(*record.clients, *left)))
    return in_scratch.recover(entry, "what worked for it has ended; the next run asks the repository what is there")


#: What ends the operations of this procedure.
RECOVERIES: Mapping[str, Recover] = {PROCEDURE: recover}


def _look(site: Site, wanted: Wanted, outcome: Outcome) -> None:
    """Find out what is there, and keep it; also why that cannot be found out."""
    try:
        if wanted.initialize:
            outcome.initialized = look.make_known(site)
        else:
            look.recognize(site)
        outcome.unlocked += locks.clear_own(site)
        record = look.looked(site)
    except RepositoryFault as exc:
        site.keep(replace(site.record, state=exc.state, fault=str(exc)))
        raise
    if wanted.accept_loss:
        record = replace(record, lost=())
    site.keep(record)
    if record.lost:
        outcome.faults.append(lost(record))


def lost(record: Record) -> str:
    """The sentence about copies that have gone."""
    names = some_of((one.id for one in record.lost), _NAMED)
    return (
        f"{record.repository}: {names} have gone from the repository, and this host did not remove them; nothing is"
        " removed there until they are copied again, or given up by backup_copy_accept_loss=true"
    )


def _looked_before(site: Site) -> Record:
    """What is known of a repository that is not known yet: it may not be there."""
    try:
        site.restic.identity()
    except RepositoryFault as exc:
        if exc.state != MISSING:
            raise
        look.refuse_remains(site)
        return site.record
    return look.looked(site)


def _due(site: Site, record: Record) -> tuple[list[BackupSet], Decision]:
    """The sets to be copied, and what is decided of the copies with them."""
    due = look.due(record, site.store.sets())
    decided = expire.decision(record, due, retention(site.given), time.time())
    return [one for one in due if one.id not in decided.unneeded], decided


def _is_check_due(given: Mapping[str, Any], record: Record, wanted: Wanted) -> bool:
    last = record.proof
    return wanted.check or last is None or bool(last.faults) or time.time() - last.at >= given["check_every"] * _HOUR


def _attempt(outcome: Outcome, act: Any, *arguments: Any) -> None:
    """Do one thing; what it raises is a fault of the run, and keeps nothing else from being tried."""
    try:
        act(*arguments)
    except (RunbookError, OSError) as exc:
        outcome.faults.append(str(exc))


def _upload(site: Site, one: BackupSet, progress: Progress, outcome: Outcome) -> None:
    faults = stored_faults(one.folder, one.manifest, progress) if one.manifest else [one.fault]
    if verify.damaged(site.store, one, faults, site.given["host"]):
        raise RunbookError(f"{one.id}: is not copied: {some_of(faults, _NAMED, separator='; ')}")
    size = one.manifest.size if one.manifest else 0
    progress.phase(f"copying {one.id}", total=size, unit="bytes")
    tags = (*site.tags, *tags_of_set(one))
    with locks.explained(site):
        snapshot = site.restic.copy(site.store.folder, one.id, site.given["host"], tags, progress.at)
    found = look.compared(site, snapshot, one.id)
    site.keep(replace(site.record, copies=(found, *site.record.copies), lost=_still_lost(site.record, found)))
    if found.fault:
        raise RunbookError(found.fault)
    outcome.copied.append(found)


def _still_lost(record: Record, found: Copy) -> tuple[Copy, ...]:
    return tuple(one for one in record.lost if found.fault or one.id != found.id)


def _check(site: Site, progress: Progress, outcome: Outcome) -> None:
    outcome.unlocked += locks.clear_own(site)
    parts = copies.parts(site.given)
    part = next_part(site.record.proofs, parts)
    progress.phase(f"checking the repository, and reading part {part} of {parts} of its data")
    with locks.explained(site):
        faults = site.restic.check(part, parts)
    outcome.proof = Proof(time.time(), part, parts, tuple(faults))
    site.keep(replace(site.record, proofs=(*site.record.proofs, outcome.proof)))
    if faults:
        raise RunbookError(f"{site.restic.where}: is damaged: {some_of(faults, _NAMED, separator='; ')}")


def _expire(site: Site, wanted: Wanted, outcome: Outcome) -> None:
    outcome.unlocked += locks.clear_own(site)
    outcome.expired += expire.expire(site, wanted.expires)
