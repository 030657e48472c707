# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is measured: each side as one command, for any number of hosts."""

from __future__ import annotations

import json
import re
import shlex
import tempfile
from collections.abc import Callable, Mapping
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
#: The part of all checks that may be late. Where it is more, the hosts are not what they should be.
TOLERATED = 0.02

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
    """One way of looking: its command, what is wrong when it did not look, and how many checks were too late.

    ``late`` reads what the command printed; where it says 0, any failure of the command is one of the measurement.
    """

    name: str
    command: Callable[[int], list[str]]
    proof: Callable[[int], str] = field(default=lambda _hosts: "")
    late: Callable[[str], int] = field(default=lambda _printed: 0)


def inventory(hosts: int) -> list[str]:
    """The options that name the first hosts of the fleet, and no others."""
    path = BUILD / "benchmark" / f"hosts-{hosts}.yml"
    write(path, BED, BED.hosts[:hosts])
    return ["-i", str(path), "-i", str(ROOT / FLEET)]


def _playbook(name: str) -> Callable[[int], list[str]]:
    return lambda hosts: [str(VENV / "bin/ansible-playbook"), *inventory(hosts), name]


def _daily(hosts: int) -> list[str]:
    """Without the report of the run before: one that ends without a report of its own must not be judged by it."""
    _latest().unlink(missing_ok=True)
    return _playbook("xorb.runbook.daily")(hosts)


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


def _latest() -> Path:
    return BED.directory / "reports" / "latest.json"


def _newest_report() -> dict[str, Any]:
    report: dict[str, Any] = json.loads(_latest().read_text(encoding="utf-8"))
    return report


def _late(_printed: str) -> int:
    """How many checks of the newest report are not fine; all are where no machine is too slow."""
    if not _latest().exists():
        return 0
    report = _newest_report()
    return int(report["expected"] - report["counts"]["ok"])


def _late_hosts(printed: str) -> int:
    """How many hosts failed in a playbook that stops at the first check of a host that does."""
    return len(re.findall(r"unreachable=0 +failed=[1-9]", printed))


def _complete(hosts: int) -> str:
    """What is wrong with the newest report, if anything: a run that saw less would be quick."""
    report = _newest_report()
    return incomplete(report, hosts)


def incomplete(report: Mapping[str, Any], hosts: int) -> str:
    """What is wrong with a report of so many hosts: it saw less, or more was late than a busy machine explains."""
    seen = {check["host"] for check in report["checks"] if check["status"] == "ok"}
    few_late = report["expected"] - report["counts"]["ok"] <= TOLERATED * report["expected"]
    if report["received"] == report["expected"] and len(seen) == hosts and few_late:
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


OURS = Side("xorb.runbook.daily", _daily, _complete, _late)
PEER = Side("peer playbook", _playbook(str(HERE / "peer.yml")), late=_late_hosts)
SHELL = Side("runbook's commands", _shell)
PING = Side("ansible -m ping", _ping)
PAGE = Side("page of the report", _browser(_latest_page))
BLANK = Side("empty page", _browser(lambda: "about:blank"))
