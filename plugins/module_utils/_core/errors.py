# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What goes wrong, as exceptions: shared code raises these, only the entry of a module or action catches them."""

from __future__ import annotations

from typing import Any

from .about import DRIVERS, MISSING, Fault


class RunbookError(Exception):
    """Anything the collection refuses or cannot do.

    The message says what, where, and what to do next; ``details`` become keys of the failed task's result. ``fault`` is
    the same as data, where that is known: other checks may have found it, too.
    """

    def __init__(self, message: str, *, fault: Fault | None = None, **details: Any) -> None:
        super().__init__(message)
        self.fault = fault
        self.details = details


class DriverMissing(RunbookError):
    """A Python library that a probe needs cannot be imported on the host that the probe runs on."""

    def __init__(self, message: str) -> None:
        super().__init__(message, fault=Fault.stated(MISSING, (DRIVERS, "python")))


class InvalidOptions(RunbookError):
    """Options that no probe can work with; ``problems`` holds every fault found as ``(key, message)``."""

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{key}: {message}" for key, message in problems))
        self.problems = problems
