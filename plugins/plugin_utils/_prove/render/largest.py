# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The largest users of the processors and of the memory, which a performance report lists even where all is fine."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import OK, Check

from ..ledger.history import MERGED
from ..report import Report
from . import formatting

#: The procedure that reports the largest users.
PROCEDURE = "performance_check"
#: Looks that judge the largest user of something call their aspects by it, and name the largest ones in their message.
RESOURCES = ("cpu", "memory")
TOPIC = "performance"
#: So many checks of one resource are printed, those with the largest shares first.
MOST = 20


@dataclass(frozen=True)
class Shares:
    """The checks of one resource, the largest user first, and how many others there are."""

    resource: str
    checks: tuple[Check, ...]
    others: int


def shares(report: Report) -> list[Shares]:
    """The largest users of each resource; nothing in the report of any other procedure."""
    if report.run.procedure.removesuffix(MERGED) != PROCEDURE:
        return []
    found = []
    for resource in RESOURCES:
        about = [check for check in report.checks if _is_about(check, resource)]
        ranked = sorted(about, key=lambda check: -float(check.value))  # type: ignore[arg-type]  # see `_is_about`
        if ranked:
            found.append(Shares(resource, tuple(ranked[:MOST]), max(0, len(ranked) - MOST)))
    return found


def lines(report: Report, width: int) -> Iterator[str]:
    """The same for a terminal that is ``width`` columns wide; nothing where there is nothing."""
    for share in shares(report):
        yield title(share)
        for check in share.checks:
            text = formatting.clean(f"{formatting.where(check)}  {formatting.short_name(check)}: {check.message}")
            yield from textwrap.wrap(
                text, width, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False,
                break_long_words=False,
            )  # fmt: skip


def title(share: Shares) -> str:
    """What is listed, and of how many."""
    of_all = f", {len(share.checks)} of {len(share.checks) + share.others} checks" if share.others else ""
    return f"largest by {share.resource}{of_all}"


def _is_about(check: Check, resource: str) -> bool:
    """Whether it is a check of the users of a resource that is fine: one that fails says it where it fails."""
    aspect = check.id.rpartition(".")[2]
    return check.status == OK and check.topic == TOPIC and aspect == resource and formatting.is_number(check.value)
