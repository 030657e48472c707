# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which container or systemd unit a process belongs to, by its control groups of version 1 or 2."""

from __future__ import annotations

import json
import re
from pathlib import Path

from .._core.text import lines
from . import proc

_CONTAINER = re.compile(r"(?:^|[/-])([0-9a-f]{64})(?:\.scope)?(?:/|$)")
_LXC = re.compile(r"(?:^|/)lxc(?:\.payload)?[./]([^/]+)")
_UNIT = re.compile(r"[^/]+\.(?:service|scope|socket|mount)(?=/|$)")

#: Where Docker keeps what it knows of its containers.
DOCKER = Path("/var/lib/docker/containers")

_SHORT = 12


def owner(pid: int) -> str:
    """The container or unit of a process, by its usual name; empty where there is none or it ended."""
    try:
        return named(path(proc.read(f"{pid}/cgroup")), path(proc.read("1/cgroup")))
    except OSError:
        return ""


def path(text: str) -> str:
    """The group in ``/proc/PID/cgroup``: the most exact one, since version 1 has a line for each controller."""
    return max((line.split(":", 2)[2] for line in lines(text) if line.count(":") > 1), key=len, default="")


def named(group: str, of_init: str) -> str:
    """The name of a group. What is above the first process of this host belongs to whatever runs the host."""
    root = re.sub(r"/(?:init\.scope)?$", "", of_init)
    inside = group.removeprefix(root)
    container = _CONTAINER.search(inside)
    if container:
        return f"container {_docker_name(container.group(1)) or container.group(1)[:_SHORT]}"
    lxc = _LXC.search(inside)
    if lxc:
        return f"container {lxc.group(1)}"
    units = _UNIT.findall(inside)
    return str(units[-1]) if units else ""


def _docker_name(number: str) -> str:
    """What Docker calls a container, where this process may read it."""
    try:
        text = (DOCKER / number / "config.v2.json").read_text(encoding="utf-8")
        return str(json.loads(text)["Name"]).lstrip("/")
    except (OSError, ValueError, KeyError):
        return ""
