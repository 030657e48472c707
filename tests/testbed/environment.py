# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The virtual environment with the pinned packages, and the variables with which its programs run."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

from tests.testbed import prerequisites
from tests.testbed.commands import run
from tests.testbed.errors import BedError
from tests.testbed.layout import ROOT, VENV
from tests.testbed.progress import step

_REQUIREMENTS = ROOT / "tests" / "requirements.txt"
#: Never imported here: a fault puts them on a host.
_OLD_DRIVERS = ROOT / "tests" / "faults" / "old_drivers.txt"
OLD_DRIVERS = VENV / "old-drivers"
_COLLECTIONS = ROOT / ".ansible" / "collections"


def ensure() -> None:
    """Make the environment unless it was made from these very requirements."""
    prerequisites.ensure()
    link_collection()
    texts = [path.read_text(encoding="utf-8") for path in (_REQUIREMENTS, _OLD_DRIVERS)]
    stamp, wanted = VENV / ".stamp", fingerprint("".join(texts))
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return
    if VENV.is_symlink():
        raise BedError(f"{VENV} is a link to an environment of somebody else, which would be emptied; remove the link")
    with step("Making the Python environment in .venv (once)"):
        run([_system_python(), "-m", "venv", "--clear", str(VENV)])
        # Byte code is written when a module is first used: most of the packages' modules never are.
        pip = [str(VENV / "bin" / "pip"), "install", "--quiet", "--no-input", "--no-compile"]
        run([*pip, "--requirement", str(_REQUIREMENTS)])
        run([*pip, "--no-deps", "--target", str(OLD_DRIVERS), "--requirement", str(_OLD_DRIVERS)])
    stamp.write_text(wanted, encoding="utf-8")


def fingerprint(requirements: str) -> str:
    """What the environment depends on: the pins, the interpreter, and the place, since venvs cannot be moved."""
    parts = (requirements, sys.version, str(VENV))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def link_collection(collections: Path = _COLLECTIONS) -> None:
    """Let Ansible find the checkout as a collection, whatever its directory is called."""
    link = collections / "ansible_collections" / "xorb" / "runbook"
    if link.resolve() != ROOT:
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(os.path.relpath(ROOT, link.parent))


def variables(*, bed: str) -> dict[str, str]:
    """The environment of Ansible and its tools, which call each other by name and so need the PATH."""
    environment = os.environ
    return {
        **environment,
        "PATH": os.pathsep.join((str(VENV / "bin"), environment.get("PATH", os.defpath))),
        "VIRTUAL_ENV": str(VENV),
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(_COLLECTIONS),
        "MOLECULE_GLOB": "molecule/*/molecule.yml",
        "XORB_BED": bed,
        # Whatever the machine says: to compile Ansible anew costs every one of its programs half a second.
        "PYTHONDONTWRITEBYTECODE": "",
        # Ansible refuses to start under a locale that is not UTF-8, which a bare machine or a job runner may have.
        "LC_ALL": environment.get("LC_ALL") or "C.UTF-8",
        # The checkout may belong to somebody else than the root who runs this; git would refuse to look at it.
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": str(ROOT),
    }


def _system_python() -> str:
    """The interpreter outside any environment: the old .venv must not be the parent of the new one."""
    return getattr(sys, "_base_executable", None) or sys.executable
