# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The fleet: many hosts that are ready as soon as they have started.

One host, the seed, gets the platform in the usual way and becomes an image. The fleet is made of copies, because
installing the same services forty times would take longer than what they are there for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.testbed import converge, credentials, engine, environment, hosts, image, kernel
from tests.testbed.engine import Engine
from tests.testbed.layout import DEBIAN, IMAGE, READY, ROOT, Bed, bed_named
from tests.testbed.progress import step

_LABEL = "xorb.ready"

# Services end in good order, and what makes a host itself is left to each copy. SSH host keys stay: making them for
# each of forty hosts takes longer than starting all.
_SETTLE = """
set -eu
systemctl stop nginx.service xorb-api.service redis-server.service 'postgresql@*.service'
rm -rf /var/log/journal/* /var/lib/systemd/random-seed
: > /etc/machine-id
sync
"""


def ensure_image(docker: Engine) -> str:
    """The image of a host that has its services, made when what it is made from has changed."""
    seed, fleet, base = bed_named("seed"), bed_named("fleet"), image.ensure(docker)
    credentials.ensure(seed)
    hosts.make_key(fleet)
    sources = (ROOT / path for path in converge.SOURCES)
    facts = [base, _SETTLE, fleet.private_key.with_suffix(".pub").read_text(encoding="utf-8")]
    name = f"{IMAGE}:ready-{converge.digest(sources, seed.secrets_directory, facts=facts)[:12]}"
    if docker.run("image", "inspect", name, check=False).returncode != 0:
        environment.ensure()
        hosts.up(docker, seed, {DEBIAN: base})
        converge.ensure(docker, seed)
        with step("Making an image of the host that is ready"):
            _commit(docker, seed, fleet, name)
    return name


def _commit(docker: Engine, seed: Bed, fleet: Bed, name: str) -> None:
    (host,) = seed.hosts
    key = hosts.open_ssh(docker, fleet, host)
    docker.run("exec", host.name, "sh", "-c", _SETTLE)
    # Images of other checkouts stay, and so does one that hosts are still made of.
    old = docker.run("image", "ls", "--quiet", "--filter", f"label={_LABEL}={seed.network}").stdout.split()
    labels = {_LABEL: seed.network, hosts.LABEL_KEY: key}
    changes = [f'--change=LABEL {label}="{value}"' for label, value in labels.items()]
    docker.run("commit", *changes, host.name, name)
    hosts.down(docker, seed)
    for identity in dict.fromkeys(old):
        docker.run("image", "rm", identity, check=False)


def up(bed: Bed) -> Engine:
    """Start the fleet or a part of it, and hand back the engine it runs on."""
    docker = engine.ensure()
    kernel.make_room()
    hosts.up(docker, bed, {READY: ensure_image(docker)})
    return docker


@contextmanager
def started(bed: Bed) -> Iterator[Engine]:
    """The fleet or a part of it for as long as it is needed."""
    docker = up(bed)
    try:
        yield docker
    finally:
        hosts.down(docker, bed)
