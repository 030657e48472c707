# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Locks of a repository: which clients hold them, and which are left of dead processes of this host.

A lock is removed only when all of this is true: this host's record says that a run had started this very process, the
lock has the name of this host, and there is no such process. Any other client may be at work, on a host of the same
name or in a container; its lock stays, and the message says how old it is.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ...._clients.restic import STALE, Lock
from ...._clients.restic_fault import LOCKED, REFUSED, RepositoryFault
from .site import Site

_MINUTE = 60

#: Seconds within which the parent of a dead client takes note of it, even on a busy host, and between two looks.
_PATIENCE, _MOMENT = 60.0, 0.1


def clear_own(site: Site) -> list[str]:
    """Remove the locks of dead runs of this host; returns what was removed, each a sentence."""
    if not site.record.clients:
        return []
    locks = site.restic.locks()
    own = [one for one in locks if _is_dead_and_own(one, site.record.clients)]
    if own:
        _remove(site, own, [one for one in locks if one not in own])
    site.keep(replace(site.record, clients=tuple(filter(_is_alive, site.record.clients))))
    return [f"the lock of process {one.process}, left by a run of this host that was killed" for one in own]


def _remove(site: Site, own: Sequence[Lock], others: Sequence[Lock]) -> None:
    """Have restic remove its stale locks, among which are none but those of this host."""
    if stale := [one for one in others if _is_old(one)]:
        raise RepositoryFault(site.restic.where, LOCKED, describe(stale))
    _await_entries_gone(own)
    site.restic.unlock()
    names = {one.id for one in own}
    if any(one.id in names for one in site.restic.locks()):
        raise RepositoryFault(site.restic.where, REFUSED, "locks cannot be removed there")


@contextlib.contextmanager
def explained(site: Site) -> Iterator[None]:
    """Say of a repository that is locked who holds the lock, and whether that is likely to be at work."""
    try:
        yield
    except RepositoryFault as exc:
        if exc.state != LOCKED:
            raise
        text = exc.text
        with contextlib.suppress(RepositoryFault):
            text = describe(site.restic.locks()) or text
        raise RepositoryFault(site.restic.where, LOCKED, text) from exc


def describe(locks: Sequence[Lock]) -> str:
    """The clients that hold locks, and what can be known of each."""
    return "; ".join(map(_sentence, locks))


def _sentence(one: Lock) -> str:
    minutes = max(0, round((time.time() - one.time) / _MINUTE))
    who = f"process {one.process} of {one.user} on {one.host}, renewed {minutes} min ago"
    if _is_old(one):
        return f"{who}: it is probably dead, {_BY_HAND}"
    if _is_here(one) and not _is_alive(one.process):
        return f"{who}: a host of this name has no such process, and no run of this one had: it may be dead, {_BY_HAND}"
    return f"{who}: it is at work"


_BY_HAND = "which cannot be proved here; when nothing works there any more, remove its lock by restic unlock"


def _is_old(one: Lock) -> bool:
    return time.time() - one.time > STALE


def _is_dead_and_own(one: Lock, clients: Sequence[int]) -> bool:
    return one.process in clients and _is_here(one) and not _is_alive(one.process)


def _is_here(one: Lock) -> bool:
    """Whether a lock is of a host with the name of this one."""
    return one.host == os.uname().nodename


def _await_entries_gone(own: Sequence[Lock]) -> None:
    """Wait until the kernel has forgotten the clients: restic takes one for alive as long as it has an entry there."""
    end = time.monotonic() + _PATIENCE
    while any(_entry(one.process) for one in own) and time.monotonic() < end:
        time.sleep(_MOMENT)


def _is_alive(process: int) -> bool:
    """Whether a process does anything yet: one that was killed has an entry until its parent has taken note of it."""
    return _entry(process) not in ("", "Z", "X")


def _entry(process: int) -> str:
    """The state of a process, empty where there is none."""
    try:
        text = Path(f"/proc/{process}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    return text.rpartition(")")[2].split()[0]
