# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The importer is compared with Python's own, each in a process: it finds the same, and compiles half as much."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.contract.repository import ACTIONS, MODULES
from tests.support.procedures import ROOT

CORE = ROOT / "plugins/module_utils/_core"

#: Imports everything from the archive, and prints what came of it and how often each file was compiled.
PROGRAM = """
import collections, importlib, json, pkgutil, sys
archive, own, core = sys.argv[1:]
compiled = collections.Counter()
sys.addaudithook(lambda event, given: compiled.update([str(given[1])]) if event == "compile" else None)
sys.path.insert(0, archive)
import before
if own == "own":
    sys.path.insert(0, core)
    import zip_imports
    zip_imports.compile_once()
    zip_imports.compile_once()
found = {}
for name in ("package", "package.inner", "package.deeper.leaf", "before.after", "space.leaf", "alone"):
    module = importlib.import_module(name)
    spec = module.__spec__
    found[name] = [module.__file__, list(getattr(module, "__path__", [])), module.__package__, spec.origin,
                   spec.has_location, module.WORD, spec.loader.get_source(name)]
failures = {}
for name in ("missing", "package.missing", "package.broken", "package.raising", "space.missing"):
    try:
        importlib.import_module(name)
    except Exception as exc:
        failures[name] = f"{type(exc).__name__}: {exc}"
data = pkgutil.get_data("package", "data.txt").decode()
often = {path: number for path, number in compiled.items() if path.startswith(archive)}
print(json.dumps({"found": found, "failures": failures, "data": data, "compiled": often}))
"""

FILES = {
    "before/__init__.py": "",
    "before/after.py": "WORD = 'after'",
    "package/__init__.py": "from .inner import WORD",
    "package/inner.py": "WORD = 'inner'",
    "package/deeper/__init__.py": "",
    "package/deeper/leaf.py": "from ..inner import WORD",
    "package/broken.py": "def",
    "package/raising.py": "raise RuntimeError('on purpose')",
    "package/data.txt": "data",
    "space/": "",
    "space/leaf.py": "WORD = 'in a package without a file of its own'",
    "alone.py": "WORD = 'alone'",
}


def imported(archive: Path, whose: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(archive), whose, str(CORE)], capture_output=True, text=True, check=True
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "payload.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in FILES.items():
            file.writestr(name, text)
    return path


def test_finds_what_python_finds(archive: Path) -> None:
    own, python = imported(archive, "own"), imported(archive, "python")
    assert own["found"].keys() == python["found"].keys() and len(own["failures"]) == 5
    for key in ("found", "failures", "data"):
        assert own[key] == python[key]


def test_compiles_each_file_once(archive: Path) -> None:
    compiled = imported(archive, "own")["compiled"]
    after = {path: number for path, number in compiled.items() if "/before/__init__" not in path}
    assert len(after) == len([name for name in FILES if name.endswith(".py")]) - 1
    assert set(after.values()) == {1}


@pytest.mark.parametrize("module", sorted(set(MODULES) - set(ACTIONS)))
def test_every_module_begins_with_it(module: str) -> None:
    text = (ROOT / f"plugins/modules/{module}.py").read_text(encoding="utf-8")
    first = text.index("_core import zip_imports\n\nzip_imports.compile_once()\n")
    assert first < text.index("from ansible_collections.", first)
    assert text.count("from ansible_collections.", 0, first) == 1
