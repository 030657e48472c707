# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which sets stay and which expire: days, weeks and months, and never the last ones that were proved.

Only what has been restored counts. As long as no set is verified, and as long as what was taken since the newest
verified one is known to be bad, nothing expires: the sets that are left may be all there is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Callable, Protocol

#: Seconds by which the clock of a host may have been ahead when a set was begun.
AHEAD = 300

#: What names the period that a set falls into, of the time at which it was begun.
_PERIODS: Mapping[str, Callable[[datetime], tuple[int, ...]]] = {
    "daily": lambda at: (at.year, at.month, at.day),
    "weekly": lambda at: at.isocalendar()[:2],
    "monthly": lambda at: (at.year, at.month),
}


class Kept(Protocol):
    """Whatever is kept by a rule: a set on the disk of a host, or a copy of one."""

    @property
    def id(self) -> str:
        """The name of the set."""

    @property
    def begin(self) -> float:
        """When it was begun, in seconds since 1970."""

    @property
    def verified(self) -> bool:
        """Whether it is known to be whole."""

    @property
    def failed(self) -> bool:
        """Whether something is known to be wrong with it."""

    @property
    def needs(self) -> Sequence[str]:
        """The names of those without which it cannot be restored."""


@dataclass(frozen=True)
class Retention:
    """How many days, weeks and months keep a set, and how many verified ones stay whatever their age."""

    daily: int = 7
    weekly: int = 4
    monthly: int = 6
    minimum_redundancy: int = 2


@dataclass(frozen=True)
class Expiry:
    """What stays and what expires, each with the reason; ``refused`` says why nothing expires at all."""

    keeps: Mapping[str, str] = field(default_factory=dict)
    expires: Mapping[str, str] = field(default_factory=dict)
    refused: str = ""


def decide(sets: Sequence[Kept], rule: Retention, now: float) -> Expiry:
    """Decide of each set whether it stays. ``now`` is in seconds since 1970. Each set is in one of both maps."""
    newest_first = sorted(sets, key=lambda one: (one.begin, one.id), reverse=True)
    if refused := _refusal(newest_first, now):
        return Expiry({one.id: refused for one in newest_first}, refused=refused)
    keeps = _kept(newest_first, rule)
    expires = {one.id: _why(one) for one in newest_first if one.id not in keeps}
    return Expiry(keeps, expires)


def _refusal(newest_first: Sequence[Kept], now: float) -> str:
    """Why nothing can be removed, whatever the rule says."""
    ahead = [one.id for one in newest_first if one.begin > now + AHEAD]
    if ahead:
        return f"nothing expires: {ahead[0]} is from the future, so the clock is wrong or was"
    since: list[Kept] = []
    for one in newest_first:
        if one.verified:
            bad = [each.id for each in since if each.failed]
            return f"nothing expires: {bad[0]}, newer than what is verified, is damaged" if bad else ""
        since.append(one)
    return "nothing expires: no set has been verified" if newest_first else ""


def _kept(newest_first: Sequence[Kept], rule: Retention) -> dict[str, str]:
    keeps: dict[str, str] = {}
    verified = [one.id for one in newest_first if one.verified]
    for one in newest_first:
        if one.id == verified[0]:
            break
        keeps[one.id] = "newer than the newest verified one"
    for name in verified[: max(rule.minimum_redundancy, 1)]:
        keeps.setdefault(name, "among the newest verified ones")
    sound = [one for one in newest_first if not one.failed]
    for period, key in _PERIODS.items():
        buckets: dict[tuple[int, ...], Kept] = {}
        for one in sound:
            bucket = key(datetime.fromtimestamp(one.begin, timezone.utc))
            # The newest of its period, unless a verified one takes its place.
            if bucket not in buckets or (one.verified and not buckets[bucket].verified):
                buckets[bucket] = one
        for bucket in sorted(buckets, reverse=True)[: getattr(rule, period)]:
            keeps.setdefault(buckets[bucket].id, period)
    needed = {name: one.id for one in newest_first if one.id in keeps for name in one.needs}
    return {**{name: f"{one} cannot be restored without it" for name, one in needed.items()}, **keeps}


def _why(one: Kept) -> str:
    return "damaged, and there are verified ones" if one.failed else "no day, week or month needs it"
