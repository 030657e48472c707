# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Take away everything the commands here have made."""

from __future__ import annotations

import shutil

from tests.testbed import engine, hosts, image, kernel
from tests.testbed.layout import BEDS, BUILD, ROOT, VENV
from tests.testbed.progress import say

_CACHES = (".ansible", ".mypy_cache", ".pytest_cache", ".ruff_cache")


def clean() -> None:
    """Hosts, networks, images, an engine of our own, what was set in the kernel, then the files that remember it."""
    running = engine.find()
    if running is not None:
        for bed in BEDS.values():
            hosts.down(running, bed)
        for name in image.remove_all(running):
            say(f"Removed image {name}.")
    engine.stop_own()
    kernel.put_back()
    for path in (BUILD, VENV, *(ROOT / name for name in _CACHES)):
        if path.exists():
            shutil.rmtree(path)
            say(f"Removed {path.relative_to(ROOT)}.")
