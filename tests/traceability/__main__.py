# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write docs/coverage.md anew: ``python -m tests.traceability``. With ``--check``, only say whether it is stale."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from tests.traceability import page, rows, runbook


def main(words: Sequence[str]) -> int:
    """Compare the rows with the runbook where it is beside the checkout, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if something is stale")
    arguments = parser.parse_args(words)
    found = rows.read()
    faults = [fault for row in found for fault in rows.faults(row)]
    if runbook.RUNBOOK.exists():
        faults += runbook.differences(found, runbook.RUNBOOK.read_text(encoding="utf-8"))
    for fault in faults:
        print(fault, file=sys.stderr)
    if faults:
        return 1
    if runbook.RUNBOOK.exists() and not arguments.check:
        runbook.record(found)
    stale = page.PAGE.read_text(encoding="utf-8") != page.render(found) if page.PAGE.exists() else True
    if not arguments.check:
        page.PAGE.write_text(page.render(found), encoding="utf-8")
    covered = sum(row.covered for row in found)
    print(
        f"{covered} of {len(found)} commands are covered; {page.PAGE.name} {'was stale' if stale else 'is up to date'}"
    )
    return int(stale and arguments.check)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
