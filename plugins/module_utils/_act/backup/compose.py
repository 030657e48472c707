# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The container of a service that Compose keeps running, by the engine's own word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._clients import commands, docker
from ..._core.errors import RunbookError
from ..._core.text import excerpt

#: Seconds for one query of the engine, and for a container to stop: a database saves its data first.
QUERY, PATIENCE = 60.0, 3600.0


def container_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """The details of the one container of a service, which may be stopped, as ``docker inspect`` gives them.

    ``given`` are the options ``container`` of a backup. Raises `RunbookError` where it is not one container: which of
    several has the data cannot be known.
    """
    options = {**given, "compose_service": given["service"], "container": None, "timeout": QUERY}
    selection = docker.Selection.of(options)
    found = docker.containers(selection, timeout=QUERY)
    # Beside one that runs, those are left over that Compose has replaced.
    chosen = [row for row in found if row.get("State") == "running"] or found
    if len(chosen) != 1:
        raise RunbookError(f"{selection}: has {len(chosen) or 'no'} containers on this host, and one is expected")
    return inspected(str(chosen[0]["ID"])) or {}


def inspected(container: str) -> dict[str, Any] | None:
    """The details of a container by its identity; nothing where it has gone."""
    return next(iter(docker.inspect("container", [container], timeout=QUERY)), None)


def runs(details: Mapping[str, Any]) -> bool:
    """Whether a container is up, so that programs can run in it."""
    state = details.get("State", {})
    return bool(state.get("Running")) and not (state.get("Paused") or state.get("Restarting"))


def execute(container: str, *words: str) -> commands.Outcome:
    """Run a short program in a container, as its root."""
    return commands.run(["docker", "exec", "--user", "0:0", container, *words], timeout=QUERY)


def done(container: str, *words: str) -> str:
    """What a short program in a container prints; raises `RunbookError` where it fails."""
    outcome = execute(container, *words)
    if outcome.status:
        why = excerpt(outcome.stderr or outcome.stdout, 200)
        raise RunbookError(f"{words[0]} in the container {container[:12]}: {why}")
    return outcome.stdout
