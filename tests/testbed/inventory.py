# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The inventories of the beds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml

from tests.testbed.layout import DEMO_ROLES, ROOT, Bed, Host, bed_named

INVENTORY = Path("inventories") / "demo"
# The hosts that the demo does not have.
MORE_HOSTS = Path("tests") / "testplatform" / "inventory"
# The description of what the Compose host has in containers, which takes the place of that of the demo.
IN_CONTAINERS = Path("tests") / "testplatform" / "compose_stores.yml"
# What all hosts of the fleet have; their addresses are written down when they are needed.
FLEET = Path("tests") / "testplatform" / "fleet" / "platform.yml"


def inventories(bed: Bed) -> list[Path]:
    """The inventories that describe the hosts of a bed."""
    if set(bed.roles) >= set(DEMO_ROLES):
        return [INVENTORY, *([MORE_HOSTS] if set(bed.roles) > set(DEMO_ROLES) else [])]
    path = bed.directory / "inventory" / "hosts.yml"
    write(path, bed, bed.hosts)
    return [path.relative_to(ROOT), FLEET]


def write(path: Path, bed: Bed, hosts: Sequence[Host]) -> None:
    """Write down some hosts of a bed of which every one is alike; `FLEET` says what they have."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(_alike(bed, hosts), sort_keys=False, width=1000), encoding="utf-8")


def _alike(bed: Bed, hosts: Sequence[Host]) -> dict[str, object]:
    """The hosts of a bed with their addresses written out, as in most inventories."""
    seed = bed_named("seed")
    options = "-o IdentitiesOnly=yes -o StrictHostKeyChecking=yes -o ConnectTimeout=5"
    variables = {
        "ansible_user": "root",
        "ansible_python_interpreter": "/usr/bin/python3",
        "ansible_ssh_private_key_file": str(bed.private_key),
        "ansible_ssh_common_args": f"{options} -o 'UserKnownHostsFile=\"{bed.known_hosts}\"'",
        "ansible_ssh_pipelining": True,
        "demo_subnet": bed.subnet,
        "demo_secrets": str(seed.secrets_directory),
        "demo_ca_directory": str(seed.directory / "ca"),
        "platform_state_dir": str(bed.directory / "state"),
        "platform_report_dir": str(bed.directory / "reports"),
    }
    members = {host.inventory_name: {"ansible_host": host.address} for host in hosts}
    names: dict[str, dict[str, object]] = {name: {} for name in members}
    groups = {"db": {"hosts": names}, "web": {"hosts": {**names}}}
    return {"all": {"vars": variables, "hosts": members, "children": {"xorb": {"children": groups}}}}
