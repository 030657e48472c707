# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What we read where there is no Compose is what Compose says: generated projects, on a host that has it."""

from __future__ import annotations

import base64
import io
import json
import random
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._clients.docker import _read_name
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from tests.testbed import engine
from tests.testbed.layout import scenario_bed

HOST = scenario_bed().host("compose").name

SEED, PROJECTS = 20261130, 60

FOLDERS = ("shop", "Shop", "my shop", "shop.eu", "_shop", "-shop-", "shop_2", "SHOP-Ü", "0shop")
FILES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
NAMES = ("", "name: web\n", "name: 'web-2'\n", 'name: "web_3"  # quoted\n', "# name: no\n", "x-a:\n  name: no\n")
SERVICES = "services:\n  one:\n    image: none\n"
ENVIRONMENTS = ("", "", "COMPOSE_PROJECT_NAME=env\n", "COMPOSE_PROJECT_NAME='env2'\n", "OTHER=1\n",
                "export COMPOSE_PROJECT_NAME=env3 # why\n", "COMPOSE_FILE=other.yml\n")  # fmt: skip

ASK = """
import json, pathlib, subprocess, sys
names = {}
for folder in json.load(sys.stdin):
    words = ["docker", "compose", "--project-directory", folder, "config", "--format", "json"]
    done = subprocess.run(words, capture_output=True, text=True)
    names[folder] = json.loads(done.stdout)["name"] if done.returncode == 0 else None
print(json.dumps(names))
"""


def projects(root: Path) -> Iterator[Path]:
    """Folders of projects, each named in another way; some are reached by a link."""
    chance = random.Random(SEED)  # noqa: S311 - the same projects in every run
    for number in range(PROJECTS):
        folder = root / f"{number:02}" / chance.choice(FOLDERS)
        folder.mkdir(parents=True)
        mark = chance.choice(("", "", "\ufeff"))
        (folder / chance.choice(FILES)).write_text(mark + chance.choice(NAMES) + SERVICES, encoding="utf-8")
        (folder / "other.yml").write_text(chance.choice(NAMES) + SERVICES, encoding="utf-8")
        if chance.random() < 0.3:
            override = chance.choice(("compose.override.yaml", "compose.override.yml", "docker-compose.override.yml"))
            (folder / override).write_text(chance.choice(NAMES) + SERVICES, encoding="utf-8")
        if environment := chance.choice(ENVIRONMENTS):
            (folder / ".env").write_text(environment, encoding="utf-8")
        if chance.random() < 0.3:
            link = folder.parent / "linked"
            link.symlink_to(folder.name)
            folder = link
        yield folder


def read(folder: Path) -> str | None:
    """What we read; nothing where it is refused."""
    try:
        return _read_name(folder, ())
    except RunbookError:
        return None


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str | None, str | None]]:
    """By folder, what Compose says and what we read."""
    root = tmp_path_factory.mktemp("projects")
    folders = [str(folder) for folder in projects(root)]
    docker = engine.ensure()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.add(root, arcname=".")
    unpack = f"mkdir -p {root} && base64 -d | tar -x -C {root}"
    docker.run("exec", "-i", HOST, "sh", "-c", unpack, data=base64.b64encode(packed.getvalue()).decode())
    try:
        output = docker.run("exec", "-i", HOST, "python3", "-c", ASK, data=json.dumps(folders)).stdout
    finally:
        docker.run("exec", HOST, "rm", "-rf", str(root))
    return {folder: (name, read(Path(folder))) for folder, name in json.loads(output).items()}


def test_names_are_those_of_compose(compared: dict[str, tuple[str | None, str | None]]) -> None:
    print(f"seed {SEED}")
    assert sum(name is not None for name, _read in compared.values()) > PROJECTS / 2
    differing = {folder: both for folder, both in compared.items() if both[0] != both[1]}
    # What Compose refuses we may read or refuse: there is no project to find.
    assert {folder: both for folder, both in differing.items() if both[0] is not None} == {}
