# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The passwords of the platform appear nowhere but where they belong."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Callable

import pytest
import yaml

from tests.support.procedures import BIN, ROOT, Ran, environment
from tests.testbed import engine
from tests.testbed.layout import scenario_bed

BED = scenario_bed()
Run = Callable[..., Ran]


@pytest.fixture(scope="module")
def secrets() -> list[str]:
    """Every secret of the test hosts."""
    found = [path.read_text().strip() for path in BED.secrets_directory.iterdir()]
    assert len(found) >= 5 and all(len(secret) >= 24 for secret in found)
    return found


def hits(text: str, secrets: list[str]) -> int:
    """How many of the secrets stand in a text."""
    return sum(secret in text for secret in secrets)


def on_every_host(command: str) -> str:
    """What a shell command prints on all hosts."""
    docker = engine.ensure()
    return "\n".join(docker.run("exec", host.name, "sh", "-c", command).stdout for host in BED.hosts)


@pytest.mark.parametrize("playbook", ["prerequisites", "daily", "platform_check"])
def test_secrets_are_not_in_the_most_verbose_output(run: Run, secrets: list[str], playbook: str) -> None:
    ran = run(playbook, "-vvvv")
    assert ran.status == 0, ran.output[-3000:]
    assert len(ran.output) > 2000
    assert hits(ran.output, secrets) == 0


def test_secrets_are_not_in_the_journal_of_the_hosts(run: Run, secrets: list[str]) -> None:
    assert run("daily").status == 0
    journal = on_every_host("journalctl --no-pager --output=cat; cat /var/log/syslog 2>/dev/null || :")
    assert "ansible" in journal, "the modules log their calls, or this test proves nothing"
    assert hits(journal, secrets) == 0


def test_secrets_are_not_in_command_lines(secrets: list[str]) -> None:
    docker = engine.ensure()
    watched = []
    playbook = subprocess.Popen(
        [str(BIN / "ansible-playbook"), "-i", "inventories/demo", "xorb.runbook.daily"],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        env=environment(XORB_BED=BED.name),
    )
    while playbook.poll() is None:
        watched.append(subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout)
        watched += [docker.run("exec", host.name, "ps", "-eo", "args").stdout for host in BED.hosts]
        time.sleep(0.05)
    assert playbook.returncode == 0
    assert len(watched) > 8 and any("python3" in text for text in watched)
    assert hits("\n".join(watched), secrets) == 0


def test_secrets_are_not_in_report_and_ledger(run: Run, secrets: list[str]) -> None:
    assert run("daily").report
    files = [path for folder in ("reports", "state") for path in (BED.directory / folder).rglob("*") if path.is_file()]
    assert {path.suffix for path in files} >= {".html", ".json", ".sqlite"}
    for path in files:
        assert hits(path.read_bytes().decode("utf-8", "replace"), secrets) == 0, path


def test_secrets_are_not_in_errors_of_a_login_that_fails(run: Run, secrets: list[str]) -> None:
    # The right secrets for the wrong users: drivers like to repeat what they were given.
    wrong = {
        "postgres": {"endpoints": {"sql": {"user": "nobody"}}},
        "redis": {"endpoints": {"main": {"username": "nobody"}}},
    }
    ran = run("health_check", "-vvvv", "-e", yaml.safe_dump({"platform_overrides": wrong}, default_flow_style=True))
    assert ran.statuses["xorb-db/postgres.sql.query"] == ran.statuses["xorb-db/redis.main.ping"] == "critical"
    assert hits(ran.output, secrets) == 0


def test_secrets_are_not_in_tracebacks_of_a_broken_host(run: Run, secrets: list[str]) -> None:
    ran = run("health_check", "-vvvv", "-e", "ansible_python_interpreter=/bin/false")
    assert ran.status != 0
    assert "could not be inspected" in ran.output or "unreachable" in ran.output
    assert hits(ran.output, secrets) == 0


@pytest.mark.parametrize(
    "damage",
    [
        ("kind: postgres", "kind: postgres: broken"),
        ("port: 5432\n", "port: [5432\n"),
        ("demo_secrets ~ '/postgres_monitor_password'", "demo_secrets ~ '/postgres_monitor_password"),
        ("user: xorb_monitor", "user: {{ xorb_monitor }}"),
    ],
)
def test_secrets_are_not_in_snippets_of_a_broken_inventory(
    run: Run, secrets: list[str], damage: tuple[str, str]
) -> None:
    broken = ROOT / "build/broken"
    # As deep as the real one, so that the paths it computes still lead to the secrets.
    shutil.rmtree(broken, ignore_errors=True)
    shutil.copytree(ROOT / "inventories/demo", broken)
    (path,) = [
        path for path in broken.rglob("*.yml") if re.search(r"^platform_services:", path.read_text(), re.MULTILINE)
    ]
    text = path.read_text()
    assert damage[0] in text
    path.write_text(text.replace(damage[0], damage[1], 1))
    ran = run("platform_check", "-vvvv", inventory=broken)
    assert ran.status != 0, ran.output[-2000:]
    assert hits(ran.output, secrets) == 0
