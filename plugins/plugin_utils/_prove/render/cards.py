# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The root causes as cards: one card an outage, with everything that there is to know of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import Check

from ..report import Report
from . import folding, formatting, rows
from .folding import CauseGroup

#: So many different remedies of one card are spelled out.
REMEDIES = 3


@dataclass(frozen=True)
class Card:
    """One outage: the same check that fails for the same reason on one host or on many, as the page shows it."""

    row: rows.Row
    group: CauseGroup
    #: Since when it fails, and what changed since.
    past: Sequence[str] = ()

    @property
    def explains(self) -> Sequence[tuple[str, list[str]]]:
        """Hosts with the ids of what it explains."""
        return formatting.by_host(self.group.explains)

    @property
    def amount(self) -> int:
        """How many checks it explains."""
        return len(self.group.explains)

    @property
    def remedies(self) -> Sequence[str]:
        """What fixes it."""
        return self.group.remedies[:REMEDIES]


def cards(report: Report, past: Mapping[str, Sequence[str]]) -> list[Card]:
    """The root causes, worst first. Hosts that fail alike share a card: they are one thing to understand and to fix.

    ``past`` has sentences about what was before, by the address of the cause.
    """

    def what(check: Check) -> tuple[str, ...]:
        return rows.per_id(check), check.status, rows.suppression_of(report, check)

    groups, _unexplained = folding.causes(report, lambda found: rows.outages(found, what))
    return [
        Card(
            row=rows.row(f"cause-{index}", group.checks, suppression=rows.suppression_of(report, group.first)),
            group=group,
            past=list(dict.fromkeys(sentence for check in group.checks for sentence in past.get(check.address, ()))),
        )
        for index, group in enumerate(groups)
    ]
