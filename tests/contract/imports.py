# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who imports whom among the plugins, read from the imports themselves; and which definitions a plugin reaches."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.support.procedures import ROOT

PLUGINS = ROOT / "plugins"
PREFIX = "ansible_collections.xorb.runbook.plugins."

#: A name that stands for every definition of its file.
EVERYTHING = "*"


@dataclass(frozen=True)
class Import:
    """One name that a file takes from another: a definition, or the whole file (``EVERYTHING``), bound as ``bound``."""

    source: str
    target: str
    name: str
    bound: str


@cache
def files() -> tuple[str, ...]:
    """Every Python file of the plugins but for ``__init__``, by its path from there."""
    paths = (path for path in PLUGINS.rglob("*.py") if path.name != "__init__.py")
    return tuple(sorted(str(path.relative_to(PLUGINS)) for path in paths))


def size(file: str) -> int:
    """Bytes of a file."""
    return (PLUGINS / file).stat().st_size


@cache
def tree(file: str) -> ast.Module:
    """A file as Python reads it."""
    return ast.parse((PLUGINS / file).read_text(encoding="utf-8"))


def imports(file: str) -> Iterator[Import]:
    """Every import of one of our files, wherever in the file it stands."""
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.ImportFrom):
            yield from _imports_of(file, node)


def _imports_of(file: str, node: ast.ImportFrom) -> Iterator[Import]:
    module = _absolute(file, node)
    if module is None:
        return
    for alias in node.names:
        bound = alias.asname or alias.name
        whole, part = _file_of(f"{module}.{alias.name}"), _file_of(module)
        if whole:
            yield Import(file, whole, EVERYTHING, bound)
        elif part:
            yield Import(file, part, alias.name, bound)
        else:
            raise LookupError(f"{file} imports {alias.name} from {module}, which is no file of the collection")


def _absolute(file: str, node: ast.ImportFrom) -> str | None:
    """The module that an import names, from the folder of the plugins on; None for foreign ones."""
    if node.level:
        folder = Path(file).parts[: -node.level]
        return ".".join((*folder, node.module) if node.module else folder)
    return node.module.removeprefix(PREFIX) if node.module and node.module.startswith(PREFIX) else None


def _file_of(module: str) -> str:
    path = module.replace(".", "/") + ".py"
    return path if path in files() else ""


def circles() -> list[list[str]]:
    """Files that import one another in a loop: each as the way from a file back to itself."""
    found, done = [], set[str]()

    def visit(file: str, way: tuple[str, ...]) -> None:
        if file in way:
            found.append([*way[way.index(file) :], file])
        elif file not in done:
            for target in sorted({one.target for one in imports(file)}):
                visit(target, (*way, file))
            done.add(file)

    for file in files():
        visit(file, ())
    return found


def needed(entry: str) -> frozenset[str]:
    """The files of which ``entry`` reaches a definition: by name, from what it uses itself to what that uses."""
    reached = set[tuple[str, str]]()
    pending = [(entry, EVERYTHING)]
    while pending:
        file, name = pending.pop()
        if (file, name) not in reached:
            reached.add((file, name))
            pending += _used(file, name)
    return frozenset(file for file, _name in reached)


def _used(file: str, name: str) -> Iterator[tuple[str, str]]:
    """What one definition of a file, or all of them, names: definitions of the same file, and those it imports."""
    imported: dict[str, list[Import]] = {}
    for one in imports(file):
        imported.setdefault(one.bound, []).append(one)
    own = _definitions(file)
    nodes = [node for nodes in own.values() for node in nodes] if name == EVERYTHING else own.get(name, [])
    for node in nodes:
        for part in ast.walk(node):
            if isinstance(part, ast.ImportFrom):
                yield from ((one.target, one.name) for one in _imports_of(file, part))
            if isinstance(part, ast.Name):
                yield from ((one.target, one.name) for one in imported.get(part.id, ()))
                yield from [(file, part.id)] if part.id in own else []
            if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name):
                yield from (
                    (one.target, part.attr) for one in imported.get(part.value.id, ()) if one.name == EVERYTHING
                )


@cache
def _definitions(file: str) -> dict[str, list[ast.stmt]]:
    """The statements of a file by the name that each binds; what binds none belongs to all of it."""
    found: dict[str, list[ast.stmt]] = {}
    for node in tree(file).body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            continue
        for name in _bound(node) or [EVERYTHING]:
            found.setdefault(name, []).append(node)
    return found


def _bound(node: ast.stmt) -> list[str]:
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)]
