# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The runbook that the rows come from: which commands it has, and whether the rows are all of them.

The runbook belongs to the platform, not to this repository. Where it lies beside the checkout, the rows are compared
with it line by line. Everywhere else they are compared with what was recorded when that was last done: how many
commands each section has, and a digest of all of them in their order. So a lost row is noticed with and without it.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import yaml

from tests.support.procedures import ROOT
from tests.traceability.rows import Row

RUNBOOK = ROOT.parent / "shared/runbook.md"
RECORD = ROOT / "tests/traceability/compared.yml"

#: The chapter that explains the runbook has principles, no commands.
_PROSE = "Operational Overview"
#: Where the list of a section ends and the closing words begin.
_END = "- --"

Section = tuple[str, str]


def sections(text: str) -> dict[Section, list[str]]:
    """The lines of the commands of each section, by chapter and title; comments and blank lines are none."""
    found: dict[Section, list[str]] = defaultdict(list)
    chapter = section = ""
    code = False
    for line in text.splitlines():
        if line.startswith("```"):
            code = not code
        elif code:
            if line.strip() and not line.lstrip().startswith("#"):
                found[chapter, section].append(line.rstrip())
        elif line.strip() == _END:
            break
        elif heading := re.fullmatch(r"(##|###)\s+(.+)", line):
            chapter, section = (heading[2].strip(), "") if heading[1] == "##" else (chapter, heading[2].strip())
        elif line.startswith("- ") and chapter != _PROSE:
            found[chapter, section].append(line.removeprefix("- ").rstrip())
    return dict(found)


def differences(rows: Iterable[Row], text: str) -> list[str]:
    """Every line of a command that the runbook has and the rows do not, or the other way round."""
    ours: dict[Section, list[str]] = defaultdict(list)
    for row in rows:
        ours[row.chapter, row.section] += row.command.rstrip().splitlines()
    theirs = sections(text)
    return [fault for where in {**theirs, **ours} for fault in _section(where, theirs.get(where, []), ours[where])]


def _section(where: Section, theirs: list[str], ours: list[str]) -> Iterator[str]:
    if theirs == ours:
        return
    missing, extra = Counter(theirs) - Counter(ours), Counter(ours) - Counter(theirs)
    title = " / ".join(where)
    yield from (f"{title}: no row has {line!r}" for line in missing)
    yield from (f"{title}: a row has {line!r}, which the runbook has not" for line in extra)
    if not missing and not extra:
        yield f"{title}: the rows are in another order than the runbook's commands"


def summary(rows: Iterable[Row]) -> dict[str, Any]:
    """What is recorded of the rows: how many each section has, and a digest of all commands in their order."""
    rows = list(rows)
    counts: dict[str, dict[str, int]] = {}
    for row in rows:
        chapter = counts.setdefault(row.chapter, {})
        chapter[row.section] = chapter.get(row.section, 0) + 1
    commands = "\0".join(row.command.strip() for row in rows)
    return {"commands": counts, "digest": hashlib.sha256(commands.encode()).hexdigest()}


def recorded() -> dict[str, Any]:
    """What was recorded when the rows were last compared with the runbook."""
    found: dict[str, Any] = yaml.safe_load(RECORD.read_text(encoding="utf-8"))
    return found


def record(rows: Iterable[Row]) -> None:
    """Keep what the rows are like, after they were found to be those of the runbook."""
    head = (
        "---\n"
        "# The rows as they were when last compared with the runbook itself, which is not part of this repository.\n"
        "# Written by `python -m tests.traceability` where it lies beside the checkout.\n"
    )
    RECORD.write_text(head + yaml.safe_dump(summary(rows), sort_keys=False), encoding="utf-8")
