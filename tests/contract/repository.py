# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The repository as its contract tests see it."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.support.procedures import BIN, ROOT, environment

COLLECTION = "xorb.runbook"

MODULES = sorted(path.stem for path in (ROOT / "plugins/modules").glob("[!_]*.py"))
ACTIONS = sorted(path.stem for path in (ROOT / "plugins/action").glob("[!_]*.py"))
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir())
PLAYBOOKS = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml"))


def load(path: Path) -> Any:
    """A YAML file as data."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def ansible(*argv: str) -> subprocess.CompletedProcess[str]:
    """Run a command of ansible-core from the checkout, as a user would."""
    return subprocess.run(
        [str(BIN / argv[0]), *argv[1:]],
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )


@cache
def documentation(module: str) -> dict[str, Any]:
    """What ``ansible-doc`` makes of a module, fragments included."""
    done = ansible("ansible-doc", "--json", "--type", "module", f"{COLLECTION}.{module}")
    assert done.returncode == 0, done.stderr
    documented: dict[str, Any] = json.loads(done.stdout)[f"{COLLECTION}.{module}"]
    return documented


def same_options(documented: dict[str, Any], spec: dict[str, Any], where: str = "") -> list[str]:
    """Every difference between documented options and an argument spec."""
    differences = []
    for name in sorted({*documented, *spec}):
        path = f"{where}{name}"
        if name not in documented or name not in spec:
            differences.append(f"{path}: only in the {'spec' if name in spec else 'documentation'}")
            continue
        said, real = documented[name], spec[name]
        for key, absent in (("type", "str"), ("default", None), ("required", False), ("elements", None)):
            if said.get(key, absent) != real.get(key, absent):
                differences.append(f"{path}.{key}: {said.get(key, absent)!r} is not {real.get(key, absent)!r}")
        if sorted(said.get("choices") or []) != sorted(real.get("choices") or []):
            differences.append(f"{path}.choices: {said.get('choices')} is not {real.get('choices')}")
        differences += same_options(said.get("suboptions") or {}, real.get("options") or {}, f"{path}.")
    return differences
