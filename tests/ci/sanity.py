# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""ansible-test sanity: in a copy of the working tree, with a home of its own.

The copy is needed because ansible-test wants a real path that ends in ansible_collections/xorb/runbook. The home keeps
what it installs out of the user's, and holds a bootstrap of pip that needs nothing but the package index.
"""

from __future__ import annotations

import ast
import configparser
import os
import re
import shutil
import sys
import types
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.ci.counting import Count, honest, of_junit_file, total
from tests.ci.programs import run
from tests.ci.run import Run
from tests.testbed import commands
from tests.testbed.layout import BUILD, ROOT
from tests.testbed.progress import say

_COPY = BUILD / "ansible_collections" / "xorb" / "runbook"
_RESULTS = _COPY / "tests" / "output" / "junit"
_HOME = BUILD / "sanity"

# The ends of what hosts may run; the versions between are not worth the time of a run.
_HOST_PYTHONS = ("3.9", "3.13")
_HOST_TESTS = ("compile", "import")

_BOOTSTRAP = '''"""Install the pip beside this file; stands in for the script that ansible-test would download."""

import os
import sys

wheel = os.path.join(os.path.dirname(os.path.abspath(__file__)), {wheel!r})
options = [word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel")]
sys.path.insert(0, wheel)
from pip._internal.cli.main import main

own = [word for word in options if not word.startswith("pip==")]
sys.exit(main(["install", "--upgrade", "--force-reinstall", wheel] + own))
'''


def layer(_run: Run) -> Count:
    """All sanity tests under this Python, then those that matter on hosts under the oldest and newest one."""
    copy_tree()
    shutil.rmtree(_RESULTS, ignore_errors=True)
    _prepare_home()
    interpreters = real_interpreters(os.environ)
    own = "{}.{}".format(*sys.version_info[:2])
    codes, counts = [], []
    for version in dict.fromkeys((own, *_HOST_PYTHONS)):
        if version != own and version not in interpreters:
            say(f"\nPython {version} is not on this machine: {' and '.join(_HOST_TESTS)} were not tried with it.")
            continue
        codes.append(_ansible_test(version, interpreters, tests=() if version == own else _HOST_TESTS))
        counts.append(_collect(version))
    return honest(total(counts), codes)


def copy_tree() -> None:
    """Copy what git tracks or would track, and make it a repository: ansible-test lists files with git."""
    listed = commands.run(["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"])
    files = {name for name in listed.stdout.split("\0") if (ROOT / name).is_file()}
    # Its output folder holds the virtual environments of earlier runs, which save most of the time.
    for old in [path for path in _COPY.glob("*") if path.name != "tests"] + [
        path for path in (_COPY / "tests").glob("*") if path.name != "output"
    ]:
        shutil.rmtree(old) if old.is_dir() else old.unlink()
    for name in sorted(files):
        target = _COPY / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target)
    shutil.rmtree(_COPY / ".git", ignore_errors=True)
    commands.run(["git", "-C", str(_COPY), "init", "--quiet"])
    commands.run(["git", "-C", str(_COPY), "add", "--all"])


def real_interpreters(environment: Mapping[str, str]) -> dict[str, Path]:
    """Python version to the directory of its interpreter: ansible-test cannot work with a version manager's shims."""
    own = Path(sys._base_executable if hasattr(sys, "_base_executable") else sys.executable).resolve().parent
    root = Path(environment.get("PYENV_ROOT") or Path.home() / ".pyenv")
    managed = sorted((root / "versions").glob("*/bin"), reverse=True)
    listed = [Path(entry) for entry in environment.get("PATH", "").split(os.pathsep) if entry]
    return _first_of_each([own, *managed, *(entry for entry in listed if entry.name != "shims")])


def _first_of_each(directories: Iterable[Path]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for directory in directories:
        for path in directory.glob("python3.*"):
            match = re.fullmatch(r"python(3\.\d+)", path.name)
            if match:
                found.setdefault(match.group(1), directory)
    return found


def pip_settings(listing: str) -> configparser.RawConfigParser:
    """What ``pip config list`` says as a configuration file: ansible-test hands no PIP_ variables on."""
    settings = configparser.RawConfigParser()
    for line in listing.splitlines():
        name, _equals, value = line.partition("=")
        section, _dot, key = name.rpartition(".")
        section = "global" if section == ":env:" else section
        if not settings.has_section(section):
            settings.add_section(section)
        settings.set(section, key, ast.literal_eval(value))
    return settings


def _ansible_test(version: str, interpreters: Mapping[str, Path], *, tests: Iterable[str]) -> int:
    """One run. Its own Python comes first in PATH, for the venv's is one that it does not accept as a parent."""
    directories = [str(interpreters[name]) for name in dict.fromkeys((version, *interpreters)) if name in interpreters]
    own = str(Path(sys.executable).parent)
    command = [f"{own}/ansible-test", "sanity", "--venv", "--python", version, "--junit", "--color", "no"]
    command += [word for test in tests for word in ("--test", test)]
    path = os.pathsep.join((own, *directories, os.environ.get("PATH", os.defpath)))
    return run(command, directory=_COPY, more={"HOME": str(_HOME), "PATH": path, "ANSIBLE_CONFIG": os.devnull})


def _collect(version: str) -> Count:
    """Count the results of one run and keep them apart from the next one's."""
    files = sorted(_RESULTS.glob("*.xml"))
    count = total(of_junit_file(path) for path in files)
    kept = _HOME / "results" / version
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    for path in files:
        shutil.move(path, kept / path.name)
    return count


def _prepare_home() -> None:
    from ansible_test._internal.python_requirements import get_venv_packages  # noqa: PLC0415

    pip = [sys.executable, "-m", "pip"]
    listing = commands.run([*pip, "config", "list"]).stdout
    target = _HOME / ".config" / "pip" / "pip.conf"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.touch(mode=0o600)  # an index address can hold a password
    with target.open("w", encoding="utf-8") as file:
        pip_settings(listing).write(file)
    version = get_venv_packages(types.SimpleNamespace(version="3.11"))["pip"]
    cache = _HOME / ".ansible" / "test" / "cache"
    wheel = cache / f"pip-{version}-py3-none-any.whl"
    if not wheel.exists():
        cache.mkdir(parents=True, exist_ok=True)
        commands.run([*pip, "download", "--quiet", "--no-deps", f"pip=={version}", "--dest", str(cache)])
    script = cache / f"get_pip_{version.replace('.', '_')}.py"
    script.write_text(_BOOTSTRAP.format(wheel=wheel.name), encoding="utf-8")
