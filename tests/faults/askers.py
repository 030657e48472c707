# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs all three: the runbook's commands by SSH, the modules by one playbook, our probes by the shipped one."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from tests.faults import remote
from tests.faults.matrix import GUEST, GUEST_ROLE, IDENTITY, LAB_PASSWORD, PREPARATIONS, Command, Outcome, Row, Task
from tests.support.procedures import BIN, Ran, environment, play
from tests.testbed.inventory import INVENTORY, MORE_HOSTS
from tests.testbed.layout import ROOT, Bed

#: Seconds after which a command of the runbook, or a task, counts as hanging: so many, and a multiple of what the
#: slowest one took while nothing was broken, because a busy machine is slow in everything.
SECONDS, SLOWNESS = 10, 3

#: A task gets longer, for redis-py tries thrice with random pauses.
TASK_SECONDS = 20

#: Seconds for the slowest one.
SOUND_SECONDS = 90


def runbook() -> dict[str, str]:
    """Every command of the runbook by its id."""
    rows = yaml.safe_load((ROOT / "tests/traceability/runbook.yml").read_text(encoding="utf-8"))
    return {row["id"]: row["command"].strip() for row in rows}


def commands(bed: Bed, rows: Iterable[Row], seconds: float) -> dict[str, Outcome]:
    """Run the commands of some rows: those of a host side by side, in one session with it."""
    texts = runbook()
    by_host: dict[str, dict[str, Any]] = {}
    for row in rows:
        if isinstance(row.command, Command):
            by_host.setdefault(row.host, {})[row.name] = {
                "text": row.command.text(texts),
                "folder": row.command.folder,
                "environment": dict(row.command.environment),
                "seconds": seconds,
            }

    def ask(host: str) -> dict[str, Any]:
        program = Path(remote.__file__).read_text(encoding="utf-8")
        program += f"\nimport json\nprint(json.dumps(run_all(json.loads({json.dumps(by_host[host])!r}))))\n"
        login = ["-l", GUEST, f"xorb-{GUEST_ROLE}"] if host == f"xorb-{GUEST}" else [host]
        words = ["ssh", "-F", str(bed.ssh_config), "-o", "BatchMode=yes", *login, "python3", "-"]
        done = subprocess.run(words, input=program, capture_output=True, text=True, timeout=600, check=True)
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    with ThreadPoolExecutor(max_workers=8) as pool:
        return {name: Outcome(**outcome) for found in pool.map(ask, by_host) for name, outcome in found.items()}


