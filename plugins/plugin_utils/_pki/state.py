# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a CA remembers about itself: where it came from, how far a rotation is, and what moves while it goes on.

Folders move in a fixed order that is written down before the first one does, so that whoever comes after a run that
was killed moves the rest. Which certificate belongs into which place is written down, too: a folder that was changed by
hand is noticed before anything is signed with it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from .._core.files import json_text, sync, write_atomically

SCHEMA = 1
FILE = "authority.json"

#: ``standby``: one CA. ``prepared``: the next one stands beside it, to be trusted. ``activated``: the next one issues,
#: and the previous one is still trusted.
STANDBY, PREPARED, ACTIVATED = "standby", "prepared", "activated"

#: The places of a CA with the folder that each is in.
PLACES = {"active": ".", "next": "next", "previous": "previous"}


@dataclass(frozen=True)
class Pending:
    """A change that was begun: folders to move one after the other (relative), and what is true afterwards."""

    moves: list[list[str]]
    phase: str
    places: dict[str, dict[str, str]]


@dataclass(frozen=True)
class State:
    """``places`` has the SHA-256 fingerprint of each level's certificate by place and level."""

    origin: str
    phase: str = STANDBY
    crl_days: float = 30
    places: dict[str, dict[str, str]] = field(default_factory=dict)
    pending: Pending | None = None

    def write(self, directory: Path) -> None:
        """Keep it."""
        write_atomically(directory / FILE, json_text({"schema": SCHEMA, **asdict(self)}), mode=0o600)

    def moving(self, moves: list[list[str]], phase: str, places: Mapping[str, Mapping[str, str]]) -> State:
        """The same with a change that is about to begin."""
        return replace(self, pending=Pending(moves, phase, {place: dict(levels) for place, levels in places.items()}))

    def finish(self, directory: Path) -> State:
        """Move what has not moved yet. Raises `RunbookError` where a folder is neither here nor there."""
        if self.pending is None:
            return self
        for source, target in self.pending.moves:
            _move(directory / source, directory / target)
        done = replace(self, phase=self.pending.phase, places=self.pending.places, pending=None)
        done.write(directory)
        return done


def _move(source: Path, target: Path) -> None:
    if target.exists():
        return
    if not source.exists():
        raise RunbookError(f"{source}: it was to become {target}, and neither is there; bring one back from a backup")
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    source.rename(target)
    sync(source.parent)
    sync(target.parent)


def read(directory: Path) -> State | None:
    """What was kept; nothing where no CA was made or adopted. Raises `RunbookError` where it cannot be understood."""
    path = directory / FILE
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as exc:
        raise RunbookError(f"{path}: cannot be read: {exc}") from exc
    try:
        if kept.pop("schema") != SCHEMA:
            raise RunbookError(f"{path}: written by another release of the collection")
        pending = kept.pop("pending")
        return State(**kept, pending=Pending(**pending) if pending else None)
    except (AttributeError, KeyError, TypeError) as exc:
        raise RunbookError(f"{path}: not what was written here ({exc})") from exc
