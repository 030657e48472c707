# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bring the hosts of a bed up and down: network, containers, systemd, SSH."""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from tests.testbed.commands import last_line, run
from tests.testbed.engine import Engine
from tests.testbed.errors import BedError
from tests.testbed.flags import run_flags
from tests.testbed.layout import BEDS, FILESYSTEMS, READY, Bed, Host
from tests.testbed.progress import say, step

_LABEL_BED = "xorb.bed"
_LABEL_SPEC = "xorb.spec"
#: The SSH key of all hosts that are made from an image of a host that is ready.
LABEL_KEY = "xorb.host_key"
_BOOT_SECONDS = 120

T = TypeVar("T")

# The daemon of a host knows the key of this bed only, for the ordinary account and for root.
_OPEN_SSH = """
set -eu
read -r key
for home in /root /home/ansible; do
    owner=$(stat -c %u:%g "$home")
    mkdir -p "$home/.ssh"
    printf '%s\\n' "$key" > "$home/.ssh/authorized_keys"
    chmod 0700 "$home/.ssh"
    chmod 0600 "$home/.ssh/authorized_keys"
    chown -R "$owner" "$home/.ssh"
done
ssh-keygen -A > /dev/null
systemctl enable --now ssh.service 2> /dev/null
cut -d ' ' -f 1,2 /etc/ssh/ssh_host_ed25519_key.pub
"""


@dataclass(frozen=True)
class Container:
    """What the engine says about one of our hosts."""

    identity: str
    state: str
    spec: str
    started: str


def up(engine: Engine, bed: Bed, images: Mapping[str, str]) -> None:
    """Make the bed's hosts run, each from the image of its suite. Hosts that already do are left alone."""
    make_key(bed)
    known = inspect(engine, bed)
    wanted = [host for host in bed.hosts if not _stands(engine, bed, host, known.get(host.name), images[host.suite])]
    if not wanted and _remembered(bed):
        say(f"The hosts of bed {bed.name} are up.")
        return
    with step(f"Starting {_few([host.name for host in wanted]) or 'SSH of bed ' + bed.name}"):
        ensure_network(engine, bed)
        bed.ssh_config.write_text(ssh_config(bed), encoding="utf-8")
        if any(host.suite == READY for host in bed.hosts):
            _write_known(bed, [_key_of(engine, images[READY])] * len(bed.hosts))
            _start_ready(engine, bed, wanted, images[READY])
        else:
            _each(wanted, lambda host: _start(engine, bed, host, images[host.suite]))
            _write_known(bed, _each(bed.hosts, lambda host: open_ssh(engine, bed, host)))
            _each(bed.hosts, lambda host: _await_ssh(bed, host))


def down(engine: Engine, bed: Bed) -> None:
    """Remove the bed's hosts and its network."""
    present = list(inspect(engine, bed))
    networks = engine.run("network", "ls", "--quiet", "--filter", f"name=^{bed.network}$").stdout.split()
    if present:
        engine.run("rm", "--force", "--volumes", *present)
    for network in networks:
        engine.run("network", "rm", network)
    for path in (bed.known_hosts, bed.ssh_config):
        path.unlink(missing_ok=True)
    # A scenario that was killed leaves its CA behind, and the next one would go on with it on hosts that never knew it.
    shutil.rmtree(bed.authority_directory, ignore_errors=True)
    if present or networks:
        say(f"Removed {_few([*present, 'network ' + bed.network])}.")


def inspect(engine: Engine, bed: Bed) -> dict[str, Container]:
    """The bed's containers as the engine sees them, by name."""
    names = engine.run("ps", "--all", "--filter", f"label={_LABEL_BED}={bed.network}", "--format", "{{.Names}}")
    if not names.stdout.split():
        return {}
    facts: list[dict[str, Any]] = json.loads(engine.run("inspect", "--type=container", *names.stdout.split()).stdout)
    return {fact["Name"].lstrip("/"): _container(fact) for fact in facts}


def status(engine: Engine) -> list[tuple[str, str, str, str]]:
    """One row for each host of each bed: bed, host, address, state."""
    rows = []
    for bed in BEDS.values():
        known = inspect(engine, bed)
        rows += [
            (bed.name, host.name, host.address, known[host.name].state if host.name in known else "absent")
            for host in bed.hosts
        ]
    return rows


