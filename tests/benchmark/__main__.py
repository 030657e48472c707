# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The command line: ``python -m tests.benchmark [--rounds N] [--keep] [words of a row's name ...]``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict

from tests.benchmark import backups, certificates, growth, page, rotation, shipping, sides
from tests.benchmark.figure import Figure
from tests.benchmark.measure import machine, measure
from tests.benchmark.rows import ROWS
from tests.testbed import fleet
from tests.testbed.errors import BedError
from tests.testbed.layout import BUILD, ROOT
from tests.testbed.progress import say

FIGURES = BUILD / "bench.json"

#: Rows that need no fleet. Each measures all of its rows at once.
STUDIES = (shipping, certificates, rotation, growth, backups)


def main() -> int:
    """Start the fleet, measure, and write the figures; a goal that is missed is said, and no failure.

    What does not do its work costs its own figures: the others are written, and the exit status says so.
    """
    parser = argparse.ArgumentParser(prog="python3 -m tests.benchmark", description=main.__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often each side is run (%(default)s)")
    parser.add_argument("--keep", action="store_true", help="leave the fleet running")
    parser.add_argument("words", nargs="*", help="only the rows whose names have all of these words")
    arguments = parser.parse_args()
    rows = [row for row in ROWS if _meant(row.name, arguments.words)]
    studies = [study for study in STUDIES if any(_meant(name, arguments.words) for name in study.NAMES)]
    if not rows and not studies:
        parser.error("no row has a name like that")
    facts: dict[str, int] = {}
    figures: list[Figure] = []
    faults: list[str] = []
    try:
        if rows:
            with nullcontext(fleet.up(sides.BED)) if arguments.keep else fleet.started(sides.BED):
                facts = machine()
                figures += measure(rows, rounds=arguments.rounds, faults=faults)
                facts["checks"] = sides.checks_of_a_host()
    except BedError as exc:
        faults.append(str(exc))
    for study in studies:
        try:
            figures += study.figures()
        except BedError as exc:
            faults.append(str(exc))
    FIGURES.write_text(json.dumps([asdict(figure) for figure in figures], indent=2) + "\n", encoding="utf-8")
    if not arguments.words and not faults:
        (ROOT / "docs/benchmarks.md").write_text(page.render(figures, facts), encoding="utf-8")
    say("\n" + page.table(figures))
    for fault in faults:
        print(f"error: {fault}", file=sys.stderr)
    return 2 if faults else 0


def _meant(name: str, words: Sequence[str]) -> bool:
    return all(word in name for word in words)


if __name__ == "__main__":
    sys.exit(main())
