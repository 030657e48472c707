# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a CA remembers about itself: where it came from, how far a rotation is, and what moves while it goes on.

Folders move in a fixed order that is written down before the first one does, so that the run after one that was killed
moves the rest. Which certificate belongs into which slot is written down, too: a folder that was changed by hand is
noticed before anything is signed with it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from .._core.files import json_text, sync, write_atomically

SCHEMA = 1
FILE = "authority.json"

#: ``standby``: one CA. ``prepared``: the next one stands beside it, to be trusted. ``activated``: the next one issues,
#: and the previous one is still trusted.
STANDBY, PREPARED, ACTIVATED = "standby", "prepared", "activated"

#: The slots that a generation of the CA can be in, with the folder of each.
SLOTS = {"active": ".", "next": "next", "previous": "previous"}


#: What the file calls a field, where that is another word: its schema has not changed.
KEPT_AS = {"slots": "places"}


@dataclass(frozen=True)
class Pending:
    """A change that was begun: folders to move one after the other (relative), and what is true afterwards."""

    moves: list[list[str]]
    phase: str
    slots: dict[str, dict[str, str]]


@dataclass(frozen=True)
class State:
    """``slots`` has the SHA-256 fingerprint of each level's certificate by slot and level; ``places`` in the file."""

    origin: str
    phase: str = STANDBY
    crl_days: float = 30
    slots: dict[str, dict[str, str]] = field(default_factory=dict)
    pending: Pending | None = None

    def write(self, directory: Path) -> None:
        """Keep it."""
        kept = {"schema": SCHEMA, **asdict(self, dict_factory=_as_kept)}
        write_atomically(directory / FILE, json_text(kept), mode=0o600)

    def moving(self, moves: list[list[str]], phase: str, slots: Mapping[str, Mapping[str, str]]) -> State:
        """The same with a change that is about to begin."""
        return replace(self, pending=Pending(moves, phase, {slot: dict(levels) for slot, levels in slots.items()}))

    def finish(self, directory: Path) -> State:
        """Move what has not moved yet. Raises `RunbookError` where a folder is neither here nor there."""
        if self.pending is None:
            return self
        for source, target in self.pending.moves:
            _move(directory / source, directory / target)
        done = replace(self, phase=self.pending.phase, slots=self.pending.slots, pending=None)
        done.write(directory)
        return done


def _as_kept(fields: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    return {KEPT_AS.get(name, name): value for name, value in fields}


def _as_read(kept: Mapping[str, Any]) -> dict[str, Any]:
    fields = {written: field_name for field_name, written in KEPT_AS.items()}
    return {fields.get(name, name): value for name, value in kept.items()}


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
        return State(**_as_read(kept), pending=Pending(**_as_read(pending)) if pending else None)
    except (AttributeError, KeyError, TypeError) as exc:
        raise RunbookError(f"{path}: not what was written here ({exc})") from exc
