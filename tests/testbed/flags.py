# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The ``docker run`` flags with which systemd works as a container's first process.

Pure: cgroup version in, flags out, because the versions differ in what systemd finds below /sys/fs/cgroup.
"""

from __future__ import annotations

from tests.testbed.errors import BedError

_COMMON = (
    "--cap-add=SYS_ADMIN",
    "--cap-add=NET_ADMIN",
    "--security-opt=seccomp=unconfined",
    "--security-opt=apparmor=unconfined",
    "--stop-signal=SIGRTMIN+3",
    "--tmpfs=/run:mode=755",
    "--tmpfs=/run/lock:mode=1777",
    "--tmpfs=/tmp:exec,mode=1777",
)

_CGROUP = {
    # The tmpfs gives systemd a writable place for its own named hierarchy; the rest of the tree stays read-only.
    1: ("--tmpfs=/sys/fs/cgroup/systemd/docker", "--volume=/sys/fs/cgroup:/sys/fs/cgroup:ro"),
    # One unified tree: systemd has to write into it, at the place where the engine put the container.
    2: ("--cgroupns=host", "--volume=/sys/fs/cgroup:/sys/fs/cgroup:rw"),
}


def run_flags(cgroup_version: int, *, privileged: bool = False) -> tuple[str, ...]:
    """Flags for an engine that reports this cgroup version; ``privileged`` is the last resort on version 2."""
    if cgroup_version not in _CGROUP:
        raise BedError(f"the Docker engine reports cgroup version {cgroup_version}; versions 1 and 2 are known")
    if privileged and cgroup_version == 1:
        raise BedError("privileged hosts are not used on cgroup version 1: systemd runs there without")
    return (*_COMMON, *_CGROUP[cgroup_version], *(("--privileged",) if privileged else ()))
