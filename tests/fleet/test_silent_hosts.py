# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Real hosts of which five cannot be reached and two hang: the run ends, and says so.

How a thousand hosts are reported is shown with results that were generated; how fast forty are looked at is measured by
``make bench``. Here it counts what arrived and why: a machine that has other work to do may be late, and says so.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import Check
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.causes import FAILING

from tests.support.pages import addresses, hosts_named
from tests.support.procedures import BIN, Ran, environment, play
from tests.testbed import fleet
from tests.testbed.engine import Engine
from tests.testbed.inventory import inventories
from tests.testbed.layout import FLEET, ROOT, bed_named

#: Seconds that a host may take: twice what the roles ship, because all hosts share the processors of one machine.
DEADLINE = 60

#: A run that waits for a host that hangs would not end at all.
FOR_EVER = 900

FORTY = bed_named("fleet")

#: By host, what it is that makes it silent; a program runs in the host, a word is for the engine.
UNREACHABLE: Mapping[str, tuple[str, ...]] = {
    "node36": ("kill",),  # nobody has its address any more
    "node37": ("kill",),
    # Refuses; stopping the service alone would leave the connections that are open.
    "node38": ("sh", "-c", "systemctl stop ssh.service ssh.socket; pkill sshd || :"),
    "node39": ("ip", "route", "add", "blackhole", f"{FORTY.prefix}.1/32"),  # drops: its answers go nowhere
    "node40": ("ip", "route", "add", "blackhole", f"{FORTY.prefix}.1/32"),
}
HANGING: Mapping[str, tuple[str, ...]] = {
    # Lets in whoever knocks, and never begins: a login that waits for a file system that does not answer.
    "node34": ("sh", "-c", "echo 'exec sleep 3600' > /etc/ssh/sshrc"),
    # Freezes with a connection that is alive.
    "node35": ("pause",),
}
#: How many others there are.
OTHERS = tuple(f"node{number:02}" for number in range(1, 10))

BED = replace(FORTY, roles={role: FLEET[role] for role in (*OTHERS, *HANGING, *UNREACHABLE)})
SILENT = {f"xorb-{role}" for role in (*UNREACHABLE, *HANGING)}
WELL = {host.inventory_name for host in BED.hosts} - SILENT

#: Topics whose numbers say how busy a machine is.
FIGURES = ("capacity", "performance")

#: How a check says that its time was over.
LATE = re.compile(r"within (the deadline of )?[\d.]+ s\b")


def silence(docker: Engine, role: str, way: tuple[str, ...]) -> None:
    host = BED.host(role).name
    if len(way) == 1:
        docker.run(*way, host)
    else:
        docker.run("exec", host, *way)


def connect(role: str) -> None:
    """Have Ansible open a connection that the next run will find alive."""
    options = [word for path in inventories(BED) for word in ("-i", str(path))]
    ping = [str(BIN / "ansible"), BED.host(role).inventory_name, *options, "-m", "ansible.builtin.ping"]
    subprocess.run(ping, cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, check=True)


def look() -> Ran:
    """The daily check of the fleet."""
    hosts, *others = inventories(BED)
    options = [word for path in others for word in ("-i", str(path))]
    options += ["-e", f"platform_deadline={DEADLINE}"]
    return play(hosts, "daily", *options, reports=BED.directory / "reports")


def wrong(checks: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The messages of checks that fail for another reason than a machine that has other work to do, by ``host/id``."""
    return {f"{check['host']}/{check['id']}": check["message"] for check in checks if not is_excusable(check)}


def is_excusable(check: Mapping[str, Any]) -> bool:
    """Whether it is fine, was late and says so, or is a figure that a busy machine has a right to."""
    is_figure = check["value"] is not None and (check["status"] == "warning" or check["topic"] in FIGURES)
    return check["status"] == "ok" or is_figure or bool(LATE.search(check["message"]))


@pytest.fixture(scope="module")
def ran() -> Iterator[Ran]:
    """The daily check of a fleet that was well, and is partly gone."""
    with fleet.started(BED) as docker:
        before = look()
        assert before.report["received"] == before.report["expected"] > 0, before.output[-3000:]
        assert wrong(before.report["checks"]) == {}
        connect("node35")
        for role, way in {**UNREACHABLE, **HANGING}.items():
            silence(docker, role, way)
        yield look()


@pytest.fixture(scope="module")
def by_host(ran: Ran) -> dict[str, dict[str, dict[str, Any]]]:
    """The checks of each host by their ids."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for check in ran.report["checks"]:
        found.setdefault(check["host"], {})[check["id"]] = check
    return found


def test_the_run_ends(ran: Ran) -> None:
    assert ran.status != 0
    assert ran.seconds < FOR_EVER


def test_every_silent_host_is_a_root_cause_that_says_why(ran: Ran, by_host: dict[str, Any]) -> None:
    reachable = {host: by_host[host]["runbook.host.reachable"] for host in SILENT}
    assert {cause.split("/")[0] for cause in ran.causes} >= SILENT
    assert {check["status"] for check in reachable.values()} == {"critical"}
    for role in UNREACHABLE:
        assert reachable[f"xorb-{role}"]["message"].startswith("unreachable: "), role
    assert reachable["xorb-node34"]["message"].startswith(f"did not answer within {DEADLINE + 10} s")
    assert all(host in ran.output for host in SILENT)


def test_the_others_are_complete(ran: Ran, by_host: dict[str, Any]) -> None:
    expected = ran.report["expected"] // len(BED.hosts)
    assert expected >= 20
    assert len(WELL) == len(OTHERS)
    assert ran.report["received"] == len(WELL) * expected
    assert wrong(check for host in WELL for check in by_host[host].values()) == {}
    assert {len(by_host[host]) for host in WELL} == {expected}


def test_nothing_of_a_silent_host_is_green(by_host: dict[str, Any]) -> None:
    for host in SILENT:
        others = {check["status"] for check in by_host[host].values() if check["service"] != "runbook"}
        assert others == {"unknown"}, host


def test_the_page_has_every_host_and_all_that_fails(ran: Ran) -> None:
    page = (BED.directory / "reports" / "latest.html").read_text(encoding="utf-8")
    assert hosts_named(page) >= WELL | SILENT
    assert set(addresses(page)) == {address(check) for check in ran.report["checks"] if check["status"] in FAILING}
    assert ran.report["finished_at"] in page, "a page of another run"


def address(check: Mapping[str, Any]) -> str:
    """How a page names a check of a JSON report."""
    return Check.from_dict(check).address
