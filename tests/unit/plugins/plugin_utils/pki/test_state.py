# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The file of a CA's state: what is written in it is read from it, in the words of its schema."""

from __future__ import annotations

import json
from pathlib import Path

from ansible_collections.xorb.runbook.plugins.plugin_utils._pki import state as states

KEPT = {
    "schema": 1,
    "origin": "adopted",
    "phase": "standby",
    "crl_days": 30,
    "places": {"active": {"root": "aa", "intermediate": "bb"}},
    "pending": {
        "moves": [[".making", "next"]],
        "phase": "prepared",
        "places": {"active": {"root": "aa", "intermediate": "bb"}, "next": {"intermediate": "cc"}},
    },
}


def test_file_keeps_the_words_of_its_schema(tmp_path: Path) -> None:
    """A CA that was made or adopted before is read, and what is written of it is what was read."""
    path = tmp_path / states.FILE
    path.write_text(json.dumps(KEPT))
    state = states.read(tmp_path)
    assert state is not None and state.slots == KEPT["places"]
    assert state.pending is not None and state.pending.slots["next"] == {"intermediate": "cc"}
    state.write(tmp_path)
    assert json.loads(path.read_text()) == KEPT
