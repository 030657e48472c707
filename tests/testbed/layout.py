# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What exists: the beds, their hosts and addresses, and where files are kept. Values only."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.testbed.errors import BedError

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
STATE = BUILD / "bed"
VENV = ROOT / ".venv"

IMAGE = "xorb-runbook-host"

# The Debian of every host that does not say otherwise.
DEBIAN = "trixie"

# No Debian, but the image of a host that has its services already: see `fleet`.
READY = "ready"

# Every host has file systems of its own, so that a full disk can be shown without filling the machine's.
FILESYSTEMS: Mapping[str, str] = {"/srv/data": "size=64m,mode=755", "/srv/logs": "size=32m,mode=755"}


@dataclass(frozen=True)
class Host:
    """One container that plays a server."""

    role: str
    name: str
    address: str
    suite: str = DEBIAN
    volumes: tuple[str, ...] = ()

    @property
    def inventory_name(self) -> str:
        """What the demo inventory calls it, in every bed."""
        return f"xorb-{self.role}"


@dataclass(frozen=True)
class Role:
    """What the host of a role has that others have not."""

    number: int  # the last part of its address
    suite: str = DEBIAN
    volumes: tuple[str, ...] = ()


ROLES: Mapping[str, Role] = {
    "db": Role(11),
    "web": Role(12),
    "monitor": Role(13),
    # Its engine cannot put its layers on those of the host itself.
    "compose": Role(14, volumes=("/var/lib/docker",)),
    "db12": Role(15, suite="bookworm"),
}
DEMO_ROLES = ("db", "web", "monitor")

# Many small hosts that are all alike, each with the same services of its own.
FLEET: Mapping[str, Role] = {f"node{number:02}": Role(10 + number, suite=READY) for number in range(1, 41)}
# The one that they are copies of.
SEED: Mapping[str, Role] = {"seed": Role(10)}


@dataclass(frozen=True)
class Bed:
    """A named set of hosts on a network of their own.

    Checkouts side by side on one machine each have a ``slot``, so that their hosts have other names and addresses.
    """

    name: str
    number: int  # the third part of its addresses in the first slot
    roles: Mapping[str, Role]
    slot: int = 0

    @property
    def prefix(self) -> str:
        return f"172.30.{self.number + 10 * self.slot}"

    @property
    def network(self) -> str:
        return f"xorb{self.slot or ''}-{self.name}"

    @property
    def subnet(self) -> str:
        return f"{self.prefix}.0/24"

    @property
    def hosts(self) -> tuple[Host, ...]:
        return tuple(self._host(name, role) for name, role in self.roles.items())

    def _host(self, name: str, role: Role) -> Host:
        return Host(
            role=name,
            name=f"{self.network}-{name}",
            address=f"{self.prefix}.{role.number}",
            suite=role.suite,
            volumes=role.volumes,
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

    @property
    def authority_directory(self) -> Path:
        """A CA of the collection whose certificates the hosts have for a while; it is of no use without them."""
        return self.directory / "authority"


#: The variable that gives a checkout its slot, 0 to 9. The demo inventory reads it, too.
SLOT = "XORB_BED_SLOT"

_SLOT = int(os.environ.get(SLOT) or 0)

BEDS: Mapping[str, Bed] = {
    bed.name: bed
    for bed in (
        Bed("demo", 61, {name: ROLES[name] for name in DEMO_ROLES}, _SLOT),
        Bed("test", 62, ROLES, _SLOT),
        Bed("fleet", 63, FLEET, _SLOT),
        Bed("seed", 64, SEED, _SLOT),
        Bed("twin", 65, ROLES, _SLOT),
    )
}

#: Beds with the same hosts, so that two scenarios can run side by side.
SCENARIO_BEDS = ("test", "twin")
#: The variable that names the bed of a program.
BED = "XORB_BED"


def bed_named(name: str) -> Bed:
    """The bed of that name, or an error that lists the names there are."""
    if name not in BEDS:
        raise BedError(f"no bed is called {name!r}; there are: {', '.join(BEDS)}")
    return BEDS[name]


def scenario_bed() -> Bed:
    """The bed on which this process tests a scenario: ``XORB_BED`` says which of the two."""
    name = os.environ.get(BED, "")
    return bed_named(name if name in SCENARIO_BEDS else SCENARIO_BEDS[0])
