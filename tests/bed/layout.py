# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What exists: the beds, their hosts and addresses, and where files are kept. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.bed.errors import BedError

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
STATE = BUILD / "bed"
VENV = ROOT / ".venv"

IMAGE = "xorb-runbook-host"

# Every host has file systems of its own, so that a full disk can be shown without filling the machine's.
FILESYSTEMS: Mapping[str, str] = {"/srv/data": "size=64m,mode=755", "/srv/logs": "size=32m,mode=755"}


@dataclass(frozen=True)
class Host:
    """One container that plays a server."""

    role: str
    name: str
    address: str

    @property
    def inventory_name(self) -> str:
        """What the demo inventory calls it, in every bed."""
        return f"xorb-{self.role}"


@dataclass(frozen=True)
class Bed:
    """A named set of hosts on a network of their own."""

    name: str
    prefix: str

    @property
    def network(self) -> str:
        return f"xorb-{self.name}"

    @property
    def subnet(self) -> str:
        return f"{self.prefix}.0/24"

    @property
    def hosts(self) -> tuple[Host, ...]:
        numbers = {"db": 11, "web": 12, "monitor": 13}
        return tuple(
            Host(role=role, name=f"{self.network}-{role}", address=f"{self.prefix}.{number}")
            for role, number in numbers.items()
        )

    def host(self, role: str) -> Host:
        return next(host for host in self.hosts if host.role == role)

    @property
    def directory(self) -> Path:
        return BUILD / self.name

    @property
    def ssh_directory(self) -> Path:
        return self.directory / "ssh"

    @property
    def private_key(self) -> Path:
        return self.ssh_directory / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        return self.ssh_directory / "known_hosts"

    @property
    def ssh_config(self) -> Path:
        return self.ssh_directory / "config"

    @property
    def secrets_directory(self) -> Path:
        return self.directory / "secrets"


BEDS: Mapping[str, Bed] = {bed.name: bed for bed in (Bed("demo", "172.30.61"), Bed("test", "172.30.62"))}


def bed_named(name: str) -> Bed:
    """The bed of that name, or an error that lists the names there are."""
    if name not in BEDS:
        raise BedError(f"no bed is called {name!r}; there are: {', '.join(BEDS)}")
    return BEDS[name]
