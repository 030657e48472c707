# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What keeps a service running, and so is what stops and starts it: anything else would be undone by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..._clients import commands, systemd
from ..._core.errors import RunbookError
from ..._core.text import excerpt

#: Seconds that a service may take to stop: a database saves its data first.
_PATIENCE = 3600.0


@dataclass(frozen=True)
class Supervisor:
    """A unit of systemd."""

    unit: str

    def stop(self) -> None:
        """Stop the service; raises `RunbookError` where it still runs."""
        self._run("stop")
        (shown,) = systemd.show([self.unit], ["ActiveState"], timeout=_PATIENCE)
        if shown["ActiveState"] not in ("inactive", "failed"):
            raise RunbookError(f"{self.unit} is {shown['ActiveState']} though it was stopped")

    def start(self) -> None:
        """Start the service, where it does not run already."""
        self._run("start")

    def _run(self, verb: str) -> None:
        outcome = commands.run(["systemctl", verb, "--", self.unit], timeout=_PATIENCE)
        if outcome.status:
            raise RunbookError(f"systemctl {verb} {self.unit}: {excerpt(outcome.stderr or outcome.stdout, 300)}")


def supervisor_of(given: Mapping[str, Any]) -> Supervisor | None:
    """What keeps the service of a backup running, where the description says so."""
    return Supervisor(given["unit"]) if given.get("unit") else None
