# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the sets of a backup are worth: how old, how well proved, how large, and how long a restore would take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from .._core.checks import CRITICAL, OK, UNKNOWN, Finding, Limits
from .._core.options import Given, limits
from .._core.text import size, some_of
from .backup_set import BackupSet
from .retention import AHEAD
from .spec import COMMON

#: Every aspect of a backup that is judged.
ASPECTS = ("age", "verified", "size", "restore_time")

#: How many earlier sets say what is usual.
USUAL = 7

_HOUR = 3600
_NAMED = 3

_TAKE, _VERIFY = "ansible-playbook xorb.runbook.backup_create", "ansible-playbook xorb.runbook.backup_verify"
_LIST = "ansible-playbook xorb.runbook.backup_list"


def judge(sets: Sequence[BackupSet], given: Given, place: str, now: float) -> Iterator[Finding]:
    """One finding for each aspect. ``sets`` are the newest first, at a place; ``now`` is in seconds since 1970."""
    if not sets:
        yield Finding("age", CRITICAL, f"never taken: there is no set in {place}", remedy=_TAKE)
        yield from (Finding(aspect, UNKNOWN, "not determined: there is no set", remedy=_TAKE) for aspect in ASPECTS[1:])
        return
    yield age(sets, given, now)
    yield verified(sets, given, now)
    yield deviation(sets, given)
    yield restore_time(sets, given)


def age(sets: Sequence[BackupSet], given: Given, now: float) -> Finding:
    """Judge the newest set: a damaged one is none, and one from the future says nothing about its age."""
    newest = next((one for one in sets if not one.fault), None)
    if newest is None:
        # That it is damaged is what `verified` is about.
        return Finding("age", UNKNOWN, f"not determined: {sets[0].id} is damaged, as is every other set", remedy=_TAKE)
    if newest.begin > now + AHEAD:
        ahead = _hours(newest.begin - now)
        message = f"the newest set {newest.id} is {ahead:g} h from the future: the clock of this host is wrong, or was"
        return Finding("age", CRITICAL, message, value=-ahead, unit="h", remedy=_LIST)
    hours = max(_hours(now - newest.begin), 0.0)
    return Finding.measured(
        "age",
        f"the newest set {newest.id} was begun {hours:g} h ago",
        value=hours,
        unit="h",
        limits=_limit(given, "age_critical"),
        remedy=_TAKE,
    )


def verified(sets: Sequence[BackupSet], given: Given, now: float) -> Finding:
    """Judge the newest set that was restored and found whole; a set that is known to be bad counts before that."""
    bad = [f"{one.id}: {_faults(one) or one.fault}" for one in sets if one.failed]
    if bad:
        message = f"known to be bad: {some_of(bad, _NAMED, separator='; ')}"
        return Finding("verified", CRITICAL, message, remedy=_TAKE if sets[0].failed else _LIST)
    newest = next((one for one in sets if one.verified), None)
    if newest is None:
        message = f"no set of {len(sets)} has ever been verified: whether one can be restored is not known"
        return Finding("verified", CRITICAL, message, remedy=_VERIFY)
    if newest.begin > now + AHEAD:
        message = f"the newest verified set {newest.id} is from the future: the clock of this host is wrong, or was"
        return Finding("verified", CRITICAL, message, remedy=_LIST)
    hours = max(_hours(now - newest.begin), 0.0)
    found = Finding.measured(
        "verified",
        f"the newest verified set {newest.id} was begun {hours:g} h ago",
        value=hours,
        unit="h",
        limits=limits(COMMON, given, "verified_"),
        remedy=_VERIFY,
    )
    unknown = newest.receipt.unknown if newest.receipt else ()
    if found.status == OK and unknown:
        message = f"{found.message}, and it is not known {some_of(unknown, _NAMED, separator='; ')}"
        return Finding("verified", UNKNOWN, message, value=hours, unit="h", remedy=_VERIFY)
    return found


def deviation(sets: Sequence[BackupSet], given: Given) -> Finding:
    """Judge by how much the newest set differs in size from what is usual."""
    newest, *earlier = sets
    if newest.manifest is None:
        return Finding("size", UNKNOWN, f"not determined: the newest set {newest.id} is damaged", remedy=_TAKE)
    now = newest.manifest.plain_size
    before = [one.manifest.plain_size for one in earlier if one.manifest][:USUAL]
    if not before:
        return Finding("size", OK, f"{newest.id} has {size(now)}; there is no earlier set to compare it with")
    usual = median(before)
    percent = round(100 * abs(now - usual) / max(usual, 1), 1)
    others = f"the {len(before)} sets before it" if before[1:] else "the set before it"
    return Finding.measured(
        "size",
        f"{newest.id} has {size(now)}, {percent:g} % {'less' if now < usual else 'more'} than the median {size(usual)}"
        f" of {others}",
        value=percent,
        unit="%",
        limits=_limit(given, "size_warning"),
        remedy=_LIST,
    )


def restore_time(sets: Sequence[BackupSet], given: Given) -> Finding:
    """Judge how long a restore of the newest set would take, by the last one that was measured and by their sizes."""
    measured = next((one for one in sets if one.verified), None)
    newest = sets[0]
    if measured is None or measured.receipt is None or measured.manifest is None:
        return Finding("restore_time", UNKNOWN, "not determined: no set has been verified", remedy=_VERIFY)
    if newest.manifest is None:
        return Finding("restore_time", UNKNOWN, f"not determined: the newest set {newest.id} is damaged", remedy=_TAKE)
    took, larger = measured.receipt.restore_seconds, newest.manifest.plain_size / max(measured.manifest.plain_size, 1)
    seconds = round(took * larger, 1)
    scaled = "" if measured.id == newest.id else f", which took {took:.1f} s, and scaled by size"
    return Finding.measured(
        "restore_time",
        f"a restore of {newest.id} takes about {seconds:g} s (measured with {measured.id}{scaled})",
        value=seconds,
        unit="s",
        limits=_limit(given, "restore_warning"),
        remedy=_LIST,
    )


def _faults(one: BackupSet) -> str:
    return some_of(one.receipt.faults if one.receipt else (), 1, separator="; ")


def _hours(seconds: float) -> float:
    return round(seconds / _HOUR, 2)


def _limit(given: Given, name: str) -> Limits:
    """The one limit of an aspect that has no other."""
    option = COMMON[name]
    source = option.source if given[name] == option.default else "platform description"
    return Limits(**{name.rpartition("_")[2]: given[name], "source": source})
