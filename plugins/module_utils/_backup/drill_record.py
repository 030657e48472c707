# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The receipts of the drills of one copy, as the drill host keeps them.

    <directory>/<service>.<backup>.<copy>@<host of the backup>.json      0600

They are all that a drill leaves on its host: what is known of the copy is as old as the last of them says.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .._core.errors import RunbookError
from .._core.text import some_of
from . import manifest as manifests
from . import private

#: What records mean. Another number is refused.
FORMAT = 1

#: How many receipts are kept: more than a year of one a day.
KEPT = 400

#: What a drill came to. Without a result nothing is known of the copy: it was not reached, or this host was not able.
PASSED, FAILED, NO_RESULT = "passed", "failed", "no result"

_NAMED = 3


@dataclass(frozen=True)
class Drill:
    """One drill. ``at`` is when it began, before the repository was asked, in seconds since 1970.

    ``seconds`` is how long it took until what was restored answered and was compared; ``fetch_seconds`` and
    ``restore_seconds`` are the parts in which the set came here and was restored. ``size`` and ``plain_size`` are
    bytes, of the set as it is stored and of what is in it. ``set`` and all about it is empty where none was found.
    ``faults`` say why it did not pass, ``unknown`` what could not be found out though it matters, ``facts`` are the
    kind's own counts.
    """

    at: float
    host: str
    who: str
    repository: str
    verdict: str = NO_RESULT
    repository_id: str = ""
    set: str = ""
    snapshot: str = ""
    size: int = 0
    plain_size: int = 0
    seconds: float = 0.0
    fetch_seconds: float = 0.0
    restore_seconds: float = 0.0
    faults: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def rpo_seconds(self) -> float:
        """How much would be lost: from the begin of the set to that of the drill. Raises ValueError without a set."""
        return self.at - manifests.time_of(self.set)

    @property
    def why(self) -> str:
        """Why it did not pass, as a sentence."""
        return some_of(self.faults, _NAMED, separator="; ")


@dataclass(frozen=True)
class Record:
    """The receipts of one copy, the oldest first."""

    platform: str
    drills: tuple[Drill, ...] = ()

    @property
    def passed(self) -> Drill | None:
        """The last one that passed."""
        return next((one for one in reversed(self.drills) if one.verdict == PASSED), None)

    @property
    def concluded(self) -> Drill | None:
        """The last one that came to a result."""
        return next((one for one in reversed(self.drills) if one.verdict != NO_RESULT), None)

    def to_text(self) -> str:
        """The record as it is stored."""
        values = {"format": FORMAT, "platform": self.platform, "drills": [asdict(one) for one in self.drills[-KEPT:]]}
        return json.dumps(values, indent=1, ensure_ascii=True) + "\n"


def path(directory: Path, copy: str, owner: str) -> Path:
    """Where the record of a copy (``service.backup.copy``) of a host is; a host may have any name."""
    return directory / f"{copy}@{quote(owner, safe='')}.json"


def parse(text: str) -> Record:
    """Read a record; raises `RunbookError` where it is none."""
    try:
        values = json.loads(text)
        if values["format"] != FORMAT:
            raise RunbookError(f"the record of the drills has another format than {FORMAT}, which this version reads")
        return Record(str(values["platform"]), tuple(map(_drill, values["drills"])))
    except (ValueError, KeyError, AttributeError, TypeError) as exc:
        raise RunbookError("the record of the drills cannot be read") from exc


def _drill(values: Mapping[str, Any]) -> Drill:
    lists = {name: tuple(map(str, values[name])) for name in ("faults", "unknown")}
    found = Drill(**{**values, **lists})
    if found.verdict not in (PASSED, FAILED, NO_RESULT):
        raise ValueError(found.verdict)
    if found.set or found.verdict == PASSED:
        manifests.time_of(found.set)
    return found


def read(place: Path) -> Record | None:
    """The record of a copy; nothing where there never was one. Raises `RunbookError` where it cannot be read."""
    try:
        return parse(place.read_text(encoding="ascii"))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as exc:
        raise RunbookError(f"{place}: {getattr(exc, 'strerror', None) or 'has bytes that are no text'}") from exc
    except RunbookError as exc:
        raise RunbookError(f"{place}: {exc}; move it away, and hold a drill") from exc


def keep(place: Path, record: Record) -> None:
    """Write a record; it is on the disk as a whole when this returns."""
    private.replace(place, record.to_text())
