# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Since when a root cause fails, and what changed since: what the ledger adds to it."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import NOT_APPLICABLE, OK, Check
from ansible_collections.xorb.runbook.plugins.module_utils._core.names import RUN

from ..actions import Action
from ..causes import Cause
from ..diff import Change, compare
from ..render import formatting
from ..report import Report
from .history import ALL, ORIGINAL, History, check_of
from .store import Row, Rows

#: So many causes are looked up, and of those that fail in the same way on many hosts so many: each costs some queries.
LOOKED_UP = 24
ALIKE = 3
#: So many actions are read back.
ACTIONS = 200
#: From how many percent on a value is news, as `run_diff` has it.
NEWS = 10.0


class At(NamedTuple):
    """A run of the ledger, and when it ended."""

    sequence: int
    finished_at: str


@dataclass(frozen=True)
class Onset:
    """How a cause was found by the runs before this one.

    ``good`` is the last run that found it not failing, and ``before`` what it found; ``since`` is the first one after
    it that found it failing, of ``failures`` such runs. ``changes`` are other checks of the same host that are fine and
    were different in ``good``, and ``actions`` what was done to the host or to the owner of the service in between.
    """

    good: At | None = None
    before: Check | None = None
    since: At | None = None
    failures: int = 0
    changes: tuple[Change, ...] = ()
    actions: tuple[Action, ...] = ()


def onsets(report: Report, location: str) -> dict[str, Onset]:
    """The onset of the first root causes of a report, by ``host/id``. Raises `RunbookError` without a ledger."""
    if report.ledger.get("sequence") == 1:
        return {}
    with History(location).rows() as rows:
        search = _Search(rows, report)
        return {cause.check: onset for cause in _chosen(report) if (onset := search.onset(cause))}


def _chosen(report: Report) -> Iterator[Cause]:
    """The causes that are looked up: they come with the worst first."""
    alike: Counter[str] = Counter()
    for cause in report.causes:
        alike[cause.check.partition("/")[2]] += 1
        if alike[cause.check.partition("/")[2]] <= ALIKE and sum(alike.values()) <= LOOKED_UP:
            yield cause


