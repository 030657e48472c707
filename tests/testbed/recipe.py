# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is inside a host image. Values and text only; ``image`` builds from it.

The tag of an image carries a hash of its recipe: change anything here and the next ``up`` builds anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

_PACKAGES = (
    "systemd",
    "systemd-sysv",
    "dbus",
    "python3",
    "python3-apt",
    "ca-certificates",
    "iproute2",
    "procps",
    "openssh-server",
    "sudo",
    "curl",
    "openssl",
    "less",
    "age",
    "restic",
    "pgbackrest",
    "zstd",
    "postgresql",
    "postgresql-client",
    "redis-server",
    "redis-tools",
    "nginx-light",
    "prometheus",
    "prometheus-node-exporter",
    "prometheus-alertmanager",
)

# For the host that runs part of the platform by Compose. Debian 12 has no Compose of version 2.
_CONTAINERS = ("docker.io", "docker-cli", "docker-compose")

# For the table of faults: what the runbook's commands and modules of other collections need, and what breaks things.
_FAULTS = ("jq", "python3-requests", "nftables", "faketime")

# Not installed: the collection's own role has to do that. The hosts have no way to a mirror, so the packages lie ready.
_SHELF = ("python3-psycopg2", "python3-redis", "python3-cryptography")

_EXCLUDED = ("/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/doc/*")
_INCLUDED = ("/usr/share/doc/*/copyright",)

# Runs on the building machine after the packages are in; $1 is the root of the new system.
_CUSTOMIZE = """
set -eu
root="$1"

# A shelf of packages as the only package source: installing needs no network, and `apt-get update` works too.
archives="$root/var/cache/apt/archives"
shelf="$root/var/lib/bed/packages"
rm -f "$archives"/*.deb
APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get install --yes --download-only @SHELF@
mkdir -p "$shelf"
mv "$archives"/*.deb "$shelf"
cd "$shelf"
for package in *.deb; do
    dpkg-deb --field "$package"
    printf 'Filename: ./%s\\nSize: %s\\nSHA256: %s\\n\\n' \\
        "$package" "$(stat -c %s "$package")" "$(sha256sum "$package" | cut -d ' ' -f 1)"
done > Packages
rm -rf "$root/etc/apt/sources.list" "$root/etc/apt/sources.list.d" "$root/var/lib/apt/lists"
mkdir -p "$root/etc/apt/sources.list.d" "$root/var/lib/apt/lists/partial"
cat > "$root/etc/apt/sources.list.d/shelf.sources" <<'END'
Types: deb
URIs: file:/var/lib/bed/packages
Suites: ./
Trusted: yes
Languages: none
END
chroot "$root" apt-get update

# Everything is off: each host of a bed enables what it is there for, and no timer takes apt's lock meanwhile.
mkdir -p "$root/etc/systemd/system-preset"
echo 'disable *' > "$root/etc/systemd/system-preset/00-bed.preset"
chroot "$root" systemctl preset-all --preset-mode=disable-only
rm "$root/etc/systemd/system-preset/00-bed.preset"
# An empty file, not a missing one: the latter would count as a first boot, which enables everything again.
: > "$root/etc/machine-id"

# PrivateUsers asks for a user namespace, which is not to be had inside a container (217/USER).
mkdir -p "$root/etc/systemd/system/redis-server.service.d"
printf '[Service]\\nPrivateUsers=false\\n' > "$root/etc/systemd/system/redis-server.service.d/bed.conf"

# An engine inside a container: Docker 26 cannot write the IPv6 switch of a bridge, and below cgroup version 1 the place
# where it would put its containers is covered by the file system that systemd needs.
if [ -e "$root/usr/sbin/dockerd" ]; then
    mkdir -p "$root/etc/systemd/system/docker.service.d"
    cat > "$root/etc/systemd/system/docker.service.d/bed.conf" <<'END'
[Service]
Environment=DOCKER_ALLOW_IPV6_ON_IPV4_INTERFACE=1
ExecStart=
ExecStart=/bin/sh -c 'test -e /sys/fs/cgroup/cgroup.controllers || set -- --cgroup-parent=/inner; \\
    exec /usr/sbin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock "$@"'
END
fi

# The account for Ansible: an ordinary one that becomes root by sudo, as on a real server.
chroot "$root" useradd --create-home --shell /bin/bash ansible
echo 'ansible ALL=(ALL) NOPASSWD: ALL' > "$root/etc/sudoers.d/ansible"
chmod 0440 "$root/etc/sudoers.d/ansible"

# Every host makes keys of its own.
rm -f "$root"/etc/ssh/ssh_host_*
mkdir -p "$root/srv/data" "$root/srv/logs"
"""


@dataclass(frozen=True)
class Recipe:
    """All that decides what an image contains."""

    suite: str = "trixie"
    packages: tuple[str, ...] = (*_PACKAGES, *_CONTAINERS, *_FAULTS)
    shelf: tuple[str, ...] = _SHELF
    excluded: tuple[str, ...] = _EXCLUDED
    included: tuple[str, ...] = _INCLUDED
    customize: str = _CUSTOMIZE
    environment: tuple[str, ...] = ("container=docker", "LANG=C.UTF-8")
    command: tuple[str, ...] = ("/lib/systemd/systemd",)

    @property
    def script(self) -> str:
        return self.customize.replace("@SHELF@", " ".join(self.shelf))

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:12]

    @property
    def tag(self) -> str:
        return f"{self.suite}-{self.fingerprint}"


DEFAULT = Recipe()
RECIPES: Mapping[str, Recipe] = {
    recipe.suite: recipe for recipe in (DEFAULT, Recipe(suite="bookworm", packages=_PACKAGES))
}
