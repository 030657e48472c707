# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The hosts of the test bed, with endpoints that accept what they must refuse."""

from __future__ import annotations

from tests.support.broken_hosts import broken, run, shell

__all__ = ["broken", "run", "shell"]
