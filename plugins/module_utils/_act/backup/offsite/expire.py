# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which copies a repository no longer needs, and their removal: by name, and only those that were shown before."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ...._backup.backup_set import BackupSet
from ...._backup.copy_record import Copy, Record
from ...._backup.retention import AHEAD, Kept, Retention, decide
from ...._backup.spec import retention
from ...._clients.restic_fault import REFUSED, RepositoryFault
from ...._core.text import some_of
from .locks import explained
from .look import looked
from .site import Site

_NAMED = 3


@dataclass(frozen=True)
class Decision:
    """Which copies go, by their snapshots with the reason of each, and which sets need no copy; or why none goes."""

    expires: Mapping[str, str] = field(default_factory=dict)
    unneeded: frozenset[str] = frozenset()
    refused: str = ""


def decision(record: Record, due: Sequence[BackupSet], rule: Retention, now: float) -> Decision:
    """Decide of the copies that there are, and of the sets that are to be copied, by one rule.

    A set that the rule would remove as soon as it is copied is not copied.
    """
    copies = [*record.copies]
    whole = {one.id: one for one in copies if one.verified}
    candidates: list[Kept] = [*whole.values(), *(one for one in due if one.id not in whole)]
    decided = decide(candidates, rule, now)
    unneeded = frozenset(one.id for one in due if one.id in decided.expires)
    if refused := _refused(record, decided.refused, now):
        return Decision(unneeded=unneeded, refused=refused)
    expires = {}
    for one in copies:
        if one.id in decided.expires:
            expires[one.snapshot] = decided.expires[one.id]
        elif one is not whole.get(one.id) and one.id in whole:
            expires[one.snapshot] = "another copy of the same set is whole"
    return Decision(expires, unneeded)


def _refused(record: Record, decided: str, now: float) -> str:
    """Why nothing is removed, whatever the rule says."""
    if record.lost:
        names = some_of((one.id for one in record.lost), _NAMED)
        return f"nothing expires: {names} have gone from the repository, and this host did not remove them"
    if record.proof and record.proof.faults:
        return "nothing expires: the last check found the repository damaged"
    if record.asked_at > now + AHEAD:
        return "nothing expires: the repository was asked in the future, so the clock is wrong or was"
    return decided


def expire(site: Site, shown: Sequence[str]) -> list[tuple[Copy, str]]:
    """Remove the copies that expire now and whose snapshots were shown before; returns each with the reason.

    Raises `RepositoryFault`, also where the repository has other snapshots afterwards than it should.
    """
    decided = decision(site.record, (), retention(site.given), time.time())
    going = [one for one in site.record.copies if one.snapshot in decided.expires and one.snapshot in shown]
    if not going:
        return []
    names = {one.snapshot for one in going}
    before = site.restic.snapshots()
    future = [one.id[:8] for one in before if site.mine(one) and one.time > time.time() + AHEAD]
    if future:
        text = f"nothing is removed: the snapshot {future[0]} is from the future, so a clock is wrong or was"
        raise RepositoryFault(site.restic.where, REFUSED, text)
    site.keep(
        replace(site.record, copies=tuple(replace(one, expiring=one.snapshot in names) for one in site.record.copies))
    )
    with explained(site):
        site.restic.forget(sorted(names))
    _refuse_others(site, {one.id for one in before} - names, names)
    site.keep(looked(site))
    with explained(site):
        site.restic.prune()
    return [(one, decided.expires[one.snapshot]) for one in going]


def _refuse_others(site: Site, expected: set[str], removed: set[str]) -> None:
    """Raise `RepositoryFault` before anything is pruned, unless exactly what was named has gone."""
    after = {one.id for one in site.restic.snapshots()}
    if left := sorted(after & removed):
        text = f"the snapshot {left[0][:8]} is still there, though it was removed: the repository keeps it"
        raise RepositoryFault(site.restic.where, REFUSED, text)
    if gone := sorted(expected - after):
        text = f"nothing is pruned: the snapshot {gone[0][:8]} has gone meanwhile, and this host did not remove it"
        raise RepositoryFault(site.restic.where, REFUSED, text)
