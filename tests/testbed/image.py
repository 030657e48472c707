# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Build the host image once: mmdebstrap makes the system, the engine imports it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path

from tests.testbed import debian
from tests.testbed.commands import elevate, which
from tests.testbed.engine import Engine
from tests.testbed.errors import BedError
from tests.testbed.layout import IMAGE, STATE
from tests.testbed.progress import Step, step
from tests.testbed.recipe import DEFAULT, RECIPES, Recipe


def reference(recipe: Recipe = DEFAULT) -> str:
    return f"{IMAGE}:{recipe.tag}"


def ensure(engine: Engine, recipe: Recipe = DEFAULT) -> str:
    """The image of the recipe, built when the engine does not have it yet."""
    name = reference(recipe)
    if engine.run("image", "inspect", name, check=False).returncode != 0:
        _install_tools()
        with step(f"Building the host image {name} (once, a few minutes)") as current:
            _build(engine, recipe, name, current)
    return name


def ensure_all(engine: Engine, suites: Iterable[str]) -> dict[str, str]:
    """The image of each suite."""
    return {suite: ensure(engine, RECIPES[suite]) for suite in dict.fromkeys(suites)}


def remove_all(engine: Engine) -> list[str]:
    """Remove every image this project has built, of older recipes too."""
    listed = engine.run("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", IMAGE).stdout.split()
    for name in listed:
        engine.run("image", "rm", "--force", name)
    return listed


def bootstrap_command(recipe: Recipe, *, script: Path, mirror: str | None, settings: list[str]) -> list[str]:
    """The mmdebstrap command line; without a mirror it takes its own default for the suite."""
    command = [
        "mmdebstrap",
        "--variant=minbase",
        "--format=tar",
        "--dpkgopt=force-unsafe-io",
        f"--include={','.join(recipe.packages)}",
    ]
    command += [f"--dpkgopt=path-exclude={pattern}" for pattern in recipe.excluded]
    command += [f"--dpkgopt=path-include={pattern}" for pattern in recipe.included]
    command += [f"--aptopt={setting}" for setting in settings]
    command += [f'--customize-hook=sh {script} "$1"']
    # Both would undo what the script has prepared.
    command += ["--skip=cleanup/apt/lists", "--skip=cleanup/reproducible/machine-id"]
    return [*command, recipe.suite, "-", *([mirror] if mirror else [])]


def _install_tools() -> None:
    missing = [] if which("mmdebstrap") else ["mmdebstrap"]
    if not Path("/usr/share/keyrings/debian-archive-keyring.gpg").exists():
        missing.append("debian-archive-keyring")
    if missing:
        debian.install(missing, why="to build the Debian host image")


def _build(engine: Engine, recipe: Recipe, name: str, current: Step) -> None:
    STATE.mkdir(parents=True, exist_ok=True)
    script = STATE / "customize.sh"
    script.write_text(recipe.script, encoding="utf-8")
    command = bootstrap_command(recipe, script=script, mirror=debian.system_mirror(), settings=debian.apt_settings())
    changes = [f"CMD {json.dumps(list(recipe.command))}", *(f"ENV {pair}" for pair in recipe.environment)]
    log = STATE / "image.log"
    with (
        subprocess.Popen(elevate(command), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as bootstrap,
        subprocess.Popen(
            [*engine.command, "import", *(word for change in changes for word in ("--change", change)), "-"],
            stdin=bootstrap.stdout,
            stdout=subprocess.PIPE,
            text=True,
        ) as load,
        log.open("w", encoding="utf-8") as record,
    ):
        assert bootstrap.stdout
        assert bootstrap.stderr
        assert load.stdout
        bootstrap.stdout.close()
        for line in bootstrap.stderr:
            record.write(line)
            if line.startswith("I: "):
                current.note(line[3:].strip())
        identity = load.stdout.read().strip()
    _accept(engine, name, identity=identity, failed=bool(bootstrap.returncode or load.returncode), log=log)


def _accept(engine: Engine, name: str, *, identity: str, failed: bool, log: Path) -> None:
    """Give the image its name only after both programs succeeded: half a system imports without complaint."""
    if failed:
        if identity:
            engine.run("image", "rm", "--force", identity, check=False)
        errors = [line for line in log.read_text(encoding="utf-8").splitlines() if line.startswith("E:")]
        raise BedError(f"building the host image failed ({errors[0] if errors else 'no reason given'}); see {log}")
    engine.run("tag", identity, name)
