# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Install the stand-in platform on a bed, unless it is there exactly as the files say."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tests.testbed import credentials, environment, hosts
from tests.testbed.engine import Engine
from tests.testbed.errors import BedError
from tests.testbed.inventory import IN_CONTAINERS, INVENTORY, inventories
from tests.testbed.layout import ROOT, VENV, Bed
from tests.testbed.progress import Step, say, step

_PLAYBOOKS = (Path("tests") / "testplatform" / "site.yml", Path("playbooks") / "prerequisites.yml")
# What every check of a platform with backups wants to be there: sets that have been restored.
_BACKUPS = Path("tests") / "testplatform" / "backups.yml"
SOURCES = (Path("tests") / "testplatform", INVENTORY, Path("roles") / "prerequisites")


def ensure(engine: Engine, bed: Bed) -> None:
    """Run the platform's playbook when it, its inputs or the hosts have changed since the last good run."""
    credentials.ensure(bed)
    wanted, stamp = fingerprint(engine, bed), bed.directory / "platform.stamp"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        say(f"The platform of bed {bed.name} is in place.")
        return
    stamp.unlink(missing_ok=True)
    with step(f"Installing the platform on the hosts of bed {bed.name}") as current:
        _play(bed, current)
    stamp.write_text(wanted, encoding="utf-8")


def fingerprint(engine: Engine, bed: Bed) -> str:
    """Hash of what the platform is made from and of the hosts it is on; a restarted host counts as a new one."""
    containers = hosts.inspect(engine, bed)
    facts = [f"{name} {facts.identity} {facts.started}" for name, facts in sorted(containers.items())]
    return digest((ROOT / path for path in SOURCES), bed.secrets_directory, facts=facts)


def digest(directories: Iterable[Path], *more: Path, facts: Iterable[str]) -> str:
    """Hash of all files below the directories, by path and content, and of the facts."""
    total = hashlib.sha256("\n".join(facts).encode())
    for directory in (*directories, *more):
        for path in sorted(_files(directory)):
            total.update(f"\0{path}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def _files(directory: Path) -> Iterator[Path]:
    return (path for path in directory.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def _play(bed: Bed, current: Step) -> None:
    """Run the playbooks: the names of its tasks as progress, everything it says in a log."""
    log = bed.directory / "platform.log"
    log.unlink(missing_ok=True)
    # The platform, and then what the collection itself needs on it.
    described = inventories(bed)
    _run_playbooks(bed, [*_PLAYBOOKS, *([_BACKUPS] if INVENTORY in described else [])], (), log, current)
    if "compose" in bed.roles:
        _run_playbooks(bed, [_BACKUPS], (f"--extra-vars=@{IN_CONTAINERS}", "--limit=compose"), log, current)


def _run_playbooks(bed: Bed, playbooks: Sequence[Path], more: Sequence[str], log: Path, current: Step) -> None:
    options = [*(f"--inventory={inventory}" for inventory in inventories(bed)), *more]
    command = [str(VENV / "bin" / "ansible-playbook"), *options, *map(str, playbooks)]
    with (
        log.open("a", encoding="utf-8") as record,
        subprocess.Popen(
            command,
            cwd=ROOT,
            # A caller such as molecule asks for colours, which a log is better without.
            env={**environment.variables(bed=bed.name), "ANSIBLE_FORCE_COLOR": "0", "ANSIBLE_NOCOLOR": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as play,
    ):
        assert play.stdout
        seen = set()  # hosts that do not wait for each other announce the same task again and again
        for line in play.stdout:
            record.write(line)
            if line.startswith(("TASK [", "RUNNING HANDLER [")) and line not in seen:
                seen.add(line)
                current.note(line.partition("[")[2].rpartition("]")[0])
    if play.returncode != 0:
        raise BedError(f"installing the platform failed: {_reason(log)} (log: {log})")


def _reason(log: Path) -> str:
    lines = log.read_text(encoding="utf-8").splitlines()
    telling = [line for line in lines if line.startswith(("fatal:", "[ERROR]", "ERROR!"))]
    return telling[0][:300] if telling else "no reason given"
