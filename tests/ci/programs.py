# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run a program of a layer with its output on the terminal."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.testbed import environment
from tests.testbed.layout import ROOT, SCENARIO_BEDS
from tests.testbed.progress import say


def run(
    command: Sequence[str],
    *,
    directory: Path = ROOT,
    bed: str = SCENARIO_BEDS[0],
    more: Mapping[str, str] | None = None,
) -> int:
    """Run in the project's environment, from the repository root unless told otherwise; returns the exit code."""
    say(f"\n$ {' '.join(command)}")
    variables = {**environment.variables(bed=bed), **(more or {})}
    return subprocess.run(list(command), cwd=directory, env=variables, stdin=subprocess.DEVNULL, check=False).returncode
