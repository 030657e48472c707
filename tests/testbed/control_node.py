# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Packs what makes a control node of a host that cannot reach a package index: ansible-core and this collection.

What is taken is what runs without compiled parts, so that the Python of the host need not be the one of the tests.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from pathlib import Path

from tests.testbed.layout import ROOT, VENV

#: What each distribution is called, and what is imported of it.
PACKAGES = {
    "ansible_core": "ansible",
    "jinja2": "jinja2",
    "markupsafe": "markupsafe",
    "packaging": "packaging",
    "resolvelib": "resolvelib",
    "pyyaml": "yaml",
}

LAUNCHER = """#!/usr/bin/python3
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from ansible.cli.playbook import main

sys.exit(main())
"""


def pack(target: Path) -> None:
    """Write the archive: ``bin/ansible-playbook``, ``lib`` and ``collections``."""
    (site,) = VENV.glob("lib/python3*/site-packages")
    files = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "galaxy.yml", "meta", "playbooks", "plugins", "roles"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    target.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(target, "w:gz", compresslevel=1) as archive:
        for distribution, package in PACKAGES.items():
            archive.add(site / package, f"lib/{package}", filter=_without_byte_code)
            (found,) = site.glob(f"{distribution}-*.dist-info")
            archive.add(found, f"lib/{found.name}")
        for name in files:
            archive.add(ROOT / name, f"collections/ansible_collections/xorb/runbook/{name}")
        launcher = tarfile.TarInfo("bin/ansible-playbook")
        launcher.mode, launcher.size = 0o755, len(LAUNCHER)
        archive.addfile(launcher, io.BytesIO(LAUNCHER.encode()))


def _without_byte_code(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if member.name.endswith("__pycache__") else member


if __name__ == "__main__":
    pack(Path(sys.argv[1]))
