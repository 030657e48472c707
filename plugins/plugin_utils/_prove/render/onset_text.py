# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Since when a root cause fails, and what changed since, as sentences."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import Check

from ..diff import Change
from ..ledger.onset import At, Onset
from . import diff_text, formatting

#: So many changes and actions are named; `run_diff` has them all.
NAMED = 3


def since(onset: Onset, check: Check) -> str:
    """Since when a root cause fails, and when it was good."""
    return f"{_since(onset)}{_last_good(onset, check)}"


def changes(onset: Onset) -> Iterator[str]:
    """What changed on the host of a root cause since it was good, and what was done to it."""
    if onset.changes:
        named = "; ".join(f"{formatting.full_name(made.check)} {_step(made)}" for made in onset.changes[:NAMED])
        yield f"changed on {formatting.where(onset.changes[0].check)} since: {named}{_more(len(onset.changes))}"
    if onset.actions:
        named = "; ".join(
            f"{action.procedure} at {_minute(action.at)}, {action.subject} {action.outcome}"
            for action in onset.actions[:NAMED]
        )
        yield f"done to {onset.actions[0].host} since: {named}{_more(len(onset.actions))}"


def _step(made: Change) -> str:
    """From what to what; the status only where it is another one."""
    if not (made.before and made.after):
        return "is new"
    if made.before.status != made.after.status:
        return diff_text.step(made)
    return f"{formatting.value_of(made.before)} -> {formatting.value_of(made.after)}"


def _since(onset: Onset) -> str:
    if not onset.since:
        return "new in this run" if onset.good else "no earlier run looked at it"
    runs = formatting.count(onset.failures, "earlier run")
    return f"failing since {_run(onset.since)}, in {runs}"


def _last_good(onset: Onset, check: Check) -> str:
    if not onset.good:
        return "; no run of the ledger found it fine" if onset.since else ""
    # A silent host is known by one of its checks, of which the value says nothing.
    value = formatting.value_of(onset.before) if onset.before and onset.before.id == check.id else ""
    return f"; last good in {_run(onset.good)}" + (f": {value}" if value else "")


def _run(at: At) -> str:
    return f"run {at.sequence} of {_minute(at.finished_at)}"


def _minute(text: str) -> str:
    return f"{text[:10]} {text[11:16]} UTC"


def _more(amount: int) -> str:
    return f"; and {amount - NAMED} more, see run_diff" if amount > NAMED else ""
