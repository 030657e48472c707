# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The state of systemd's units, through ``systemctl`` and as plain data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone

from .._core.about import DOWN, UNIT, Fault
from .._core.errors import RunbookError
from .._core.text import excerpt, lines
from . import commands

NAME = re.compile(r"[A-Za-z0-9:_.@\\-]+")

#: Active states of a unit that does its work, and of one that is about to. ``refreshing`` came with systemd 256.
WORKING = ("active", "reloading", "refreshing")
STARTING = ("activating",)

#: Those of one that does not: systemd knows no other (``systemctl --state=help``).
STOPPED = ("inactive", "failed", "deactivating", "maintenance")

#: How a run ends that went well, or was not needed by its ``ExecCondition=``.
WENT_WELL = ("success", "exec-condition")

#: What the ways of not being loaded mean.
NOT_LOADED = {"not-found": "is not known to systemd", "masked": "is masked, so nothing can start it"}


def name_faults(key: str, name: object) -> Iterator[tuple[str, str]]:
    """A pattern would name several units, or none."""
    if not NAME.fullmatch(str(name)):
        yield key, f"expected the name of one unit, got {name!r}"


def show(units: Iterable[str], properties: Iterable[str], *, timeout: float) -> list[dict[str, str]]:
    """Properties of some units, in their order, by one command.

    Raises `RunbookError` where systemd does not show each of them: then it is not known whose properties came.
    """
    names = list(units)
    outcome = commands.run(["systemctl", "show", f"--property={','.join(properties)}", "--", *names], timeout=timeout)
    shown = [parse(block) for block in re.split(r"\n\s*\n", outcome.stdout.strip())]
    if len(shown) != len(names) or not all("ActiveState" in unit for unit in shown):
        raise _silent(outcome)
    return shown


def listed(states: Iterable[str], *, timeout: float) -> list[str]:
    """The names of all units in some states, sorted."""
    argv = ["systemctl", "list-units", "--all", "--full", "--plain", "--no-legend", f"--state={','.join(states)}"]
    outcome = commands.run(argv, timeout=timeout)
    if outcome.status:
        raise _silent(outcome)
    return sorted(line.split()[0] for line in lines(outcome.stdout) if line.strip())


def _silent(outcome: commands.Outcome) -> RunbookError:
    why = f"systemd does not answer: {excerpt(outcome.stderr or outcome.stdout, 200)}"
    return RunbookError(why, fault=Fault(DOWN, ((UNIT, "systemd"),)))


def down(*units: str) -> tuple[Fault, ...]:
    """The faults of units that do not run, as data."""
    return tuple(Fault.stated(DOWN, (UNIT, unit if "." in unit else f"{unit}.service")) for unit in units)


def parse(text: str) -> dict[str, str]:
    """The properties that ``systemctl show`` prints."""
    return dict(line.split("=", 1) for line in lines(text) if "=" in line)


def parse_time(text: str) -> datetime | None:
    """A time as ``systemctl show`` prints it (in UTC, see `commands`), or nothing where there was none."""
    match = re.search(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(?:\.\d+)? UTC", text)
    if not match:
        return None
    return datetime.strptime(match.group(1), "%Y-%m-%d %H:%M:%S").replace(tzinfo=timezone.utc)
