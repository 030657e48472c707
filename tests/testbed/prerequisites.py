# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the machine must bring, said in one line for each thing that is missing; the rest is installed."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.testbed import debian
from tests.testbed.commands import which
from tests.testbed.errors import BedError


@dataclass(frozen=True)
class Machine:
    """The facts that decide whether everything missing can be installed."""

    has_apt: bool
    is_root: bool
    has_sudo: bool
    missing: Sequence[str] = field(default=())  # Debian packages


def problems(machine: Machine) -> list[str]:
    """One line for each thing a person has to mend; empty when the missing packages can be installed."""
    if not machine.missing:
        return []
    if not machine.has_apt:
        return [f"{package} is missing, and there is no apt-get here to install it with" for package in machine.missing]
    if not machine.is_root and not machine.has_sudo:
        return [
            f"{package} is missing, and installing it needs root or sudo: apt-get install {package}"
            for package in machine.missing
        ]
    return []


def ensure() -> None:
    """Install what is missing, or stop with all that is wrong at once."""
    machine = this_machine()
    wrong = problems(machine)
    if wrong:
        raise BedError("\n       ".join(wrong))
    if machine.missing:
        debian.install(machine.missing, why="needed by every command here")


def this_machine() -> Machine:
    return Machine(
        has_apt=which("apt-get") is not None,
        is_root=os.geteuid() == 0,
        has_sudo=which("sudo") is not None,
        missing=tuple(_missing()),
    )


def _missing() -> list[str]:
    programs = {"git": "git", "ssh": "openssh-client", "ssh-keygen": "openssh-client"}
    absent = {package: None for program, package in programs.items() if which(program) is None}
    return [*absent, *([_venv_package()] if importlib.util.find_spec("ensurepip") is None else [])]


def _venv_package() -> str:
    """Debian's name for what ``python -m venv`` needs: of this very Python, which need not be the default one."""
    exact = "python{}.{}-venv".format(*sys.version_info[:2])
    return exact if which("apt-cache") and debian.apt_knows(exact) else "python3-venv"
