# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is wrong, or cannot be known, in one sentence."""

from __future__ import annotations

from dataclasses import dataclass

from .._core.checks import CRITICAL


@dataclass(frozen=True)
class Flaw:
    """What is wrong; with the status ``unknown``, what cannot be judged."""

    message: str
    status: str = CRITICAL
