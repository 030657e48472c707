# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The command line: ``python -m tests.benchmark [--rounds N] [--keep] [words of a row's name ...]``."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import nullcontext
from dataclasses import asdict

from tests.bed import fleet
from tests.bed.errors import BedError
from tests.bed.layout import BUILD, ROOT
from tests.bed.progress import say
from tests.benchmark import page
from tests.benchmark.measure import machine, measure
from tests.benchmark.rows import ROWS

FIGURES = BUILD / "bench.json"


def main() -> int:
    """Start the fleet, measure, and write the figures; a goal that is missed is said, and no failure."""
    parser = argparse.ArgumentParser(prog="python3 -m tests.benchmark", description=main.__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often each side is run (%(default)s)")
    parser.add_argument("--keep", action="store_true", help="leave the fleet running")
    parser.add_argument("words", nargs="*", help="only the rows whose names have all of these words")
    arguments = parser.parse_args()
    rows = [row for row in ROWS if all(word in row.name for word in arguments.words)]
    if not rows:
        parser.error("no row has a name like that")
    try:
        with nullcontext(fleet.up()) if arguments.keep else fleet.started():
            facts = machine()
            figures = measure(rows, rounds=arguments.rounds)
    except BedError as exc:
        print(f"error: {exc}", file=sys.stderr)
        return 2
    FIGURES.write_text(json.dumps([asdict(figure) for figure in figures], indent=2) + "\n", encoding="utf-8")
    if len(rows) == len(ROWS):
        (ROOT / "docs/benchmarks.md").write_text(page.render(figures, facts), encoding="utf-8")
    say("\n" + page.table(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
