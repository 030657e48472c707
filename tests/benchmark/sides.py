# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is measured: each side as one command, for any number of hosts."""

from __future__ import annotations

import json
import shlex
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.testbed import debian
from tests.testbed.commands import which
from tests.testbed.inventory import FLEET, write
from tests.testbed.layout import BUILD, ROOT, VENV, bed_named

HERE = Path(__file__).parent
#: As many at once as the shipped ansible.cfg says.
FORKS = 20

BED = bed_named("fleet")

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass(frozen=True)
class Side:
    """One way of looking: its command, what it prints when it did not look, and what else there is to prove."""

    name: str
    command: Callable[[int], list[str]]
    proof: Callable[[int], str] = field(default=lambda _hosts: "")


def inventory(hosts: int) -> list[str]:
    """The options that name the first hosts of the fleet, and no others."""
    path = BUILD / "benchmark" / f"hosts-{hosts}.yml"
    write(path, BED, BED.hosts[:hosts])
    return ["-i", str(path), "-i", str(ROOT / FLEET)]


def _playbook(name: str) -> Callable[[int], list[str]]:
    return lambda hosts: [str(VENV / "bin/ansible-playbook"), *inventory(hosts), name]


def _ping(hosts: int) -> list[str]:
    return [str(VENV / "bin/ansible"), "xorb", *inventory(hosts), "-m", "ansible.builtin.ping"]


def _shell(hosts: int) -> list[str]:
    """The commands in one SSH session a host, which is kinder than one session a command."""
    secrets = bed_named("seed").secrets_directory
    values = {
        "API": "api.xorb.enterprise",
        "PGPASSWORD": (secrets / "postgres_monitor_password").read_text(encoding="utf-8"),
        "REDISCLI_AUTH": (secrets / "redis_monitor_password").read_text(encoding="utf-8"),
    }
    # By standard input, as all of it, so that no password stands in a process list.
    script = BUILD / "benchmark" / "runbook.sh"
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in values.items()]
    script.parent.mkdir(parents=True, exist_ok=True)
    script.touch(mode=0o600)
    script.write_text("".join(lines) + (HERE / "runbook.sh").read_text(encoding="utf-8"), encoding="utf-8")
    names = " ".join(host.name for host in BED.hosts[:hosts])
    ssh = f"ssh -F {shlex.quote(str(BED.ssh_config))} {{}} sh -s < {shlex.quote(str(script))}"
    return ["sh", "-c", f"printf '%s\\n' {names} | xargs -P {FORKS} -I {{}} sh -c {shlex.quote(ssh)}"]


def checks_of_a_host() -> int:
    """How many checks the newest report has for a host; all of them are alike."""
    report = _newest_report()
    return int(report["expected"]) // len({check["host"] for check in report["checks"]})


def _newest_report() -> dict[str, Any]:
    report: dict[str, Any] = json.loads((BED.directory / "reports" / "latest.json").read_text(encoding="utf-8"))
    return report


def _complete(hosts: int) -> str:
    """What is wrong with the newest report, if anything: a run that saw less would be quick."""
    report = _newest_report()
    seen = {check["host"] for check in report["checks"] if check["status"] == "ok"}
    if report["received"] == report["expected"] and len(seen) == hosts and report["counts"]["ok"] == report["expected"]:
        return ""
    return f"{report['counts']} of {report['expected']} on {len(seen)} of {hosts} hosts"


def _browser(page: Callable[[], str]) -> Callable[[int], list[str]]:
    """A browser that starts, opens a page, draws it and ends; without a profile and without a network."""

    def command(_hosts: int) -> list[str]:
        if not which("chromium"):
            debian.install(["chromium"], why="to see how long a page takes to open")
        picture = f"--screenshot={BUILD / 'benchmark' / 'page.png'}"
        folder = tempfile.mkdtemp(prefix="xb-browser")
        return ["chromium", *_FLAGS, f"--user-data-dir={folder}", "--window-size=1280,2000", picture, page()]

    return command


def _latest_page() -> str:
    return (BED.directory / "reports" / "latest.html").resolve().as_uri()


OURS = Side("xorb.runbook.daily", _playbook("xorb.runbook.daily"), _complete)
PEER = Side("peer playbook", _playbook(str(HERE / "peer.yml")))
SHELL = Side("runbook's commands", _shell)
PING = Side("ansible -m ping", _ping)
PAGE = Side("page of the report", _browser(_latest_page))
BLANK = Side("empty page", _browser(lambda: "about:blank"))
