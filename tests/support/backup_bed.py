# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The backups of the test hosts: taken, verified and restored as an operator would, and looked at by other tools."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.procedures import BIN, ROOT, Ran, environment, play
from tests.testbed import engine
from tests.testbed.inventory import IN_CONTAINERS, INVENTORY, MORE_HOSTS
from tests.testbed.layout import scenario_bed

BED = scenario_bed()
REPORTS = BED.directory / "reports"
STORES = "/var/backups/xorb-runbook"
STATE = "/var/lib/xorb-runbook"
_MORE = f"--inventory={MORE_HOSTS}"

#: Options of a playbook that is about what the Compose host has in containers.
ON_COMPOSE = ("--extra-vars", f"@{ROOT / IN_CONTAINERS}", "--limit", "xorb-compose")

#: Seconds that one thing may take: the machine may be busy with others.
PATIENCE = 900


def shell(role: str, script: str, *, check: bool = True) -> str:
    """What a script prints on a host, run as root."""
    done = engine.ensure().run("exec", BED.host(role).name, "sh", "-euc", script, timeout=PATIENCE, check=check)
    return done.stdout


def procedure(playbook: str, *options: str, **variables: Any) -> Ran:
    """Run a playbook of the collection; its report is in the result."""
    given = json.dumps({"platform_deadline": 200, **variables})
    return play(INVENTORY, playbook, _MORE, *options, "-e", given, reports=REPORTS, XORB_BED=BED.name)


def start(playbook: str, *options: str) -> subprocess.Popen[str]:
    """Start a playbook, in a process group of its own."""
    return subprocess.Popen(
        [str(BIN / "ansible-playbook"), "-i", str(INVENTORY), _MORE, f"xorb.runbook.{playbook}", *options],
        cwd=ROOT,
        env=environment(XORB_BED=BED.name),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def kill(process: subprocess.Popen[str]) -> str:
    """End a playbook at once, with all that it has started on this machine; returns what it had printed."""
    os.killpg(process.pid, signal.SIGKILL)
    return process.communicate(timeout=PATIENCE)[0]


def sets(role: str, store: str) -> list[str]:
    """The names of the sets of a backup, the oldest first."""
    return shell(role, f"ls {STORES}/{store} 2> /dev/null || :").split()


def left_over(role: str, store: str) -> list[str]:
    """What lies beside the sets of a backup and is none."""
    names = shell(role, f"ls -A {STORES}/{store} 2> /dev/null || :").split()
    return [name for name in names if name.startswith((".making", ".removing"))]


def manifest(role: str, store: str, name: str) -> dict[str, Any]:
    """What a set says of itself."""
    found: dict[str, Any] = json.loads(shell(role, f"cat {STORES}/{store}/{name}/manifest.json"))
    return found


def refill(*options: str) -> None:
    """Take a set of each backup, restore it, and copy it where copies are kept: as the daily runs leave them."""
    procedure("backup_create", *options)
    procedure("backup_verify", *options)
    # Judged after this: a set that was just taken is neither verified nor copied yet.
    ran = procedure("backup_copy", *options, backup_copy_initialize=True)
    assert ran.status == 0, ran.output[-4000:]


def sql(role: str, query: str, database: str = "xorb_db") -> str:
    """What the owner of the server gets for a query."""
    return shell(role, f'cd /; runuser -u postgres -- psql -XAtq -d {database} -c "{query}"').strip()


def holder(role: str) -> int:
    """The process that changes a host now; none is 0."""
    text = shell(role, f"cat {STATE}/lock 2> /dev/null || :")
    return int(json.loads(text)["process"]) if text.strip() else 0


def until(condition: Callable[[], Any]) -> Any:
    """Wait until a condition holds, and return what it gave."""
    end = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.3)
    return found


def identity() -> Path:
    """What decrypts the sets of the bed."""
    return BED.private_key
