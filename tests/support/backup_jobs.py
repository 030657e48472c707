# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs the modules whose work is done by a job, and waits for that as a step does."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

from tests.support.modules import run_module


def worked(module: ModuleType, **given: Any) -> dict[str, Any]:
    """The result of the job of a module."""
    result = run_module(module, wait=1, **given)
    while job := result.get("job"):
        assert not result["changed"] and isinstance(result["report"], dict)
        result = run_module(module, wait=60, job=job, **given)
    return result


def files(folder: Path) -> dict[str, Any]:
    """The arguments of a backup of one folder."""
    (folder / "etc").mkdir()
    (folder / "etc/settings").write_text("set\n" * 100)
    return {
        "platform": "lab",
        "service": "proxy",
        "backup": "config",
        "host": "one",
        "files": {"paths": [str(folder / "etc")], "directory": str(folder / "backups")},
        "state_dir": str(folder / "state"),
    }
