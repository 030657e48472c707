# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The root causes as cards: one card an outage, with everything that there is to know of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import Check

from ..report import Report
from . import formatting, rows

#: So many different remedies of one card are spelled out.
REMEDIES = 3


@dataclass(frozen=True)
class Card:
    """One outage: the same check that fails for the same reason on one host or on many."""

    row: rows.Row
    #: Hosts with the ids of what it explains, and how many those are.
    explains: Sequence[tuple[str, list[str]]]
    amount: int
    remedies: Sequence[str]
    #: Since when it fails, and what changed since.
    past: Sequence[str] = ()


def cards(report: Report, past: Mapping[str, Sequence[str]]) -> list[Card]:
    """The root causes, worst first. Hosts that fail alike share a card: they are one thing to understand and to fix.

    ``past`` has sentences about what was before, by the address of the cause.
    """
    by_address = formatting.causes_by_address(report)
    explains = {cause.check: cause.explains for cause in report.causes}

    def what(check: Check) -> tuple[str, ...]:
        return rows.same_look(check), check.status, rows.suppression_of(report, check)

    made = []
    for index, checks in enumerate(rows.outages([by_address[cause.check] for cause in report.causes], what)):
        consequences = [address for check in checks for address in explains[check.address]]
        remedies = dict.fromkeys(check.remedy for check in checks if check.remedy)
        made.append(
            Card(
                row=rows.row(f"cause-{index}", checks, suppression=rows.suppression_of(report, checks[0])),
                explains=formatting.by_host(consequences),
                amount=len(consequences),
                remedies=list(remedies)[:REMEDIES],
                past=list(dict.fromkeys(sentence for check in checks for sentence in past.get(check.address, ()))),
            )
        )
    return made
