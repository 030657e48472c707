# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The files that a report is written as."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Callable

from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from ..._core import files
from ..ledger.history import History, Trend
from ..report import Report
from . import html, junit, textfile

#: The formats, and how the names of their files end.
FORMATS = {"json": "json", "html": "html", "junit": "xml", "prometheus": "prom"}

#: The collector runs as a user of its own.
READABLE_BY_ALL = 0o644


def write(
    report: Report,
    folder: Path,
    formats: Iterable[str],
    *,
    ledger: str,
    keep: int,
    past: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, str]:
    """Write the report in some formats and return the path of each. Raises `OSError`.

    ``past`` has sentences about the past of root causes, by their addresses.
    """
    renderers: Mapping[str, Callable[[], str]] = {
        "json": lambda: files.json_text(report.as_dict()),
        "html": lambda: html.render(report, led_up_to(report, ledger), past),
        "junit": lambda: junit.render(report),
        "prometheus": lambda: textfile.render(report),
    }
    wanted = set(formats)
    texts = {FORMATS[name]: render() for name, render in renderers.items() if name in wanted}
    written = files.write_report(folder, f"{report.run.procedure}-{report.run.id}", texts, keep=keep)
    return {name: str(written[suffix]) for name, suffix in FORMATS.items() if suffix in written}


def write_textfile(report: Report, given: str) -> str:
    """Write the metrics where a collector finds them and return the path. Raises `OSError`."""
    path = textfile.path_of(given, report)
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write_atomically(path, textfile.render(report), mode=READABLE_BY_ALL)
    return str(path)


def led_up_to(report: Report, ledger: str) -> Trend:
    """What earlier runs found, or why that is not known: a page without plots is better than none."""
    if not report.ledger:
        return Trend(problem="this run could not be recorded")
    try:
        return History(ledger).trend(
            platform=report.run.platform, procedure=report.run.procedure, before=report.ledger["sequence"]
        )
    except RunbookError as exc:
        return Trend(problem=str(exc))