def tasks(bed: Bed, rows: Iterable[Row], folder: Path, seconds: float) -> dict[str, Outcome]:
    """Run the modules of some rows in one playbook, in which no host waits for another."""
    by_host: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if isinstance(row.task, Task):
            by_host.setdefault(row.host, []).append(
                {
                    "name": row.name,
                    row.task.module: dict(row.task.arguments),
                    "timeout": round(seconds),
                    "ignore_errors": True,
                }
            )
    if not by_host:
        return {}
    for host, listed in by_host.items():
        (folder / f"{host}.yml").write_text(yaml.safe_dump(listed), encoding="utf-8")
    include = {"name": "Ask", "ansible.builtin.include_tasks": f"{folder}/{{{{ inventory_hostname }}}}.yml"}
    plays = [{"hosts": ",".join(by_host), "gather_facts": False, "strategy": "free", "tasks": [include]}]
    path = folder / "tasks.yml"
    path.write_text(yaml.safe_dump(plays), encoding="utf-8")
    done = subprocess.run(
        [str(BIN / "ansible-playbook"), *_inventories(rows, folder), "-e", f"lab_password={LAB_PASSWORD}", str(path)],
        cwd=ROOT,
        env=environment(XORB_BED=bed.name, ANSIBLE_STDOUT_CALLBACK="json", ANSIBLE_LOAD_CALLBACK_PLUGINS="1"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    document = json.loads(done.stdout[done.stdout.index("{") :])
    return {
        task["task"]["name"]: _ended(result, task["task"]["duration"])
        for one in document["plays"]
        for task in one["tasks"]
        for result in task["hosts"].values()
        if task["task"]["name"] != "Ask"
    }


def _ended(result: dict[str, Any], duration: dict[str, str]) -> Outcome:
    output = json.dumps({key: value for key, value in result.items() if key != "invocation"}, sort_keys=True)
    took = (datetime.fromisoformat(duration["end"]) - datetime.fromisoformat(duration["start"])).total_seconds()
    if result.get("timedout"):
        return Outcome(None, output, took)
    return Outcome(1 if result.get("failed") or result.get("unreachable") else 0, output, took)


def probes(bed: Bed, rows: Sequence[Row], folder: Path) -> Ran:
    """Look at the services of some rows by the shipped playbook."""
    return _play("daily", bed, rows, folder)


def procedures(bed: Bed, rows: Sequence[Row], folder: Path, wanted: Callable[[Row], Sequence[str]]) -> None:
    """Run the playbooks that act on the services of some rows, each once for all of the rows that want it.

    How they end is not looked at: many of them are to fail, and what that comes to is what our checks say afterwards.
    """
    for playbook in PREPARATIONS:
        if acted_on := [row for row in rows if row.procedures and playbook in wanted(row)]:
            ran = _play(playbook, bed, acted_on, folder)
            (folder / f"{playbook}.txt").write_text(ran.output, encoding="utf-8")


def restores(bed: Bed, rows: Sequence[Row], folder: Path, *, preview: bool) -> list[dict[str, Any]]:
    """Run the playbook that restores for each row that wants it; what became of each, as a check of its service."""
    return [_restored(row, _play("backup_restore", bed, [row], folder, *_PREVIEW[preview], **row.restores))
            for row in rows if row.restores]  # fmt: skip


_PREVIEW: dict[bool, tuple[str, ...]] = {True: ("--check",), False: ()}

#: How the report calls what a step of the playbook failed with.
_STEP = "runbook.act.backup_restore"


def _restored(row: Row, ran: Ran) -> dict[str, Any]:
    failed = [check for check in ran.report.get("checks", ()) if check["id"].startswith(_STEP)]
    return {
        "host": row.host,
        "owner": row.host,
        "service": row.service_name,
        "id": f"{row.service_name}.{row.restores['backup_restore_backup']}.restore",
        "status": "ok" if ran.status == 0 else failed[0]["status"] if failed else "unknown",
        "message": "; ".join(check["message"] for check in failed) or ran.output[-2000:],
        "blocked_by": "",
    }


def _play(playbook: str, bed: Bed, rows: Sequence[Row], folder: Path, *more: str, **variables: str) -> Ran:
    description = {
        "platform_name": "faults",
        "platform_state_dir": str(folder / "state"),
        "platform_report_dir": str(folder / "reports"),
        "platform_report_formats": ["json"],
        "platform_deadline": 60,
        "platform_services": {name: one for row in rows for name, one in row.services.items()},
        "lab_password": LAB_PASSWORD,
        "backup_verify_identities": [IDENTITY],
        # Every set of a row, and the newest alone where there are several.
        "backup_verify_older": False,
        # Made where there is none and none was used, and read as a whole each time.
        "backup_copy_initialize": True,
        "backup_copy_check": True,
        **variables,
    }
    path = folder / "description.yml"
    path.write_text(yaml.safe_dump(description, sort_keys=False), encoding="utf-8")
    options = [*_inventories(rows, folder)[1:], "-e", f"@{path}", *more]
    return play(INVENTORY, playbook, *options, reports=folder / "reports", XORB_BED=bed.name)


def _inventories(rows: Iterable[Row], folder: Path) -> list[str]:
    """The options that name the inventories of the bed, and one of what some rows add to it."""
    # A name instead of an address, which a fault can take away.
    hosts: dict[str, Any] = {"xorb-web": {"platform_address": "xorb-lab.invalid"}}
    if any(row.observer == GUEST for row in rows):
        where = f"{{{{ hostvars['xorb-{GUEST_ROLE}'].ansible_host }}}}"
        hosts[f"xorb-{GUEST}"] = {"ansible_host": where, "ansible_user": GUEST, "demo_checkout": str(ROOT)}
    path = folder / "inventory.yml"
    path.write_text(yaml.safe_dump({"all": {"children": {"xorb": {"hosts": hosts}}}}), encoding="utf-8")
    return [f"--inventory={path}" for path in (INVENTORY, MORE_HOSTS, path)]
