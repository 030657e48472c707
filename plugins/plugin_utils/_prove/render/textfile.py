# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The report as metrics, in the text format that node exporter's textfile collector reads."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import (
    CRITICAL,
    NOT_APPLICABLE,
    OK,
    UNKNOWN,
    WARNING,
    Check,
)
from ansible_collections.xorb.runbook.plugins.module_utils._core.text import visible

from ..report import Report
from . import formatting

#: Statuses as every monitoring system numbers them; what a platform does not have is less than ok.
CODES = {NOT_APPLICABLE: -1, OK: 0, WARNING: 1, CRITICAL: 2, UNKNOWN: 3}

#: The collector reads no file that is called otherwise.
SUFFIX = ".prom"

#: Labels as they are written, and a value.
Sample = tuple[str, float]


def render(report: Report) -> str:
    """The whole text; what a host says is escaped and cannot begin a line of its own."""
    run = _labels(platform=report.run.platform, procedure=report.run.procedure)
    lines: list[str] = []
    for name, meaning, samples in _families(report):
        lines += [f"# HELP runbook_{name} {meaning}", f"# TYPE runbook_{name} gauge"]
        lines += [
            f"runbook_{name}{{{run}{',' if labels else ''}{labels}}} {_number(value)}" for labels, value in samples
        ]
    return "\n".join(lines) + "\n"


def path_of(given: str, report: Report) -> Path:
    """The file that a path means: itself where it ends in ``.prom``, else one in that folder, named after the run.

    The name is the same for every run of a procedure: the collector must not find yesterday's values beside today's.
    """
    path = Path(given).expanduser()
    if path.suffix == SUFFIX:
        return path
    stem = f"{report.run.platform}-{report.run.procedure}".replace("/", "_")
    return path / f"runbook-{stem}{SUFFIX}"


def _families(report: Report) -> Iterable[tuple[str, str, Iterable[Sample]]]:
    # Each check has up to three samples, with the same labels: written once, they are a third of the work.
    checks = [(check, _identity(check)) for check in report.checks]
    yield (
        "check_status",
        "Status of a check: 0 ok, 1 warning, 2 critical, 3 unknown, -1 not applicable.",
        [(identity, CODES[check.status]) for check, identity in checks],
    )
    yield (
        "check_value",
        "What a check measured, in its unit.",
        [
            (f"{identity},{_labels(unit=check.unit)}", float(check.value))  # type: ignore[arg-type]
            for check, identity in checks
            if formatting.is_number(check.value)
        ],
    )
    yield (
        "check_suppressed",
        "A check that fails and does not fail the run: silenced, acknowledged, or waiting for more failures.",
        [
            (f"{identity},{_labels(kind=report.suppressions[check.address].kind)}", 1)
            for check, identity in checks
            if report.suppressions and check.address in report.suppressions
        ],
    )
    yield (
        "suppressed_checks",
        "Checks that fail and do not fail the run, by kind of suppression.",
        [(_labels(kind=kind), report.suppressed.get(kind, 0)) for kind in ("silence", "acknowledgement", "pending")],
    )
    yield "failing_checks", "Checks that fail the run.", [("", len(report.decisive))]
    yield "checks", "Checks by status.", [(_labels(status=status), amount) for status, amount in report.counts.items()]
    yield "expected_checks", "Checks that the description expects.", [("", report.expected)]
    yield "received_checks", "Expected checks that arrived.", [("", report.received)]
    yield "not_run_checks", "Expected checks that a limit kept out of the run.", [("", len(report.not_run))]
    yield "run_timestamp_seconds", "When the run ended.", [("", _seconds(report.finished_at))]
    yield "run_duration_seconds", "How long the run took.", [("", report.duration_s)]
    if report.ledger:
        yield "ledger_sequence", "Number of the run in the ledger.", [("", report.ledger["sequence"])]
        yield "ledger_head_info", "Hash of the run's row in the ledger.", [(_labels(sha256=report.ledger["sha256"]), 1)]


def _identity(check: Check) -> str:
    return _labels(host=check.host, owner=check.owner, service=check.service, topic=check.topic, check=check.id)


def _labels(**labels: object) -> str:
    return ",".join([f'{name}="{_escaped(str(value))}"' for name, value in labels.items()])


@lru_cache(maxsize=65536)
def _escaped(value: str) -> str:
    # Written out, not taken away: what differs must not become the same series. Names come again and again.
    return visible(value).replace("\\", "\\\\").replace('"', '\\"')


def _number(value: float) -> str:
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp()
