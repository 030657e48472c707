# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs commands side by side on a host, each within a time of its own; sent there as text, for its Python."""

from __future__ import annotations

import concurrent.futures
import os
import signal
import subprocess
import time
from typing import Any


def run(command: dict[str, Any]) -> dict[str, Any]:
    """Run one command as a shell would for an operator; without a status where it did not end in time."""
    began = time.monotonic()
    process = subprocess.Popen(
        ["bash", "-c", command["text"]],
        cwd=command["folder"],
        env={**os.environ, "COLUMNS": "200", **command["environment"]},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        output, _none = process.communicate(timeout=command["seconds"])
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _none = process.communicate()
        return {"status": None, "output": output, "took": time.monotonic() - began}
    return {"status": process.returncode, "output": output, "took": time.monotonic() - began}


def run_all(commands: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Run every command, and return how each ended by its name."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=8) as pool:
        return dict(zip(commands, pool.map(run, commands.values()), strict=True))
