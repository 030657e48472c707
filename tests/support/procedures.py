# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs the shipped playbooks as an operator would, and reads what they reported."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
#: The scripts of ansible-core stand beside the interpreter that runs the tests.
BIN = Path(sys.executable).parent


def environment(**more: str) -> dict[str, str]:
    """The environment of a command of ansible-core that is run from the checkout."""
    # Molecule wants colours of everybody that it starts; tests read what is printed.
    inherited = {name: value for name, value in os.environ.items() if not name.endswith("FORCE_COLOR")}
    return {
        **inherited,
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".ansible/collections"),
        "ANSIBLE_NOCOLOR": "1",
        "COLUMNS": "160",
        **more,
    }


@dataclass
class Ran:
    """What a playbook did: its exit status, what it printed, the report that it wrote (if any), and its duration."""

    status: int
    output: str
    report: dict[str, Any]
    seconds: float

    @property
    def statuses(self) -> dict[str, str]:
        """The status of each check by ``host/id``."""
        return {f"{check['host']}/{check['id']}": check["status"] for check in self.report.get("checks", [])}

    @property
    def causes(self) -> list[str]:
        """The root causes, worst first."""
        return [cause["check"] for cause in self.report["causes"]]

    def message(self, address: str) -> str:
        """The message of one check."""
        (check,) = [check for check in self.report["checks"] if f"{check['host']}/{check['id']}" == address]
        return str(check["message"])


def play(inventory: Path | str, playbook: str, *options: str, reports: Path, **more: str) -> Ran:
    """Run a playbook, of the collection by its name or any by its path; ``reports`` is where its reports are put."""
    name = playbook if playbook.endswith(".yml") else f"xorb.runbook.{playbook}"
    latest = reports / "latest.json"
    before = latest.resolve()
    began = time.monotonic()
    done = subprocess.run(
        [str(BIN / "ansible-playbook"), "-i", str(inventory), name, *options],
        cwd=ROOT,
        env=environment(**more),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=1800,
        check=False,
    )
    seconds = time.monotonic() - began
    written = latest.exists() and latest.resolve() != before
    return Ran(done.returncode, done.stdout, json.loads(latest.read_text()) if written else {}, seconds)


def copy_of_the_collection(folder: Path) -> Path:
    """A copy below a folder of collections, for tests that add something to it; returns the collection's own folder."""
    copy = folder / "ansible_collections/xorb/runbook"
    for part in ("plugins", "playbooks", "roles", "meta"):
        shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "galaxy.yml", copy)
    return copy
