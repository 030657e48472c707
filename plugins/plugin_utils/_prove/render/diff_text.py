# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The comparison of two runs as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import Check

from ..diff import Change, Difference
from ..ledger.history import PastRun
from . import formatting

SECTIONS = (
    ("new_failures", "new failures"),
    ("still_failing", "still failing"),
    ("fixed", "fixed"),
    ("changed", "changed values"),
    ("appeared", "new checks"),
    ("vanished", "vanished checks"),
)


def render(before: PastRun, after: PastRun, found: Difference) -> str:
    """The whole text: which runs, the sentence that sums up, and each change in a line or two."""
    lines = [f"{_title(after)}", f"against {_title(before)}", *_caveats(before, after), "", summary(found)]
    for name, title in SECTIONS:
        changes: tuple[Change, ...] = getattr(found, name)
        if changes:
            lines += ["", f"{title} ({len(changes)})", *_rows(changes)]
    return "\n".join(lines)


def summary(found: Difference) -> str:
    """The whole difference in one sentence."""
    amounts = [_amount(len(getattr(found, name)), title) for name, title in SECTIONS if getattr(found, name)]
    same = f"{formatting.count(found.unchanged, 'check')} as before"
    return ", ".join([*amounts, same]) if amounts else f"no difference: {same}"


def _amount(number: int, title: str) -> str:
    return f"{number} {title.removesuffix('s') if number == 1 else title}"


def _title(run: PastRun) -> str:
    counts = ", ".join(f"{amount} {formatting.status_word(status)}" for status, amount in run.counts.items() if amount)
    ended = f"{run.finished_at[:10]} {run.finished_at[11:19]} UTC"
    return formatting.clean(f"run {run.sequence} of {run.procedure}, {ended}, by {run.who}: {counts or 'no checks'}")


def _caveats(before: PastRun, after: PastRun) -> Iterable[str]:
    """What keeps the two runs from being the same look twice."""
    if before.platform != after.platform:
        yield formatting.clean(f"careful: run {before.sequence} looked at another platform, {before.platform}")
    if before.procedure != after.procedure:
        yield "careful: the runs are of different procedures, so checks appear and vanish"
    for run in (before, after):
        if run.limited_to:
            left_out = formatting.count(run.not_run, "check")
            yield formatting.clean(
                f"careful: run {run.sequence} was limited to {run.limited_to}, which left out {left_out}"
            )


def _rows(changes: Iterable[Change]) -> list[str]:
    table = [(formatting.where(made.check), formatting.full_name(made.check), step(made), made) for made in changes]
    widths = [max(len(formatting.clean(row[column])) for row in table) for column in (0, 1)]
    lines = []
    for host, name, steps, made in table:
        lines.append(
            f"  {formatting.clean(host):<{widths[0]}}  {formatting.clean(name):<{widths[1]}}  {steps}".rstrip()
        )
        if made.after and made.after.message:
            lines.append(f"  {'':<{widths[0]}}  {formatting.clean(made.after.message)}")
    return lines


def step(made: Change) -> str:
    """From what to what: ``ok 43 % -> critical 97.6 %``."""
    sides = [_side(check) for check in (made.before, made.after) if check]
    return " -> ".join(dict.fromkeys(sides))


def _side(check: Check) -> str:
    return formatting.clean(f"{formatting.status_word(check.status)} {formatting.value_of(check)}")
