# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What becomes of a report: judged by what the ledger remembers, recorded, written and printed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ansible.utils.color import ANSIBLE_COLOR
from ansible.utils.display import Display
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, UNKNOWN, WARNING, Check
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from .._core import paths
from .._core.files import space
from .._platform.fail_after import FailAfter
from .ledger.history import History, Recollection, part_of
from .ledger.ledger import Ledger
from .ledger.onset import Onset, onsets
from .ledger.store import NoLedger
from .render import onset_text, outputs, terminal
from .report import Report, run_check
from .suppression import suppressed

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

#: Between so many columns the text is legible.
NARROWEST, WIDEST = 80, 160


def location_of_ledger(platform: str, arguments: Mapping[str, Any]) -> str:
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
    """Judge, record, write and print the report, and return the result of the action: what a play decides by.

    ``judged`` are the hosts that a verdict may be given of, whether or not anything was expected of them.
    ``repeats`` has the ids of runs of the ledger that it says again.
    In check mode nothing is recorded or written. Nothing that fails in here loses the report.
    """
    location = location_of_ledger(report.run.platform, arguments)
    report = replace(report, fail_on=fail_on(arguments))
    try:
        with History(location).recollection(report.run.platform, but=repeats) as past:
            report = _suppress(report, past, fail_after, described)
    except NoLedger:
        # Nothing is silenced, and it is not known how often anything failed before: every failure counts.
        pass
    except RunbookError as exc:
        message = f"{exc}; so nothing is silenced, and every failure counts at once"
        report = report.with_check(run_check("read", CRITICAL, message, point="ledger"))
    files: dict[str, str] = {}
    if not report.run.check_mode:
        report = _record(report, location, arguments["ledger_retention_days"])
    began = _onsets(report, location)
    if not report.run.check_mode:
        report, metrics = _write_textfile(report, arguments["textfile"])
        folder = Path(arguments["report_dir"] or paths.of(report.run.platform, arguments["state_dir"]).reports)
        report, files = _write(report, folder, arguments, location, began)
        files = {**files, **metrics}
    _print(report, files, began)
    return {
        "changed": False,
        "counts": report.counts,
        "expected": report.expected,
        "received": report.received,
        "all_ok": report.all_ok,
        "judged_by": report.judged_by(judged),
        "files": files,
    }


def _suppress(
    report: Report,
    past: Recollection,
    fail_after: Callable[[Check], FailAfter],
    described: Callable[[], Iterable[Check]],
) -> Report:
    """Find what fails and does not fail the run."""
    silences, faults = past.silences()
    found = suppressed(report, silences=silences, fail_after=fail_after, past=past, described=described)
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
        remedy = exc.details.get("remedy", "xorb.runbook.ledger_verify")
        return report.with_check(run_check("written", CRITICAL, str(exc), point="ledger", remedy=remedy))
    return replace(report, ledger=head)


def _actions(report: Report) -> Iterator[Mapping[str, Any]]:
    """What the run did besides looking: it changed hosts, let checks off, and left hosts to others."""
    yield from report.actions
    for suppression in report.suppressions.values():
        yield {"what": "suppressed", **suppression.as_dict()}
    if report.run.slice_of:
        yield part_of(report.run.slice_of)


def _write_textfile(report: Report, textfile: str | None) -> tuple[Report, dict[str, str]]:
    """Write the file of node exporter's collector, before the others, so that they say when it failed."""
    if not textfile:
        return report, {}
    try:
        return report, {"textfile": outputs.write_textfile(report, textfile)}
    except OSError as exc:
        message = f"the textfile cannot be written: {exc.strerror}: {exc.filename or textfile}"
        return report.with_check(run_check("written", CRITICAL, message, point="textfile", remedy=space(exc))), {}


def _write(
    report: Report, folder: Path, arguments: Mapping[str, Any], ledger: str, began: Mapping[str, Onset]
) -> tuple[Report, dict[str, str]]:
    """Write the files of the report; a failure is a check of its own, too."""
    failing = {check.address: check for check in report.checks if check.address in began}
    past = {
        address: [onset_text.since(onset, failing[address]), *onset_text.changes(onset)]
        for address, onset in began.items()
        if address in failing
    }
    try:
        files = outputs.write(report, folder, arguments["formats"], ledger=ledger, keep=arguments["keep"], past=past)
        return report, files
    except OSError as exc:
        message = f"the report files cannot be written: {exc.strerror}: {exc.filename or folder}"
        return report.with_check(run_check("written", CRITICAL, message, point="report", remedy=space(exc))), {}


def _print(report: Report, files: Mapping[str, str], began: Mapping[str, Onset]) -> None:
    """Print the report as text: a debug task would turn it into escaped JSON."""
    display = Display()
    text = terminal.render(
        report,
        width=width(display.columns),
        colour=ANSIBLE_COLOR,
        files=files,
        onsets=began,
        verbose=display.verbosity > 0,
    )
    display.display(f"\n{text}")


def width(columns: int) -> int:
    """How wide the text is to be: as ``COLUMNS`` says, else as the terminal is, of which Ansible leaves one column."""
    given = os.environ.get("COLUMNS", "")
    return max(NARROWEST, min(int(given) if given.isdecimal() else columns + 1, WIDEST))


def _onsets(report: Report, location: str) -> Mapping[str, Onset]:
    """Since when each root cause fails, as far as the ledger knows."""
    if not report.causes:
        return {}
    try:
        return onsets(report, location)
    except Exception as exc:  # noqa: BLE001 - a ledger may hold anything by now, and what it adds is not worth the report
        if not isinstance(exc, RunbookError):
            Display().warning(f"since when anything fails is not known: the ledger cannot be understood: {exc}")
        return {}
