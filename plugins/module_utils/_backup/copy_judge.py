# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the copies of a backup off its host are worth: how old the newest is, and when they were last checked."""

from __future__ import annotations

from collections.abc import Iterator

from .._core.checks import CRITICAL, UNKNOWN, Finding
from .._core.options import Given, limits
from .._core.text import some_of
from .copies import COPY
from .copy_record import Copy, Record, share_read
from .retention import AHEAD

#: Every aspect of a copy that is judged.
ASPECTS = ("copied", "copy_proved")

#: States of a repository in which what was in it is known to be gone.
GONE = frozenset({"missing", "replaced"})

_HOUR = 3600
_NAMED = 3
_COPY = "ansible-playbook xorb.runbook.backup_copy"


def judge(record: Record | None, given: Given, now: float) -> Iterator[Finding]:
    """One finding for each aspect; ``now`` is in seconds since 1970."""
    if record is None:
        yield Finding("copied", CRITICAL, "never copied: this host has no record of any copy", remedy=_COPY)
        yield Finding("copy_proved", UNKNOWN, "not determined: there is no copy", remedy=_COPY)
        return
    yield copied(record, given, now)
    yield proved(record, given, now)


def copied(record: Record, given: Given, now: float) -> Finding:
    """Judge the newest set that is in the repository as a whole.

    The record is as old as the last question. So is every set in it, or older: it turns bad by itself where nothing
    asks any more.
    """
    if record.state:
        status = CRITICAL if record.state in GONE else UNKNOWN
        message = f"the last run could not work with the repository: {record.fault}"
        return Finding("copied", status, message, remedy=_COPY)
    if record.lost:
        names = some_of((one.id for one in record.lost), _NAMED)
        message = f"gone from the repository, and not removed by this host: {names}"
        return Finding("copied", CRITICAL, message, remedy=_COPY)
    newest = max((one for one in record.copies if one.verified), key=lambda one: one.id, default=None)
    if newest is None:
        return Finding("copied", CRITICAL, f"{record.repository} has no copy of any set as a whole", remedy=_COPY)
    return _age(newest, record, given, now)


def _age(newest: Copy, record: Record, given: Given, now: float) -> Finding:
    if max(newest.begin, record.asked_at) > now + AHEAD:
        message = f"the newest copy {newest.id} is from the future: the clock of this host is wrong, or was"
        return Finding("copied", CRITICAL, message, remedy=_COPY)
    hours, asked = (round(max(now - moment, 0.0) / _HOUR, 2) for moment in (newest.begin, record.asked_at))
    return Finding.measured(
        "copied",
        f"the newest copied set {newest.id} was begun {hours:g} h ago; the repository was asked {asked:g} h ago",
        value=hours,
        unit="h",
        limits=limits(COPY, given, "age_"),
        remedy=_COPY,
    )


def proved(record: Record, given: Given, now: float) -> Finding:
    """Judge the last check of the repository, with how much of its data was read lately."""
    proof = record.proof
    if proof is None:
        message = "whether the copies can be read is not known: the repository was never checked"
        return Finding("copy_proved", UNKNOWN, message, remedy=_COPY)
    if proof.faults:
        message = f"the repository is damaged: {some_of(proof.faults, _NAMED, separator='; ')}"
        return Finding("copy_proved", CRITICAL, message, remedy=_COPY)
    if proof.at > now + AHEAD:
        message = "the last check is from the future: the clock of this host is wrong, or was"
        return Finding("copy_proved", CRITICAL, message, remedy=_COPY)
    hours = round(max(now - proof.at, 0.0) / _HOUR, 2)
    days = int(given["read_days"])
    share = share_read(record.proofs, now, days)
    return Finding.measured(
        "copy_proved",
        f"the repository was checked {hours:g} h ago; {share:g} % of its data was read in the last {days} days",
        value=hours,
        unit="h",
        limits=limits(COPY, given, "proved_"),
        remedy=_COPY,
    )
