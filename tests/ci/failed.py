# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The names of what failed in the run before, kept for `make test LAST=1`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from tests.testbed.layout import BUILD


def remember(what: str, names: Iterable[str]) -> None:
    """Keep the names of the layers, or of the scenarios, that failed; whatever was kept before is forgotten."""
    path = BUILD / "results" / f"failed-{what}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(sorted(names)) + "\n", encoding="utf-8")


def recall(what: str) -> Sequence[str]:
    """The names that were kept; none where nothing was, or nothing that can be read."""
    try:
        kept = json.loads((BUILD / "results" / f"failed-{what}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ()
    return tuple(map(str, kept)) if isinstance(kept, list) else ()
