# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The figures of the page: what a run and those before it look like. Data in, drawings and their words out."""

from __future__ import annotations

from ...ledger.history import Trend
from ...report import Report
from . import backups, capacity, certificates, drills, latency, over_time
from .parts import Figure


def figures(report: Report, trend: Trend) -> list[Figure]:
    """Every figure that there is something to say in."""
    drawn = (
        over_time.figure(report, trend),
        latency.figure(report, trend),
        capacity.figure(report, trend),
        certificates.figure(report),
        backups.figure(report),
        drills.figure(report),
    )
    return [figure for figure in drawn if figure]
