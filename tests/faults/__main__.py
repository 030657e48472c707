# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run rows by hand: ``python -m tests.faults [name ...]``, without names all of them.

What a row found is remembered in build/faults, and the page is written anew from all that is known.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from dataclasses import asdict
from typing import Any

from tests.faults import askers, runner
from tests.faults.catalogue import ROWS
from tests.faults.matrix import Seen, rounds
from tests.faults.page import PAGE, page
from tests.testbed import engine
from tests.testbed.errors import BedError
from tests.testbed.layout import BUILD, bed_named
from tests.testbed.progress import say

_RESULTS = BUILD / "faults" / "results.json"


def _remembered() -> dict[str, Seen]:
    """What earlier runs have found about other rows."""
    if not _RESULTS.exists():
        return {}
    found: dict[str, dict[str, Any]] = json.loads(_RESULTS.read_text(encoding="utf-8"))
    return {name: Seen(**one) for name, one in found.items()}


def main(words: list[str]) -> int:
    """Break, inspect, fix, and print what was found; returns 1 where our own checks are not what they should be."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"some of: {', '.join(row.name for row in ROWS)}")
    parser.add_argument("--bed", default="test")
    arguments = parser.parse_args(words)
    unknown = set(arguments.names) - {row.name for row in ROWS}
    if unknown:
        parser.error(f"there is no fault {', '.join(sorted(unknown))}")
    rows = [row for row in ROWS if row.name in arguments.names or not arguments.names]
    # Ended by a signal, it still fixes what it has broken.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        seen, last = runner.run(engine.ensure(), bed_named(arguments.bed), rows)
    except BedError as exc:
        say(f"error: {exc}")
        return 2
    wrong = 0
    for row in rows:
        one = seen[row.name]
        say(f"{row.name}: command {one.command or '-'} (sound: {one.command_when_sound or '-'}),")
        say(f"    module {one.module or '-'} (sound: {one.module_when_sound or '-'}),")
        say(f"    ours {', '.join(one.ours)}: {' / '.join(one.messages)}")
        say(f"    root causes ({row.causes} expected): {', '.join(one.causes) or 'none'}")
        for complaint in [*runner.complaints(row, one), *runner.unfair(row, one)]:
            wrong += 1
            say(f"    WRONG: {complaint}")
    for group in rounds(tuple(rows)):
        for shared in runner.shared_causes(group, seen):
            wrong += 1
            say(f"WRONG: one root cause for several faults: {shared}")
    failing = {address: status for address, status in last.statuses.items() if status not in ("ok", "not_applicable")}
    say(f"afterwards: {failing or 'everything is green'}")
    known = {**_remembered(), **seen}
    _RESULTS.write_text(json.dumps({name: asdict(one) for name, one in known.items()}, indent=1), encoding="utf-8")
    PAGE.write_text(page(ROWS, known, askers.runbook(), seconds=askers.SECONDS), encoding="utf-8")
    say(f"written: {PAGE.relative_to(BUILD.parent)}")
    return 1 if wrong or failing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
