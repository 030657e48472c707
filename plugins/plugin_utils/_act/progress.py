# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a terminal, or the log of AWX, shows of long work: a line for each phase, each tenth, or each minute of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

#: Seconds after which a line is due, whatever has been done.
_INTERVAL = 60
_TENTH = 10

#: From this many seconds on, what is left is given in minutes.
_MINUTES = 90


class ProgressLines:
    """Decides which of the many reports of a job are worth a line; ``subject`` is what each line begins with."""

    def __init__(self, subject: str) -> None:
        self._subject = subject
        self._phase: tuple[str, float] | None = None
        self._tenth = 0
        self._shown = 0.0

    def due(self, report: Mapping[str, Any], now: float) -> Iterator[str]:
        """The line of a report, where one is due; ``now`` is in seconds since 1970, by the clock of this node."""
        if not report.get("phase"):
            return
        phase, tenth = (report["phase"], report["begin"]), int(_percent(report) // _TENTH)
        begun = phase != self._phase
        if begun or tenth > self._tenth or now - self._shown >= _INTERVAL:
            self._phase, self._tenth, self._shown = phase, tenth, now
            yield f"{self._subject}: {text(report)}"


def text(report: Mapping[str, Any]) -> str:
    """What a report says: phase, how much of it is done, and how long the rest of it takes by what it took so far."""
    phase, done, total = str(report["phase"]), report["done"], report["total"]
    if not total:
        return phase if not done else f"{phase}: {_amount(done, report['unit'])}"
    how_far = f"{phase} {_percent(report):.0f} % ({_of(done, total, report['unit'])})"
    spent = report.get("at", report["begin"]) - report["begin"]
    if not 0 < done < total or spent <= 0:
        return how_far
    return f"{how_far}, about {_time(spent * (total - done) / done)} left"


def _percent(report: Mapping[str, Any]) -> float:
    return min(100.0, 100 * report["done"] / report["total"]) if report["total"] else 0.0


def _of(done: float, total: float, unit: str) -> str:
    if unit != "bytes":
        return f"{done:.0f} of {_amount(total, unit)}"
    step, name = _scale(total)
    return f"{done / step:.1f} of {total / step:.1f} {name}"


def _amount(amount: float, unit: str) -> str:
    if unit != "bytes":
        return f"{amount:.0f} {unit}".rstrip()
    step, name = _scale(amount)
    return f"{amount / step:.1f} {name}"


def _scale(amount: float) -> tuple[float, str]:
    """The decimal unit in which a number of bytes reads best."""
    return next(((step, name) for step, name in ((1e9, "GB"), (1e6, "MB")) if amount >= step), (1e3, "kB"))


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < _MINUTES else f"{seconds / 60:.0f} min"
