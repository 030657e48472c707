# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The report as one page that needs nothing else: no network, no script, no font; readable on a phone and on paper.

What fails comes first and is never left out. What is fine is put together over all hosts, so that the page of a large
platform stays as small as the number of different things that there are to say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import NOT_APPLICABLE, OK
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ..causes import FAILING
from ..ledger.history import Trend
from ..report import Report
from . import formatting, largest, rows
from .cards import Card, cards
from .charts import charts

TEMPLATES = Path(__file__).parent / "templates"
STYLES = ("page.css", "checks.css", "charts.css")
COMMENT = re.compile(r"/\*.*?\*/\s*", re.DOTALL)
#: More services than these are counted, and not named, beside the verdict.
NAMED_SERVICES = 12
#: More rows of fine checks than this are folded, service by service.
UNFOLDED = 150


def render(report: Report, trend: Trend | None = None, past: Mapping[str, Sequence[str]] | None = None) -> str:
    """The whole page, with plots of what led up to the run.

    ``past`` has sentences about the past of root causes, by their addresses: since when each fails, what changed.
    Whatever a check says is escaped: it comes from hosts that may not be one's own any more.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        finalize=_harmless,
    )
    template = environment.get_template("page.html.j2")
    style = COMMENT.sub("", "".join((TEMPLATES / name).read_text(encoding="utf-8") for name in STYLES))
    return template.render(
        **_summary(report),
        **_sections(report, past or {}),
        figures=charts.figures(report, trend or Trend()),
        style=Markup(style),  # noqa: S704 -- a file of the collection
        count=formatting.count,
        word=formatting.status_word,
        action_lines=formatting.action_lines,
        moment=lambda text: f"{text[:10]} {text[11:19]} UTC" if text else "",
    )


def _harmless(value: Any) -> Any:
    """Without the characters that are invisible or turn text around; escaping follows."""
    return formatting.clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _summary(report: Report) -> dict[str, Any]:
    """The verdict and what stands beside it."""
    status = formatting.verdict(report)
    services = rows.services(report)
    ill = [service for service in services if service[1] in FAILING]
    well = services[len(ill) :]
    return {
        "report": report,
        "status": status,
        "headline": "OK" if status == OK else formatting.status_word(status).capitalize(),
        "counts": {status: amount for status, amount in report.counts.items() if amount},
        "failing": len(report.failing(FAILING)),
        "outcome": formatting.outcome(report),
        "services": [*ill[:NAMED_SERVICES], *(well if len(well) <= NAMED_SERVICES else [])],
        "others_ill": len(ill[NAMED_SERVICES:]),
        "others_well": len(well) if len(well) > NAMED_SERVICES else 0,
        "limited": formatting.limited(report),
        "received": formatting.received(report),
        "duration": formatting.duration(report.duration_s),
    }


def _sections(report: Report, past: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Everything below the verdict, each check once."""
    causes = cards(report, past)
    on_cards = {check.key for card in causes for check in card.row.checks}
    anchors = {check.address: card.row.anchor for card in causes for check in card.row.checks}
    rest = [check for check in report.failing(FAILING) if check.key not in on_cards]
    failing = rows.failing(report, rest, anchors)
    chapters, unshown = rows.fine(report)
    fine = [row for chapter in chapters for row in chapter.rows]
    return {
        "causes": causes,
        "others": failing,
        "others_amount": len(rest),
        "largest": largest.shares(report),
        "chapters": chapters,
        "unshown": unshown,
        "folded": len(fine) > UNFOLDED,
        "absent": rows.absent(report, NOT_APPLICABLE),
        "not_run": formatting.by_host(report.not_run),
        "anchor": _anchors(causes, [*failing, *fine]).get,
    }


def _anchors(causes: Sequence[Card], others: Sequence[rows.Row]) -> dict[tuple[str, str, str], str]:
    """Where each check stands, for the plots to point at."""
    everything = [*(card.row for card in causes), *others]
    return {check.key: row.anchor for row in everything for check in row.checks}
