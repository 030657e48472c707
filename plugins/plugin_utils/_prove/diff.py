# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Two runs compared: what broke, what was fixed, what moved. Pure data in, pure data out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import STATUSES, Check
from ansible_collections.xorb.runbook.plugins.module_utils._core.names import RUN

from .causes import FAILING
from .render import formatting

#: Times and what happens in a second are never the same twice: they are news from a factor on.
TIMES, RATES = ("us", "ms", "s"), "/s"
FACTOR = 2
#: How far times without a limit have to be apart besides.
APART = {"ms": 100.0, "s": 1.0}
#: What is measured in these moves as the clock does.
BY_THE_CLOCK = ("h", "days")


@dataclass(frozen=True)
class Change:
    """One check as it was and as it is; ``None`` where a run did not have it."""

    before: Check | None
    after: Check | None

    @property
    def check(self) -> Check:
        """The newer of both, for everything that names the check."""
        return self.after or self.before  # type: ignore[return-value]  # one of both is always there

    def as_dict(self) -> dict[str, Any]:
        """The change as plain data."""
        sides = {
            name: check and {"status": check.status, "value": check.value, "message": check.message}
            for name, check in (("before", self.before), ("after", self.after))
        }
        one = self.check
        return {"host": one.host, "owner": one.owner, "id": one.id, "name": one.name, "unit": one.unit, **sides}


@dataclass(frozen=True)
class Difference:
    """Every check of two runs, in the one group that says most about it."""

    new_failures: tuple[Change, ...]
    fixed: tuple[Change, ...]
    still_failing: tuple[Change, ...]
    changed: tuple[Change, ...]
    appeared: tuple[Change, ...]
    vanished: tuple[Change, ...]
    unchanged: int


def compare(before: Iterable[Check], after: Iterable[Check], *, change: float) -> Difference:
    """What became of each check.

    ``change`` is in percent of a check's limit, or of the older value where it has none. What counts as noise is
    decided by `_moved`: a disk that went from 43 to 60 % is news, an answer that took 26 ms instead of 35 is not.
    """
    old = {check.key: check for check in before}
    new = {check.key: check for check in after}
    groups: dict[str, list[Change]] = {name: [] for name in Difference.__dataclass_fields__ if name != "unchanged"}
    unchanged = 0
    for key in sorted({*old, *new}):
        made = Change(old.get(key), new.get(key))
        group = _group(made, change)
        if group:
            groups[group].append(made)
        else:
            unchanged += 1
    ordered = {name: tuple(sorted(found, key=_severity)) for name, found in groups.items()}
    return Difference(**ordered, unchanged=unchanged)


def _group(made: Change, change: float) -> str:
    """The name of the group that a change belongs to; nothing where nothing happened."""
    before, after = made.before, made.after
    if not after:
        # A run has a check of itself only where that fails.
        return "fixed" if before and before.service == RUN and before.status in FAILING else "vanished"
    if after.status in FAILING:
        worse = not before or STATUSES.index(after.status) > STATUSES.index(before.status)
        return "new_failures" if worse else "still_failing"
    if not before:
        return "appeared"
    if before.status in FAILING:
        return "fixed"
    return "changed" if _moved(before, after, change) else ""


def _moved(before: Check, after: Check, change: float) -> bool:
    """Whether a value that is fine in both runs moved so far that it is news.

    Near a limit, which is within a factor of two, by more than ``change`` percent of it; without a limit, by as much of
    the older value. Times and rates must have doubled or halved besides. What the clock moves is only news when it was
    set back: a certificate that lasts longer is, one that lasts a week less after a week is not.
    """
    if not (formatting.is_number(before.value) and formatting.is_number(after.value)):
        return before.value != after.value
    old, new = float(before.value), float(after.value)  # type: ignore[arg-type]
    limit = next((abs(limit) for limit in (after.warning, after.critical) if limit), None)
    if abs(new - old) <= (abs(old) if limit is None else limit) * change / 100:
        return False
    if limit is not None and not _near(old, new, limit, falling=after.falling):
        return False
    if after.unit in BY_THE_CLOCK:
        return after.falling and new > old
    return not (after.unit in TIMES or after.unit.endswith(RATES)) or _doubled(
        old, new, 0.0 if limit else APART.get(after.unit, 0.0)
    )


def _near(old: float, new: float, limit: float, *, falling: bool) -> bool:
    """Whether one of two values is within a factor of its limit, or beyond."""
    return min(old, new) <= limit * FACTOR if falling else max(old, new) >= limit / FACTOR


def _doubled(old: float, new: float, apart: float) -> bool:
    """Whether one of two values is at least a factor above the other, and so far apart besides."""
    return max(old, new) >= FACTOR * min(old, new) and abs(new - old) >= apart


def _severity(made: Change) -> tuple[int, str, str, str]:
    return (-STATUSES.index(made.check.status), *made.check.key)