def make_key(bed: Bed) -> None:
    """The key pair of the bed, made once."""
    bed.ssh_directory.mkdir(parents=True, exist_ok=True)
    bed.ssh_directory.chmod(0o700)
    if not bed.private_key.exists():
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"xorb {bed.name} bed", "-f", str(bed.private_key)])


def ssh_config(bed: Bed) -> str:
    """For programs that do not read an inventory, and for people: ``ssh -F build/demo/ssh/config xorb-db``."""
    hosts = [f"Host {host.inventory_name} {host.name}\n  HostName {host.address}\n" for host in bed.hosts]
    return "".join(hosts) + (
        "Host *\n  User root\n  IdentitiesOnly yes\n  StrictHostKeyChecking yes\n"
        f'  IdentityFile "{bed.private_key}"\n  UserKnownHostsFile "{bed.known_hosts}"\n'
    )


def ensure_network(engine: Engine, bed: Bed) -> None:
    if engine.run("network", "inspect", bed.network, check=False).returncode == 0:
        return
    created = engine.run("network", "create", "--subnet", bed.subnet, bed.network, check=False)
    if created.returncode != 0:
        raise BedError(
            f"the network {bed.network} ({bed.subnet}) cannot be made: {created.stderr.strip()}; "
            "another network of this machine may use these addresses"
        )


def create_command(bed: Bed, host: Host, image: str, flags: Sequence[str]) -> list[str]:
    """The words after ``docker`` that make one host; its hash is kept on the container to notice a change."""
    words = [
        "run",
        "--detach",
        f"--name={host.name}",
        f"--hostname={host.name}",
        f"--network={bed.network}",
        f"--ip={host.address}",
        f"--network-alias={host.role}",
        f"--label={_LABEL_BED}={bed.network}",
        *flags,
        *(f"--tmpfs={mount}:{options}" for mount, options in FILESYSTEMS.items()),
        *(f"--volume={path}" for path in host.volumes),
    ]
    return [*words, f"--label={_LABEL_SPEC}={_digest([*words, image])}", image]


def _digest(words: Sequence[str]) -> str:
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:12]


def _container(fact: Mapping[str, Any]) -> Container:
    return Container(
        identity=fact["Id"],
        state=fact["State"]["Status"],
        spec=fact["Config"]["Labels"].get(_LABEL_SPEC, ""),
        started=fact["State"]["StartedAt"],
    )


def _specs(engine: Engine, bed: Bed, host: Host, image: str) -> set[str]:
    """The hashes a good container may carry: with the usual flags, or with those of the fallback."""
    modes = (False, True) if engine.cgroup_version == 2 else (False,)
    commands = (create_command(bed, host, image, run_flags(engine.cgroup_version, privileged=mode)) for mode in modes)
    return {command[-2].rpartition("=")[2] for command in commands}


def _stands(engine: Engine, bed: Bed, host: Host, container: Container | None, image: str) -> bool:
    """Whether the host can stay as it is. A paused one is only woken; anything else odd is made anew."""
    if container is None or container.spec not in _specs(engine, bed, host, image):
        return False
    if container.state == "paused":
        engine.run("unpause", host.name)
        return True
    return container.state == "running"


def _remembered(bed: Bed) -> bool:
    """Whether the host keys are on file and every SSH port answers."""
    return (
        bed.known_hosts.exists()
        and bed.ssh_config.exists()
        and all(_ssh_answers(host, seconds=2) for host in bed.hosts)
    )


def _start_ready(engine: Engine, bed: Bed, wanted: Sequence[Host], image: str) -> None:
    """Start hosts that have their services. The first is watched, the others follow with what worked for it, few at a
    time: forty that start at once are up later than one after the other, and nothing else gets its turn meanwhile."""

    def follow(host: Host) -> None:
        _create(engine, bed, host, image, privileged=privileged)
        _await_ssh(bed, host, program="systemctl is-system-running --wait", seconds=_BOOT_SECONDS)

    privileged = any(_start(engine, bed, host, image) for host in wanted[:1])
    _each(wanted[1:], follow, at_once=3)


