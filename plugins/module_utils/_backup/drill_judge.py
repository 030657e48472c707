# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the drills of a copy are worth: whether the last one passed, when, how long it took, and what would be lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from .._core.checks import CRITICAL, OK, UNKNOWN, WARNING, Finding, Limits
from .._core.options import Given, limits
from .._core.text import some_of
from .drill_record import FAILED, NO_RESULT, Drill, Record
from .drills import DRILL
from .retention import AHEAD

#: Every aspect of a drill that is judged.
ASPECTS = ("drilled", "rto", "rpo")

_HOUR, _DAY = 3600, 86400
#: Seconds up to which a time is said in hours.
_HOURS = 2 * _DAY
_NAMED = 3
_HOLD = "ansible-playbook xorb.runbook.backup_drill"
_COPY = "ansible-playbook xorb.runbook.backup_copy"


def judge(record: Record | None, given: Given, now: float) -> Iterator[Finding]:
    """One finding for each aspect; ``now`` is in seconds since 1970."""
    yield drilled(record, given, now)
    passed = record.passed if record else None
    if passed is None:
        nothing = "not determined: no drill of it has passed on this host"
        yield from (Finding(aspect, UNKNOWN, nothing, remedy=_HOLD) for aspect in ASPECTS[1:])
        return
    yield rto(passed, given)
    yield rpo(passed, given)


def drilled(record: Record | None, given: Given, now: float) -> Finding:
    """Judge the last drill. One that failed counts until one passes; one without a result is not known to be fine."""
    last = record.drills[-1] if record and record.drills else None
    if record is None or last is None:
        return Finding("drilled", CRITICAL, "never drilled: this host has no receipt of any drill of it", remedy=_HOLD)
    concluded, passed = record.concluded, record.passed
    tried = f"the drill begun {_ago(last, now)} came to no result: {last.why}" if last.verdict == NO_RESULT else ""
    if concluded is not None and concluded.verdict == FAILED:
        failed = f"the drill begun {_ago(concluded, now)} failed: {concluded.why}"
        return Finding("drilled", CRITICAL, "; ".join(filter(None, (failed, tried))), remedy=_HOLD)
    if passed is None:
        return Finding("drilled", CRITICAL, f"never drilled: {tried}", remedy=_HOLD)
    found = _age(passed, given, now)
    if tried and found.status in (OK, WARNING):
        return replace(found, status=UNKNOWN, message=f"{tried}; {found.message}")
    return found


def _age(passed: Drill, given: Given, now: float) -> Finding:
    if passed.at > now + AHEAD:
        message = "the last drill is from the future: the clock of this host is wrong, or was"
        return Finding("drilled", CRITICAL, message, remedy=_HOLD)
    days = round(max(now - passed.at, 0.0) / _DAY, 2)
    found = Finding.measured(
        "drilled",
        f"the last drill that passed was begun {_ago(passed, now)}, with the set {passed.set}",
        value=days,
        unit="d",
        limits=limits(DRILL, given, "drilled_"),
        remedy=_HOLD,
    )
    if found.status == OK and passed.unknown:
        message = f"{found.message}, and it is not known {some_of(passed.unknown, _NAMED, separator='; ')}"
        return replace(found, status=UNKNOWN, message=message)
    return found


def rto(passed: Drill, given: Given) -> Finding:
    """Judge how long it took from the first question to what was restored and compared."""
    critical, option = given["rto_critical"], DRILL["rto_critical"]
    source = option.source if critical == option.default else "platform description"
    return Finding.measured(
        "rto",
        f"{passed.set} was restored, answered and was compared {passed.seconds:.1f} s after the drill began"
        f" ({passed.fetch_seconds:.1f} s of it until it was here)",
        value=round(passed.seconds, 1),
        unit="s",
        limits=Limits(critical=critical, source=source),
        remedy=_HOLD,
    )


def rpo(passed: Drill, given: Given) -> Finding:
    """Judge how old the newest copy was when the drill began: what was written since would have been lost."""
    if passed.rpo_seconds < -AHEAD:
        message = (
            f"the set {passed.set} is from the future: a clock is wrong, or was, so what would be lost is not known"
        )
        return Finding("rpo", CRITICAL, message, remedy=_COPY)
    hours = round(max(passed.rpo_seconds, 0.0) / _HOUR, 2)
    return Finding.measured(
        "rpo",
        f"the newest copy {passed.set} was begun {hours:g} h before the drill",
        value=hours,
        unit="h",
        limits=limits(DRILL, given, "rpo_"),
        remedy=_COPY,
    )


def _ago(one: Drill, now: float) -> str:
    seconds = max(now - one.at, 0.0)
    return f"{seconds / _HOUR:.1f} h ago" if seconds < _HOURS else f"{seconds / _DAY:.1f} d ago"
