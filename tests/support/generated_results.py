# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Hosts with the results that ``inspect`` would have registered for them: a platform of any size, and no host at all.

Results are made from the description by the collection's own reader, so that what is generated is what is expected.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import (
    CRITICAL,
    NOT_APPLICABLE,
    OK,
    UNKNOWN,
    Check,
)
from ansible_collections.xorb.runbook.plugins.plugin_utils._platform.model import Platform
from ansible_collections.xorb.runbook.plugins.plugin_utils._platform.reader import read

AT = "2026-11-23T03:15:01.000Z"

#: What the hosts that fail have in common: their database is dead.
DEAD = "sql"
#: What a host says does not apply to it, although it is described.
ABSENT = "host.swap.activity"


def _web(port: int, *paths: str, **options: Any) -> dict[str, Any]:
    pages = {name: {"path": f"/{name}"} for name in paths}
    return {"kind": "http", "port": port, "health": {"path": "/health"}, "paths": pages, **options}


#: As many checks each host has, of which three do not apply: two services that it has not, and one that it says so of.
CHECKS = 43
SERVICES: Mapping[str, Any] = {
    "host": {
        "hosts": "all",
        "checks": {
            "root": {"kind": "disk", "path": "/"},
            "logs": {"kind": "disk", "path": "/srv/logs"},
            "memory": {"kind": "memory"},
            "load": {"kind": "load"},
            "swap": {"kind": "swap"},
            "units": {"kind": "failed_units"},
        },
    },
    "sql": {
        "hosts": "all",
        "supervisor": {"kind": "systemd", "unit": "postgresql.service"},
        "endpoints": {
            "main": {"kind": "postgres", "user": "monitor", "database": "app", "password": "{{ monitor_password }}"},
            "port": {"kind": "tcp", "port": 5432},
        },
    },
    "cache": {
        "hosts": "all",
        "supervisor": {"kind": "systemd", "unit": "redis-server.service"},
        "endpoints": {"main": {"kind": "redis"}, "port": {"kind": "tcp", "port": 6379}},
    },
    "api": {
        "hosts": "all",
        "depends_on": ["sql", "cache"],
        "supervisor": {"kind": "systemd", "unit": "api.service"},
        "endpoints": {"rest": _web(8000, "status", "users", "orders", "search", "limits", "version")},
    },
    "proxy": {
        "hosts": "all",
        "depends_on": ["api"],
        "supervisor": {"kind": "systemd", "unit": "nginx.service"},
        "endpoints": {
            "https": _web(8443, "static", scheme="https"),
            "certificate": {"kind": "tls", "port": 8443},
            "port": {"kind": "tcp", "port": 8443},
        },
    },
    "queue": {"hosts": "all", "available": False, "reason": "no image in the production file"},
    "finder": {"hosts": "all", "available": False, "reason": "planned"},
}


def many_checks(number: int) -> dict[str, Any]:
    """Services of one host that have so many checks together, fifty a service."""
    ports = range(number)
    return {
        f"app{start // 50:03}": {
            "hosts": "all",
            "endpoints": {f"port{port}": {"kind": "tcp", "port": 1 + port} for port in ports[start : start + 50]},
        }
        for start in range(0, number, 50)
    }


@dataclass(frozen=True)
class Generated:
    """A platform of hosts that are all alike, of which the last ``failing`` have a dead database.

    Only the first ``looked`` hosts have a result, where it is given: the others are those that a limit keeps out.
    """

    hosts: int
    failing: int = 0
    looked: int | None = None
    services: Mapping[str, Any] = field(default_factory=lambda: SERVICES)

    @cached_property
    def names(self) -> list[str]:
        """The hosts, in order of name."""
        return [f"node{number:05}" for number in range(1, self.hosts + 1)]

    @cached_property
    def platform(self) -> Platform:
        """The description as the collection reads it."""
        described = {"platform_name": "generated", "platform_services": self.services}
        return read(described, {"all": self.names}, lambda value: value)

    @cached_property
    def checks(self) -> dict[str, list[Check]]:
        """The checks that each host which looked has made."""
        seen = self.names[: self.looked]
        dead = set(seen[len(seen) - self.failing :])
        made: dict[str, list[Check]] = {name: [] for name in seen}
        for target in self.platform.targets():
            if target.observer in made:
                placeholders = target.placeholders("as it should be")
                sound = (replace(one, status=OK, about="") for one in placeholders)
                made[target.observer] += [_found(one, target.observer in dead) for one in sound]
        return made

    def inventory(self, **variables: Any) -> dict[str, Any]:
        """The inventory of these hosts, each with the result that its inspection would have been registered in."""
        local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        described = {"platform_name": "generated", "platform_services": self.services, **local, **variables}
        hosts = {
            name: {"platform_inspection": result(self.checks[name])} if name in self.checks else {}
            for name in self.names
        }
        return {"all": {"vars": described, "hosts": hosts}}

    def write(self, folder: Path, **variables: Any) -> Path:
        """Write the inventory, keep its state beside it, and say where it is."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "hosts.json"
        given = {"platform_state_dir": str(folder / "state"), **variables}
        path.write_text(json.dumps(self.inventory(**given)), encoding="utf-8")
        return path


def result(checks: list[Check]) -> dict[str, Any]:
    """What ``inspect`` registers for a host that made these checks."""
    selectors: dict[str, list[str]] = {"topics": [], "services": [], "kinds": []}
    return {
        "changed": False,
        "failed": False,
        "started_at": AT,
        "selectors": selectors,
        "warnings": [],
        "checks": [check.as_dict() for check in checks],
    }


def _found(check: Check, dead: bool) -> Check:
    """What a look would have found: numbers that differ, and the consequences where the database is dead."""
    number = sum(map(ord, check.host + check.id))
    found = replace(
        check, value=round(1 + number % 700 / 10, 1), unit="ms", warning=500, critical=2000, threshold_source="runbook",
        message=f"{check.target} answered as it should, in {number % 70} ms", observed_at=AT,
        duration_ms=round(number % 90 / 7, 1),
    )  # fmt: skip
    if check.id == ABSENT:
        return replace(found, status=NOT_APPLICABLE, value=None, message="there is no swap")
    if not dead or check.service not in (DEAD, "api", "proxy"):
        return found
    message = "connection refused: nothing listens on this port of this host any more"
    if check.service == DEAD:
        status = CRITICAL if check.id.endswith((".state", ".query", ".connect")) else UNKNOWN
        return replace(found, status=status, value=None, message=message)
    if ".rest." in check.id or ".https." in check.id:
        return replace(found, status=CRITICAL, message="HTTP 503, the database is unavailable: expected 200")
    return found
