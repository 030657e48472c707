# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.testbed.layout import ROOT
from tests.testbed.prerequisites import Machine, problems


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        (Machine(has_apt=False, is_root=False, has_sudo=False), []),
        (Machine(has_apt=True, is_root=True, has_sudo=False, missing=("git",)), []),
        (Machine(has_apt=True, is_root=False, has_sudo=True, missing=("git",)), []),
        (
            Machine(has_apt=False, is_root=True, has_sudo=False, missing=("git", "python3-venv")),
            [
                "git is missing, and there is no apt-get here to install it with",
                "python3-venv is missing, and there is no apt-get here to install it with",
            ],
        ),
        (
            Machine(has_apt=True, is_root=False, has_sudo=False, missing=("openssh-client",)),
            ["openssh-client is missing, and installing it needs root or sudo: apt-get install openssh-client"],
        ),
    ],
)
def test_problems_one_line_for_each_thing_that_cannot_be_installed(machine: Machine, expected: list[str]) -> None:
    assert problems(machine) == expected


def test_main_old_python_is_told_in_one_line(tmp_path: Path) -> None:
    """The version is looked at before anything is imported that an old Python cannot read."""
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.version_info = (3, 9, 2)\n", encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-m", "tests.testbed", "status"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    assert ran.stderr == "Python 3.11 or newer is needed, this is 3.9\n"


def test_main_unknown_names_are_told_in_one_line() -> None:
    for words, message in (
        (["up", "nowhere"], "error: no bed is called 'nowhere'; there are: demo, test, fleet, seed, twin\n"),
        (["demo", "--fault", "none"], "error: no fault is called 'none'; there are: postgres_stopped, "),
    ):
        ran = subprocess.run(
            [sys.executable, "-m", "tests.testbed", *words], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 2
        assert ran.stderr.startswith(message)
        assert ran.stderr.count("\n") == 1
