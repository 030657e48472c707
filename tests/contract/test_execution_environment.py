# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The execution environment: its definition is valid, and the requirements of the collection are found."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.contract.repository import ansible, load
from tests.support.procedures import BIN, ROOT, environment


def builder(*argv: str, cwd: Path) -> str:
    """Run ansible-builder and return what it printed; fail where it fails."""
    done = subprocess.run(
        [str(BIN / "ansible-builder"), *argv],
        cwd=cwd, env=environment(), capture_output=True, text=True, timeout=1200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the definition wants it: itself, and the collection as it would be published."""
    folder = tmp_path_factory.mktemp("environment")
    shutil.copy(ROOT / "execution-environment.yml", folder)
    place = folder / "build/environment"
    built = ansible("ansible-galaxy", "collection", "build", "--output-path", str(place))
    assert built.returncode == 0, built.stderr
    (archive,) = place.glob("xorb-runbook-*.tar.gz")
    shutil.unpack_archive(archive, place / "collection")
    return folder


def test_definition_is_accepted_and_brings_the_collection(project: Path) -> None:
    builder("create", "--context", "context", "--output-filename", "Containerfile", cwd=project)
    text = (project / "context/Containerfile").read_text()
    assert 'ARG EE_BASE_IMAGE="debian:trixie-slim"' in text
    assert (project / "context/_build/collection/MANIFEST.json").exists()
    assert load(project / "context/_build/requirements.yml") == {"collections": [{"name": "collection", "type": "dir"}]}


def test_base_image_goes_by_a_plain_name() -> None:
    name = load(ROOT / "execution-environment.yml")["images"]["base_image"]["name"]
    assert "/" not in name


def test_requirements_of_the_collection_are_found(project: Path) -> None:
    place = project / "collections/ansible_collections/xorb/runbook"
    shutil.copytree(project / "build/environment/collection", place)
    found = yaml.safe_load(builder("introspect", str(project / "collections"), cwd=project).split("---", 1)[1])
    assert [line for line in found["python"] if line.startswith("psycopg2-binary>=2.9.5")]
    assert [line for line in found["system"] if line.startswith("openssh-client ")]
