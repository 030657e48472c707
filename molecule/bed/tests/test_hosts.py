# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The bed is what it claims to be: real hosts, reached by SSH, with everything a scenario needs and no more."""

from __future__ import annotations

import stat
import subprocess

import pytest
from testinfra.host import Host

from tests.testbed import credentials, engine, image
from tests.testbed.layout import FILESYSTEMS, scenario_bed
from tests.testbed.recipe import RECIPES

BED = scenario_bed()

testinfra_hosts = [f"ssh://{host.inventory_name}" for host in BED.hosts]


def test_systemd_is_running(host: Host) -> None:
    assert host.check_output("systemctl is-system-running") == "running"


def test_host_is_the_debian_of_its_role(host: Host) -> None:
    (suite,) = [one.suite for one in BED.hosts if one.name == host.check_output("hostname")]
    assert host.system_info.distribution == "debian"
    assert host.system_info.codename == suite


def test_ssh_runs_and_has_keys_of_its_own(host: Host) -> None:
    assert host.service("ssh").is_running
    own = host.check_output("cut -d ' ' -f 2 /etc/ssh/ssh_host_ed25519_key.pub")
    assert [own in line for line in BED.known_hosts.read_text(encoding="utf-8").splitlines()].count(True) == 1


@pytest.mark.parametrize(("path", "options"), FILESYSTEMS.items())
def test_file_system_is_small_and_its_own(host: Host, path: str, options: str) -> None:
    assert host.mount_point(path).filesystem == "tmpfs"
    megabytes = int(host.check_output("df --output=size --block-size=1M %s", path).split()[-1])
    assert options.startswith(f"size={megabytes}m,")


@pytest.mark.parametrize("timer", ["apt-daily.timer", "apt-daily-upgrade.timer"])
def test_no_timer_takes_the_package_lock(host: Host, timer: str) -> None:
    assert not host.service(timer).is_enabled
    assert not host.service(timer).is_running


@pytest.mark.parametrize(
    "package",
    ["postgresql", "redis-server", "nginx-light", "prometheus", "prometheus-node-exporter", "prometheus-alertmanager"],
)
def test_package_is_installed(host: Host, package: str) -> None:
    assert host.package(package).is_installed


def test_host_key_of_a_stranger_is_refused() -> None:
    """Strict host key checking is real: the right address with the wrong key on file does not connect."""
    db, web = BED.host("db"), BED.host("web")
    command = ["ssh", "-i", str(BED.private_key), "-o", "BatchMode=yes", "-o", f"HostKeyAlias={db.address}"]
    command += ["-o", f"UserKnownHostsFile={BED.known_hosts}", "-o", "StrictHostKeyChecking=yes", "-S", "none"]
    refused = subprocess.run(
        [*command, f"ansible@{web.address}", "true"], capture_output=True, text=True, check=False, timeout=30
    )
    assert refused.returncode == 255
    assert "Host key verification failed" in refused.stderr


def test_secrets_are_for_their_owner_only() -> None:
    assert stat.S_IMODE(BED.secrets_directory.stat().st_mode) == 0o700
    for name in credentials.NAMES:
        assert stat.S_IMODE((BED.secrets_directory / name).stat().st_mode) == 0o600


@pytest.mark.parametrize("suite", RECIPES)
def test_image_has_no_drivers_no_keys_and_nothing_enabled(suite: str) -> None:
    script = "ls /etc/ssh/ssh_host_* 2> /dev/null; systemctl list-unit-files --state=enabled --no-legend"
    script += "; python3 -c 'import psycopg2' 2> /dev/null && echo psycopg2"
    ended = engine.ensure().run(
        "run", "--rm", "--network=none", image.reference(RECIPES[suite]), "sh", "-c", script, check=False
    )
    assert ended.stdout == ""


@pytest.mark.parametrize("suite", RECIPES)
def test_drivers_can_be_installed_without_a_network(suite: str) -> None:
    script = "apt-get update && apt-get install -y python3-psycopg2 python3-redis python3-cryptography"
    script += " && python3 -c 'import psycopg2, redis, cryptography'"
    engine.ensure().run("run", "--rm", "--network=none", image.reference(RECIPES[suite]), "sh", "-ec", script)
