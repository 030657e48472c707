# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The receipt of a verification: what was proved of a set, when, and how long it took."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from .._core.errors import RunbookError


@dataclass(frozen=True)
class Receipt:
    """The last verification of a set.

    It holds for the set whose manifest has this SHA-256, and for no other of that name. ``at`` is in seconds since
    1970. ``restore_seconds`` is how long the restore alone took, from stored files to a server that answers;
    ``seconds`` is all of the verification. ``facts`` are the kind's own counts, for people. ``unknown`` is what could
    not be found out, though it matters.
    """

    id: str
    manifest_sha256: str
    at: float
    host: str
    seconds: float
    restore_seconds: float
    faults: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether nothing was found wrong."""
        return not self.faults

    @property
    def outcome(self) -> str:
        """What came of it, as a sentence."""
        return "; ".join(self.faults) or "verified"

    def to_text(self) -> str:
        """The receipt as it is stored."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=True) + "\n"


def parse(text: str) -> Receipt:
    """Read a receipt; raises `RunbookError` where it is none."""
    try:
        values = json.loads(text)
        faults, unknown = (tuple(map(str, values.pop(name))) for name in ("faults", "unknown"))
        return Receipt(faults=faults, unknown=unknown, **values)
    except (ValueError, KeyError, AttributeError, TypeError) as exc:
        raise RunbookError("the receipt cannot be read") from exc
