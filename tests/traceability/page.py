# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The page docs/coverage.md, made from the rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from tests.support.procedures import ROOT
from tests.traceability.rows import PLACES, Row, peers

PAGE = ROOT / "docs/coverage.md"
NOT_YET = "not yet"

_HEAD = """\
<!-- Made by `python -m tests.traceability` from tests/traceability/runbook.yml: change that, not this. -->
# What covers the runbook

Every command of the platform's operational runbook, in its order, with the playbook, role and module that do its work,
and the tests that prove it. A test fails when a row points at something that does not exist, when a command has no row,
or when this page is older than the rows. `{not_yet}` means just that.

**{covered} of {total} commands are covered.**

| Chapter | Covered | Commands |
|---|---|---|
{chapters}
"""

_PEERS = """\
## Where a real peer cannot be had

PostgreSQL, Redis, nginx, Prometheus, systemd, Docker and Compose are real in the tests, and broken for real. What
cannot be had is stood in for, and its rows carry its name above:

{peers}
"""


def render(rows: Iterable[Row]) -> str:
    """The whole page."""
    rows = list(rows)
    chapters = {chapter: list(found) for chapter, found in groupby(rows, lambda row: row.chapter)}
    head = _HEAD.format(
        not_yet=NOT_YET,
        covered=sum(row.covered for row in rows),
        total=len(rows),
        chapters="\n".join(
            f"| [{name}](#{_anchor(name)}) | {sum(row.covered for row in found)} | {len(found)} |"
            for name, found in chapters.items()
        ),
    )
    parts = [head, *(_chapter(name, found) for name, found in chapters.items())]
    used = {row.peer for row in rows if row.peer}
    listed = "\n".join(f"* **{name.replace('_', ' ')}**: {text}" for name, text in peers().items() if name in used)
    return "\n".join([*parts, _PEERS.format(peers=listed)])


def _chapter(name: str, rows: Iterable[Row]) -> str:
    sections = (_section(title, found) for title, found in groupby(rows, lambda row: row.section))
    return f"## {name}\n\n" + "\n".join(sections)


def _section(title: str, rows: Iterable[Row]) -> str:
    head = f"### {title}\n\n| Command | Playbook | Role | Module | Proved by |\n|---|---|---|---|---|\n"
    return head + "".join(f"{_line(row)}\n" for row in rows)


def _line(row: Row) -> str:
    cells = [_command(row.command), *_covering(row)]
    return f"| {' | '.join(cells)} |"


def _covering(row: Row) -> Iterator[str]:
    if not row.covered:
        yield from (NOT_YET, "", "", "")
        return
    for kind, place in PLACES.items():
        name = getattr(row, kind)
        yield f"[{name}](../{place.format(name)})" if name else ""
    tests = [_test(test) for test in row.tests]
    if row.peer:
        tests.append(f"(stand-in: {row.peer.replace('_', ' ')})")
    yield "<br>".join(tests)


def _test(test: str) -> str:
    path, _colons, function = test.partition("::")
    return f"[{function}](../{path})"


def _command(command: str) -> str:
    """A command as code in a table: a line each, with the bars that would end the cell escaped."""
    return "<br>".join(f"`{line.strip()}`".replace("|", "\\|") for line in command.strip().splitlines())


def _anchor(heading: str) -> str:
    return heading.lower().replace(" ", "-")