class _Search:
    """Reads in one transaction what led to the causes of one report."""

    def __init__(self, rows: Rows, report: Report) -> None:
        self._rows = rows
        self._platform = report.run.platform
        self._before = report.ledger.get("sequence", ALL)
        self._checks: dict[str, Check] = {}
        self._of_host: dict[str, list[Check]] = defaultdict(list)
        for check in report.checks:
            self._checks.setdefault(check.address, check)
            self._of_host[check.host].append(check)

    def onset(self, cause: Cause) -> Onset | None:
        """What is known of one cause; nothing where no run can have looked at it."""
        check = self._checks[cause.check]
        # A status that is not defined is no good one.
        values: tuple[str, ...]
        condition, values = "COALESCE(checks.status, '') NOT IN (?, ?)", (OK, NOT_APPLICABLE)
        if check.service == RUN:
            # What a run says about itself is only there when it fails. A silent host's checks show when it was not.
            blocked = next((self._checks[one] for one in cause.explains if self._checks[one].host == check.host), None)
            if not check.host or not blocked:
                return None
            check, condition, values = blocked, "COALESCE(checks.blocked_by, '') = ?", (cause.check,)
        good = self._newest(check, f"NOT ({condition})", values)
        after = good["sequence"] if good else 0
        (failed,) = self._rows_of(
            "count(*) AS amount, min(checks.sequence) AS first", check, f"checks.sequence > ? AND {condition}",
            (after, *values),
        )  # fmt: skip
        since = self._rows.select("SELECT finished_at FROM runs WHERE sequence = ?", failed["first"] or 0)
        found = Onset(
            since=At(failed["first"], since[0]["finished_at"]) if since else None, failures=int(failed["amount"])
        )
        return self._with_changes(found, good, cause, self._checks[cause.check]) if good else found

    def _with_changes(self, found: Onset, good: Row, cause: Cause, check: Check) -> Onset:
        at = At(good["sequence"], good["ended"])
        known = {cause.check, *cause.explains}
        return Onset(
            good=at,
            before=check_of(good),
            since=found.since,
            failures=found.failures,
            changes=tuple(made for made in self._changes(at, check.host) if made.check.address not in known),
            actions=tuple(self._actions(at, {check.host, check.owner})),
        )

    def _newest(self, check: Check, condition: str, values: tuple[Any, ...]) -> Row | None:
        """The newest result of a check that meets a condition."""
        found = self._rows_of(
            "checks.*, runs.finished_at AS ended", check, f"{condition} ORDER BY checks.sequence DESC LIMIT 1", values
        )
        return found[0] if found else None

    def _rows_of(self, what: str, check: Check, condition: str, values: tuple[Any, ...]) -> list[Row]:
        # The columns and the condition are constants of this file; values go in as parameters.
        return self._rows.select(
            f"SELECT {what} FROM checks JOIN runs ON runs.sequence = checks.sequence"  # noqa: S608
            " WHERE checks.host = ? AND checks.id = ? AND checks.owner = ? AND checks.sequence < ?"
            f" AND runs.platform = ? AND {ORIGINAL} AND {condition}",
            check.host, check.id, check.owner, self._before, self._platform, *values,
        )  # fmt: skip

    def _changes(self, at: At, host: str) -> tuple[Change, ...]:
        """What of a host is fine and was different in a run."""
        after = self._of_host[host]
        ids = sorted({check.id for check in after})
        marks = ", ".join("?" * len(ids))
        rows = self._rows.select(
            f"SELECT * FROM checks WHERE host = ? AND sequence = ? AND id IN ({marks})",  # noqa: S608
            host, at.sequence, *ids,
        )  # fmt: skip
        found = compare(map(check_of, rows), [check for check in after if check.service != RUN], change=NEWS)
        # What fails stands in the report anyway, and of a number without a threshold it is not known what it means.
        moved = sorted(filter(_judged, found.changed), key=_way, reverse=True)
        return (*moved, *found.fixed, *found.appeared) if rows else ()

    def _actions(self, at: At, hosts: set[str]) -> Iterator[Action]:
        """What runs between that one and this one did to some hosts, newest first."""
        rows = self._rows.select(
            "SELECT actions.action FROM actions JOIN runs ON runs.sequence = actions.sequence"
            " WHERE actions.sequence > ? AND actions.sequence < ? AND runs.platform = ?"
            " ORDER BY actions.sequence DESC LIMIT ?",
            at.sequence, self._before, self._platform, ACTIONS,
        )  # fmt: skip
        for row in rows:
            action = _read(row["action"])
            if action.get("outcome") and action.get("host") in hosts:
                yield Action.from_dict(action)


def _limit(made: Change) -> float:
    """What a value is judged by; 0 where it is not."""
    return next((abs(limit) for limit in (made.check.critical, made.check.warning) if limit), 0)


def _judged(made: Change) -> bool:
    """Whether it is known what a change means: a text is another one, a number has a threshold."""
    return bool(_limit(made)) or not formatting.is_number(made.check.value)


def _way(made: Change) -> float:
    """How far a value moved, as a part of its threshold; a text all the way."""
    values = [check.value for check in (made.before, made.after) if check and formatting.is_number(check.value)]
    if len(values) < 2 or not _limit(made):  # noqa: PLR2004
        return 1.0
    return abs(float(values[1]) - float(values[0])) / _limit(made)  # type: ignore[arg-type]


def _read(spelled: str) -> Mapping[str, Any]:
    """An action as it was written; of a row that was spoiled, nothing."""
    try:
        action = json.loads(spelled)
    except ValueError:
        return {}
    return action if isinstance(action, dict) else {}
