# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The house as docs/architecture.md draws it: arrows between rooms run one way, and a module ships what it needs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.contract import imports
from tests.contract.repository import ACTIONS, MODULES, PLAYBOOKS, ROLES
from tests.support.procedures import ROOT, environment

PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")

#: What each room may import beside itself.
HOST = {
    "module_utils/_core": set[str](),
    "module_utils/_clients": {"module_utils/_core"},
}
HOST["module_utils/_access"] = HOST["module_utils/_certificates"] = {"module_utils/_clients", "module_utils/_core"}
HOST["module_utils/_backup"] = HOST["module_utils/_access"]
HOST["module_utils/_inspect"] = {
    *HOST["module_utils/_access"],
    "module_utils/_access",
    "module_utils/_certificates",
    "module_utils/_backup",
}
HOST["module_utils/_act"] = {*HOST["module_utils/_inspect"], "module_utils/_inspect"}
#: What runs on the control node may import what looks at hosts, but not what changes them.
LOOKING = set(HOST) - {"module_utils/_act"}
CONTROL = {
    "plugin_utils/_core": LOOKING,
    "plugin_utils/_platform": {*LOOKING, "plugin_utils/_core"},
}
CONTROL["plugin_utils/_prove"] = CONTROL["plugin_utils/_pki"] = {
    *CONTROL["plugin_utils/_platform"],
    "plugin_utils/_platform",
}
CONTROL["plugin_utils/_act"] = {*CONTROL["plugin_utils/_prove"], "plugin_utils/_prove", "plugin_utils/_pki"}
ALLOWED = {
    **HOST,
    **CONTROL,
    "modules": set(HOST),
    # The options that an action hands to its module are declared beside what the module does with them.
    "action": {*CONTROL, *HOST},
    "doc_fragments": {*CONTROL, *HOST},
}

#: How much more than what it needs a module may ship.
SURPLUS = 1.10

SHIPPED = """
import datetime, io, json, pathlib, sys, zipfile
from ansible.plugins.loader import init_plugin_loader
init_plugin_loader([str(pathlib.Path(".ansible/collections").absolute())])
from ansible._internal._ansiballz import _builder
from ansible.executor import module_common
shipped = {}
for name in sys.argv[1:]:
    archive = zipfile.ZipFile(io.BytesIO(), "w")
    module_common.recursive_finder(
        name,
        f"ansible_collections.xorb.runbook.plugins.modules.{name}",
        pathlib.Path(f"plugins/modules/{name}.py").read_bytes(),
        archive,
        datetime.datetime.now(),
        _builder.ExtensionManager(),
    )
    ours = (entry for entry in archive.infolist() if "/xorb/runbook/plugins/" in entry.filename)
    shipped[name] = {entry.filename.split("/plugins/")[1]: entry.file_size for entry in ours}
print(json.dumps(shipped))
"""

#: Modules that run on hosts; the others are the documentation of actions.
ON_HOSTS = sorted(set(MODULES) - set(ACTIONS))


def room(file: str) -> str:
    """The room that a file stands in: a folder of utilities, or the folder of a kind of plugin."""
    parts = Path(file).parts
    return "/".join(parts[: 2 if parts[0] in ("module_utils", "plugin_utils") else 1])


@cache
def shipped() -> dict[str, dict[str, int]]:
    """The files of ours that Ansible itself packs for a host, with their bytes, by module."""
    done = subprocess.run(
        [sys.executable, "-c", SHIPPED, *ON_HOSTS],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, dict[str, int]] = json.loads(done.stdout)
    return found


def test_arrows_between_rooms_run_one_way() -> None:
    arrows = {(room(one.source), room(one.target)): one for file in imports.files() for one in imports.imports(file)}
    assert arrows
    wrong = {arrow: one for arrow, one in arrows.items() if len({*arrow}) == 2 and arrow[1] not in ALLOWED[arrow[0]]}
    assert wrong == {}


def test_no_files_import_one_another_in_a_circle() -> None:
    assert imports.circles() == []


def test_inside_a_tree_imports_are_relative() -> None:
    for file in imports.files():
        tree = file.split("/", 1)[0]
        if tree in ("module_utils", "plugin_utils"):
            assert f"{imports.PREFIX}{tree}" not in (imports.PLUGINS / file).read_text(encoding="utf-8"), file


def test_packages_have_an_empty_init() -> None:
    found = list(imports.PLUGINS.rglob("__init__.py"))
    folders = {path.parent for path in found}
    assert folders and all(path.read_bytes() == b"" for path in found)
    for file in imports.files():
        if room(file) in {*HOST, *CONTROL}:
            assert (imports.PLUGINS / file).parent in folders, file


@pytest.mark.parametrize("module", ON_HOSTS)
def test_module_ships_what_it_needs_and_no_more(module: str) -> None:
    entry = f"modules/{module}.py"
    needed = sum(imports.size(file) for file in imports.needed(entry) if file != entry)
    assert needed
    packed = sum(shipped()[module].values())
    assert packed <= SURPLUS * needed, sorted(set(shipped()[module]) - imports.needed(entry))


def test_need_is_counted_by_definitions() -> None:
    """The measure above is one: a module that looks at Redis needs nothing of PostgreSQL."""
    needed = imports.needed("modules/redis_info.py")
    assert "module_utils/_clients/redis.py" in needed
    assert not any("postgres" in file or "_act" in file for file in needed)


@pytest.mark.parametrize("name", [*ACTIONS, *ROLES, *PLAYBOOKS])
def test_page_names_every_entry(name: str) -> None:
    assert f"`{name}`" in PAGE


def test_page_names_every_folder() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    files = [Path(file) for file in listed]
    top = {f"{file.parts[0]}/" for file in files if len(file.parts) > 1}
    # Below these, a folder is a room; below the others, folders are Ansible's or Molecule's.
    roomy = ("plugins/", "tests/")
    rooms = {f"{part}/" for file in files for part in map(str, file.parents) if part.startswith(roomy)}
    rooms = {name for name in rooms if not re.match(r"tests/unit/.", name)}
    missing = [name for name in sorted(top | rooms) if f"`{name}`" not in PAGE]
    assert missing == []
