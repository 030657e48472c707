# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The one error the command line turns into a line of text."""

from __future__ import annotations


class BedError(Exception):
    """Something a person has to know; the message says what is wrong and what to do next."""
