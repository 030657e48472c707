# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What keeps a service running, and so is what stops and starts it: anything else would be undone by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ..._clients import commands, systemd
from ..._core.errors import RunbookError
from ..._core.text import excerpt
from . import compose


class Supervisor(Protocol):
    """What keeps one service running; as text, what an operator knows it by."""

    def stop(self) -> None:
        """Stop the service; raises `RunbookError` where it still runs."""

    def start(self) -> None:
        """Start the service, where it does not run already."""


@dataclass(frozen=True)
class Unit:
    """A unit of systemd; see `Supervisor`."""

    unit: str

    def __str__(self) -> str:
        return self.unit

    def stop(self) -> None:
        self._run("stop")
        (shown,) = systemd.show([self.unit], ["ActiveState"], timeout=compose.PATIENCE)
        if shown["ActiveState"] not in ("inactive", "failed"):
            raise RunbookError(f"{self.unit} is {shown['ActiveState']} though it was stopped")

    def start(self) -> None:
        self._run("start")

    def _run(self, verb: str) -> None:
        outcome = commands.run(["systemctl", verb, "--", self.unit], timeout=compose.PATIENCE)
        if outcome.status:
            raise RunbookError(f"systemctl {verb} {self.unit}: {excerpt(outcome.stderr or outcome.stdout, 300)}")


@dataclass(frozen=True)
class Container:
    """A container of Compose; see `Supervisor`.

    The engine is what stops it, with the patience that the project gives it: to kill it would have ``restart: always``
    bring it back by itself. It is the same container all the time, since another one need not have its volumes.
    """

    given: Mapping[str, Any]

    def __str__(self) -> str:
        return f"the container of {self.given['service']}"

    def stop(self) -> None:
        identity = self._run("stop")
        if (compose.inspected(identity) or {}).get("State", {}).get("Running"):
            raise RunbookError(f"{self} runs though it was stopped")

    def start(self) -> None:
        self._run("start")

    def _run(self, verb: str) -> str:
        identity = str(compose.container_of(self.given)["Id"])
        outcome = commands.run(["docker", verb, identity], timeout=compose.PATIENCE)
        if outcome.status:
            raise RunbookError(f"docker {verb} of {self}: {excerpt(outcome.stderr or outcome.stdout, 300)}")
        return identity


def supervisor_of(given: Mapping[str, Any]) -> Supervisor | None:
    """What keeps the service of a backup running, where the description says so."""
    if given.get("container"):
        return Container(given["container"])
    return Unit(given["unit"]) if given.get("unit") else None
