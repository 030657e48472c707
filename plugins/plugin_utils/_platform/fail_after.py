# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How often a check has to fail before the run does."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

SPELLING = re.compile(r"\s*(\d{1,3})\s+of\s+(\d{1,3})\s*")
#: More runs than this are no way of being patient.
MOST_RUNS = 100


@dataclass(frozen=True)
class FailAfter:
    """A check fails the run once it failed in ``failures`` of the last ``runs`` runs that looked at it."""

    failures: int = 1
    runs: int = 1

    @classmethod
    def parse(cls, text: object) -> FailAfter:
        """Read ``2 of 3``. Raises `RunbookError`."""
        found = SPELLING.fullmatch(str(text))
        failures, runs = (int(number) for number in found.groups()) if found else (0, 0)
        if not 1 <= failures <= runs <= MOST_RUNS:
            raise RunbookError(f"expected how often it has to fail, for example '2 of 3', got {text!r}")
        return cls(failures, runs)

    def __str__(self) -> str:
        return f"{self.failures} of {self.runs}"


AT_ONCE = FailAfter()
