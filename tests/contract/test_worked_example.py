# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The worked example of docs/architecture.md works: copied out of the page into a copy of the collection, it is run."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, OK, WARNING
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import with_defaults
from ansible_collections.xorb.runbook.plugins.module_utils._inspect import kinds
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.registry import KINDS

from tests.support.procedures import BIN, ROOT, Ran, copy_of_the_collection, environment, play

PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
(SECTION,) = re.findall(r"^## How to add a kind: a worked example\n(.*?)(?=^## )", PAGE, re.DOTALL | re.MULTILINE)
CODE, LINE = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)
(NAME,) = re.findall(r'^    name="(\w+)",$', CODE, re.MULTILINE)
POINT = {"service": "host", "point": "handles", "owner": "me"}


@pytest.fixture(scope="module")
def collections(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the collection to which somebody added the kind as the page tells."""
    folder = tmp_path_factory.mktemp("collections")
    copy = copy_of_the_collection(folder)
    inspection = copy / "plugins/module_utils/_inspect"
    (inspection / f"kinds/{NAME}.py").write_text(CODE)
    opening, name = (line for line in LINE.splitlines() if line.strip() not in ("...", ")"))
    registry = (inspection / "registry.py").read_text()
    assert registry.count(f"{opening}\n") == 1, "the page shows a registry that does not look like that"
    (inspection / "registry.py").write_text(registry.replace(f"{opening}\n", f"{opening}\n{name}\n"))
    return folder


@pytest.fixture(scope="module")
def example(collections: Path) -> ModuleType:
    """The kind itself."""
    path = collections / f"ansible_collections/xorb/runbook/plugins/module_utils/_inspect/kinds/{NAME}.py"
    # Under its own name, so that what it imports from the rooms beside it is found.
    spec = importlib.util.spec_from_file_location(f"{kinds.__name__}.{NAME}", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(collections: Path, playbook: str, **options: Any) -> Ran:
    """Run a playbook of the copy on a platform that has nothing but this kind."""
    folder = collections / playbook
    folder.mkdir(exist_ok=True)
    me = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    services = {"host": {"hosts": "me", "checks": {"handles": {"kind": NAME, **options}}}}
    variables = {"platform_name": "page", "platform_state_dir": str(folder), "platform_services": services}
    inventory = folder / "inventory.yml"
    inventory.write_text(yaml.safe_dump({"all": {"hosts": {"me": me}, "vars": variables}}))
    return play(inventory, playbook, reports=folder / "reports", ANSIBLE_COLLECTIONS_PATH=str(collections))


def test_example_is_not_shipped() -> None:
    assert NAME not in KINDS


def test_example_is_one_file_and_one_line() -> None:
    assert LINE.split("(\n", 1)[1].split() == ["...", f"{NAME},", "...", ")"]


def test_example_keeps_the_style_of_the_project(collections: Path) -> None:
    path = collections / f"{NAME}.py"
    path.write_text(CODE)
    for command in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [str(BIN / "ruff"), *command, "--config", str(ROOT / "pyproject.toml"), str(path)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_example_finds_faults_of_its_options(example: ModuleType) -> None:
    kind = example.KIND
    assert list(kind.problems({"warning": 70})) == []
    assert [key for key, _message in kind.problems({"warning": "much", "critcal": 1})] == ["critcal", "warning"]


@pytest.mark.parametrize(("text", "status"), [("600 100 1000", OK), ("850 0 1000", WARNING), ("950 0 1000", CRITICAL)])
def test_example_judges(example: ModuleType, text: str, status: str) -> None:
    given = with_defaults(example.KIND.probe_options, POINT)
    assert example.judge(text, given).status == status


def test_example_is_taken_by_the_module(collections: Path) -> None:
    program = "from ansible_collections.xorb.runbook.plugins.modules.probe import main; main()"
    arguments = {"ANSIBLE_MODULE_ARGS": {NAME: [POINT], "_ansible_remote_tmp": str(collections)}}
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps(arguments)],
        env={**os.environ, "PYTHONPATH": str(collections)},
        capture_output=True,
        text=True,
        check=False,
    )
    ((check,),) = (json.loads(done.stdout)["checks"],)
    assert (check["id"], check["topic"], check["status"]) == ("host.handles.used", "capacity", OK)


def test_example_is_documented(collections: Path) -> None:
    done = subprocess.run(
        [str(BIN / "ansible-doc"), "--json", "xorb.runbook.probe"],
        env=environment(ANSIBLE_COLLECTIONS_PATH=str(collections)),
        capture_output=True,
        text=True,
        check=False,
    )
    options = json.loads(done.stdout)["xorb.runbook.probe"]["doc"]["options"]
    assert options[NAME]["suboptions"]["warning"]["default"] == 80


def test_example_is_validated_in_the_description(collections: Path) -> None:
    assert run(collections, "platform_check").status == 0
    refused = run(collections, "platform_check", warnin=70)
    assert refused.status != 0
    assert "checks.handles.warnin: unknown key; did you mean 'warning'?" in refused.output


def test_example_is_looked_at_expected_and_reported(collections: Path) -> None:
    ran = run(collections, "daily")
    assert ran.status == 0, ran.output
    assert ran.statuses == {"me/host.handles.used": OK}
    assert ran.report["expected"] == ran.report["received"] == 1