def _start(engine: Engine, bed: Bed, host: Host, image: str) -> bool:
    """Make the host run; returns whether it had to be privileged."""
    if _boots(engine, bed, host, image, privileged=False):
        return False
    if engine.cgroup_version == 2:
        say(f"  systemd does not reach 'running' in {host.name}; trying once more as a privileged container")
        if _boots(engine, bed, host, image, privileged=True):
            return True
    raise BedError(f"systemd does not reach 'running' in {host.name}: {_complaint(engine, host)}")


def _boots(engine: Engine, bed: Bed, host: Host, image: str, *, privileged: bool) -> bool:
    _create(engine, bed, host, image, privileged=privileged)
    return _until(lambda: _system_state(engine, host) == "running", seconds=_BOOT_SECONDS)


def _create(engine: Engine, bed: Bed, host: Host, image: str, *, privileged: bool) -> None:
    engine.run("rm", "--force", "--volumes", host.name, check=False)
    flags = run_flags(engine.cgroup_version, privileged=privileged)
    created = engine.run(*create_command(bed, host, image, flags), check=False)
    if created.returncode != 0:
        raise BedError(f"the engine cannot start {host.name}: {created.stderr.strip().splitlines()[-1]}")


def _system_state(engine: Engine, host: Host) -> str:
    # `--wait` would be shorter but fails while the bus is not there yet.
    return engine.run("exec", host.name, "systemctl", "is-system-running", check=False).stdout.strip()


def _complaint(engine: Engine, host: Host) -> str:
    units = engine.run("exec", host.name, "systemctl", "--failed", "--plain", "--no-legend", check=False).stdout
    failed = [line.split()[0] for line in units.splitlines() if line.strip()]
    logs = engine.run("logs", "--tail", "1", host.name, check=False)
    return f"failed units: {', '.join(failed)}" if failed else (logs.stdout or logs.stderr).strip() or "no reason given"


def _write_known(bed: Bed, keys: Sequence[str]) -> None:
    """The keys of the bed's hosts, in their order, for SSH to compare."""
    lines = [f"{host.address},{host.name},{host.role} {key}\n" for host, key in zip(bed.hosts, keys, strict=True)]
    bed.known_hosts.write_text("".join(lines), encoding="utf-8")


def _key_of(engine: Engine, image: str) -> str:
    """The key that all hosts have that are made from an image of a host that is ready."""
    label = f'{{{{index .Config.Labels "{LABEL_KEY}"}}}}'
    return engine.run("image", "inspect", "--format", label, image).stdout.strip()


def open_ssh(engine: Engine, bed: Bed, host: Host) -> str:
    """Let the key of a bed, and no other, into a host; returns the host's own."""
    public = bed.private_key.with_suffix(".pub").read_text(encoding="utf-8")
    return engine.run("exec", "--interactive", host.name, "sh", "-c", _OPEN_SSH, data=public).stdout.strip()


def _await_ssh(bed: Bed, host: Host, *, program: str = "true", seconds: float = 20) -> None:
    """Log in as Ansible will: something else may answer at the address, and its key would be the wrong one."""
    command = ["ssh", "-F", str(bed.ssh_config), "-o", "BatchMode=yes", "-o", "ConnectTimeout=3", host.name, program]
    if not _until(lambda: run(command, check=False).returncode == 0, seconds=seconds):
        raise BedError(
            f"{host.name} runs, but SSH to {host.address} fails ({last_line(run(command, check=False))}); "
            "the Docker engine has to be on this machine, and nothing else may use the address"
        )


def _ssh_answers(host: Host, *, seconds: float) -> bool:
    try:
        with socket.create_connection((host.address, 22), timeout=seconds) as connection:
            connection.settimeout(seconds)
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def _until(condition: Callable[[], bool], *, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.3)
    return True


def _few(names: Sequence[str]) -> str:
    """The names, or of many only how many."""
    return ", ".join(names) if len(names) <= 10 else f"{names[0]} to {names[-2]}, {names[-1]}"


def _each(hosts: Sequence[Host], work: Callable[[Host], T], *, at_once: int = 8) -> list[T]:
    """Do the work for the hosts side by side; the first error wins."""
    with ThreadPoolExecutor(max_workers=max(1, min(len(hosts), at_once))) as pool:
        return list(pool.map(work, hosts))
