# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rows of runbook.yml, and what is wrong with one."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.support.procedures import ROOT

ROWS = ROOT / "tests/traceability/runbook.yml"
#: Peers that cannot be had, by the name that rows have as ``peer``, each with what takes their place.
PEERS = ROOT / "tests/traceability/peers.yml"

#: Where each of them lives; a row names it without folder and ending.
PLACES = {
    "playbook": "playbooks/{}.yml",
    "role": "roles/{}/README.md",
    "module": "plugins/modules/{}.py",
}


@dataclass(frozen=True)
class Row:
    """One command of the runbook and what covers it.

    ``tests`` are ``path::function``. ``peer`` names what the command talks to where that cannot be had for a test.
    """

    id: str
    chapter: str
    section: str
    command: str
    playbook: str | None
    role: str | None
    module: str | None
    tests: tuple[str, ...]
    peer: str | None = None

    @property
    def covered(self) -> bool:
        """Whether something does it, and something proves that."""
        return bool(self.playbook and self.tests)

    @classmethod
    def from_yaml(cls, given: dict[str, Any]) -> Row:
        """Read a row as it stands in the file; ``test`` is one or a list.

        Raises `TypeError` for a key that a row does not have, or one that is missing.
        """
        written = dict(given)
        test = written.pop("test")
        known = {field.name for field in fields(cls)} - {"tests"}
        if unknown := set(written) - known:
            raise TypeError(f"{given.get('id')}: unknown {', '.join(sorted(unknown))}")
        return cls(**written, tests=tuple([test] if isinstance(test, str) else test or ()))


def read(path: Path = ROWS) -> list[Row]:
    """Every row, in the order of the runbook."""
    return [Row.from_yaml(row) for row in yaml.safe_load(path.read_text(encoding="utf-8"))]


def peers() -> dict[str, str]:
    """What stands in for each peer that cannot be had."""
    found: dict[str, str] = yaml.safe_load(PEERS.read_text(encoding="utf-8"))
    return found


def faults(row: Row) -> Iterator[str]:
    """Everything that a row points at and that does not exist, and what it leaves out although something covers it."""
    if not row.command.strip():
        yield f"{row.id}: no command"
    for kind, place in PLACES.items():
        name = getattr(row, kind)
        if name is not None and not (ROOT / place.format(name)).is_file():
            yield f"{row.id}: there is no {kind} {name!r}"
    for test in row.tests:
        yield from (f"{row.id}: {fault}" for fault in _test_faults(test))
    if row.peer is not None and row.peer not in peers():
        yield f"{row.id}: {PEERS.name} has no peer {row.peer!r}"
    if bool(row.playbook) != bool(row.tests):
        yield f"{row.id}: a playbook without a test is a promise, and a test without a playbook proves something else"


def _test_faults(test: str) -> Iterator[str]:
    path, _colons, function = test.partition("::")
    if not function:
        yield f"{test}: a whole file proves nothing in particular; name a test of it as path::function"
    elif not path.startswith(("tests/", "molecule/")) or not (ROOT / path).is_file():
        yield f"{test}: there is no such file"
    elif function not in _functions(ROOT / path):
        yield f"{test}: the file has no such test"


@cache
def _functions(path: Path) -> frozenset[str]:
    """The tests that a file has, read without running it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(
        node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )
