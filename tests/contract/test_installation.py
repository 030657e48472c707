# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The collection as its users get it: built, installed, and run by its name with no checkout in sight."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from tests.contract.repository import PLAYBOOKS, ansible
from tests.support.lab import Lab


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive that would be published."""
    folder = tmp_path_factory.mktemp("archive")
    built = ansible("ansible-galaxy", "collection", "build", "--output-path", str(folder))
    assert built.returncode == 0, built.stderr
    (path,) = folder.glob("xorb-runbook-*.tar.gz")
    return path


@pytest.fixture(scope="module")
def installed(archive: Path) -> Path:
    """A folder of collections with ours installed from the archive."""
    folder = archive.parent / "collections"
    done = ansible("ansible-galaxy", "collection", "install", "--force", "-p", str(folder), str(archive))
    assert done.returncode == 0, done.stderr
    return folder


def test_archive_holds_what_is_needed_and_no_more(archive: Path) -> None:
    with tarfile.open(archive) as files:
        names = {name.split("/")[0] for name in files.getnames()}
        size = sum(member.size for member in files.getmembers())
    assert {"playbooks", "plugins", "roles", "inventories", "docs", "meta", "README.md", "LICENSE"} <= names
    assert not {"tests", "molecule", "build", ".venv", ".git", ".ansible"} & names
    assert size < 5_000_000


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_installed_playbook_is_found_by_its_name(playbook: str, installed: Path) -> None:
    assert (installed / f"ansible_collections/xorb/runbook/playbooks/{playbook}.yml").exists()


def test_installed_collection_does_its_work(installed: Path, tmp_path: Path) -> None:
    lab = Lab(tmp_path, hosts={"one": {}})
    disk = {"kind": "disk", "path": "/", "warning": 100, "critical": 100}
    lab.variables["platform_services"] = {"host": {"hosts": "one", "checks": {"root": disk}}}
    (tmp_path / "ansible.cfg").write_text("")
    apart = {"ANSIBLE_COLLECTIONS_PATH": str(installed), "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg")}
    for playbook in ("platform_check", "daily", "ledger_verify"):
        ran = lab.play(playbook, "-vvv", **apart)
        assert ran.status == 0, ran.output
        assert str(installed) in ran.output
    assert "host.root.space" in {check["id"] for check in lab.play("daily", **apart).report["checks"]}
