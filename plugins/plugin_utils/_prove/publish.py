# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What becomes of a report: judged by what the ledger remembers, recorded, written and printed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ansible.utils.display import Display
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, UNKNOWN, WARNING, Check
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from .._core import paths
from .._platform.fail_after import FailAfter
from .causes import FAILING
from .ledger.history import History, Recollection, part_of
from .ledger.ledger import Ledger
from .ledger.sqlite import NoLedger
from .render import outputs, terminal
from .report import Report, run_check
from .suppression import excused

#: The options of every action that ends in a report.
OPTIONS: dict[str, dict[str, Any]] = {
    "procedure": {"type": "str", "required": True},
    "state_dir": {"type": "path"},
    "ledger": {"type": "str"},
    "ledger_retention_days": {"type": "int", "default": 90},
    "report_dir": {"type": "path"},
    "formats": {
        "type": "list",
        "elements": "str",
        "default": list(outputs.FORMATS),
        "choices": list(outputs.FORMATS),
    },
    "textfile": {"type": "path"},
    "keep": {"type": "int", "default": 100},
    "fail_after": {"type": "str", "default": "1 of 1"},
    "fail_on_warning": {"type": "bool", "default": False},
}


def place_of_ledger(platform: str, arguments: Mapping[str, Any]) -> str:
    """Where the ledger is."""
    return str(arguments["ledger"] or paths.of(platform, arguments["state_dir"]).ledger)


def fail_on(arguments: Mapping[str, Any]) -> tuple[str, ...]:
    """The statuses that fail the run."""
    return (CRITICAL, UNKNOWN, WARNING) if arguments["fail_on_warning"] else (CRITICAL, UNKNOWN)


def file(
    report: Report,
    arguments: Mapping[str, Any],
    *,
    fail_after: Callable[[Check], FailAfter],
    described: Callable[[], Iterable[Check]],
    judged: Iterable[str],
    repeats: Iterable[str] = (),
) -> dict[str, Any]:
    """Judge, record, write and print the report, and return the result of the action.

    ``judged`` are the hosts that a verdict may be asked about, whether or not anything was expected of them.
    ``repeats`` has the ids of runs of the ledger that it says again.
    In check mode nothing is recorded or written. Nothing that fails in here loses the report.
    """
    location = place_of_ledger(report.run.platform, arguments)
    report = replace(report, fail_on=fail_on(arguments))
    try:
        with History(location).recollection(report.run.platform, but=repeats) as past:
            report = _excuse(report, past, fail_after, described)
    except NoLedger:
        # Nothing is silenced, and nobody knows how often anything failed before: every failure counts.
        pass
    except RunbookError as exc:
        message = f"{exc}; so nothing is silenced, and every failure counts at once"
        report = report.with_check(run_check("read", CRITICAL, message, point="ledger"))
    files: dict[str, str] = {}
    if not report.run.check_mode:
        report = _record(report, location, arguments["ledger_retention_days"])
        report, told = _tell(report, arguments["textfile"])
        folder = Path(arguments["report_dir"] or paths.of(report.run.platform, arguments["state_dir"]).reports)
        report, files = _write(report, folder, arguments, location)
        files = {**files, **told}
    _print(report, files)
    return {
        "changed": False,
        "counts": report.counts,
        "expected": report.expected,
        "received": report.received,
        "well": report.well,
        "not_run": list(report.not_run),
        "actions": list(report.actions),
        "causes": [cause.check for cause in report.causes],
        "checks": [check.as_dict() for check in report.failing(FAILING)],
        "judged_by": report.judged_by(judged),
        "excused": [excuse.as_dict() for excuse in report.excuses.values()],
        "notes": list(report.notes),
        "ledger": dict(report.ledger),
        "files": files,
    }


def _excuse(
    report: Report,
    past: Recollection,
    fail_after: Callable[[Check], FailAfter],
    described: Callable[[], Iterable[Check]],
) -> Report:
    """Find what fails and does not fail the run."""
    waivers, faults = past.waivers()
    found = excused(report, waivers=waivers, fail_after=fail_after, past=past, described=described)
    if not faults:
        return found
    message = f"{'; '.join(faults)}; it silences nothing"
    return found.with_check(
        run_check("silences", CRITICAL, message, point="ledger", remedy="xorb.runbook.ledger_verify")
    )


def _record(report: Report, location: str, retention_days: int) -> Report:
    """Write the run into the ledger; a failure is a check of its own and never loses the report."""
    try:
        head = Ledger(location).append(report, _actions(report), retention_days=retention_days)
    except RunbookError as exc:
        return report.with_check(
            run_check("written", CRITICAL, str(exc), point="ledger", remedy="xorb.runbook.ledger_verify")
        )
    return replace(report, ledger=head)


def _actions(report: Report) -> Iterator[Mapping[str, Any]]:
    """What the run did besides looking: it changed hosts, let checks off, and left hosts to others."""
    yield from report.actions
    for excuse in report.excuses.values():
        yield {"what": "excused", **excuse.as_dict()}
    if report.run.slice_of:
        yield part_of(report.run.slice_of)


def _tell(report: Report, textfile: str | None) -> tuple[Report, dict[str, str]]:
    """Write the file of node exporter's collector, before the others, so that they say when it failed."""
    if not textfile:
        return report, {}
    try:
        return report, {"textfile": outputs.write_textfile(report, textfile)}
    except OSError as exc:
        message = f"the textfile cannot be written: {exc.strerror}: {exc.filename}"
        return report.with_check(run_check("written", CRITICAL, message, point="textfile")), {}


def _write(report: Report, folder: Path, arguments: Mapping[str, Any], ledger: str) -> tuple[Report, dict[str, str]]:
    """Write the files of the report; a failure is a check of its own, too."""
    try:
        return report, outputs.write(report, folder, arguments["formats"], ledger=ledger, keep=arguments["keep"])
    except OSError as exc:
        message = f"the report files cannot be written: {exc.strerror}: {exc.filename}"
        return report.with_check(run_check("written", CRITICAL, message, point="report")), {}


def _print(report: Report, files: Mapping[str, str]) -> None:
    """Print the table as text: a debug task would turn it into escaped JSON."""
    display = Display()
    colour = bool(os.environ.get("ANSIBLE_FORCE_COLOR")) or (os.isatty(1) and "NO_COLOR" not in os.environ)
    display.display(
        "\n" + terminal.render(report, width=max(80, min(display.columns, 160)), colour=colour, files=files)
    )
