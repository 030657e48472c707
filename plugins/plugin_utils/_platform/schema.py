# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The keys that a description may have."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ansible_collections.xorb.runbook.plugins.module_utils._backup.spec import KINDS as BACKUPS
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import Option, Options
from ansible_collections.xorb.runbook.plugins.module_utils._inspect import registry
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.kind import Kind

#: All of them, since a worker of Ansible could only import them for itself, and each would again.
KINDS: Mapping[str, Kind] = dict(registry.KINDS)


NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")


SERVICE_OPTIONS: Options = {
    "hosts": Option("str", "Inventory host or group that owns the service.", required=True),
    "available": Option("bool", "Whether the platform has the service at all.", default=True),
    "reason": Option("str", "Why it is not available."),
    "supervisor": Option("dict", "What keeps the service running."),
    "depends_on": Option("list", "Services that it needs.", elements="str"),
    "endpoints": Option("dict", "Named ways of reaching the service."),
    "checks": Option("dict", "Named looks at its host."),
    "certificates": Option(
        "dict", "Named sets of certificate, key and chain that are looked at, and replaced when due."
    ),
    "backups": Option("dict", "Named backups that are taken, verified and inspected."),
    "logs": Option("list", "Log sources of the service.", elements="dict"),
}


PATIENCE: Options = {"fail_after": Option("str", "How often it has to fail before the run does, as in '2 of 3'.")}


SUPERVISORS: Mapping[str, Options] = {
    "systemd": {"kind": Option("str", "Kind of supervisor."), **PATIENCE, **KINDS["unit"].description_options},
    "compose": {
        "kind": Option("str", "Kind of supervisor."),
        **PATIENCE,
        "service": Option("str", "Name of the service in the Compose file.", required=True),
        **{
            name: option
            for name, option in KINDS["container"].description_options.items()
            if name not in ("compose_service", "container")
        },
    },
}


#: The kind that looks at each kind of supervisor, and the options that are called otherwise there.
SUPERVISED: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "systemd": ("unit", {}),
    "compose": ("container", {"service": "compose_service"}),
}


#: The sections of a service that hold points, each with the kinds of its own: the kind of a point by the one that it
#: names, which is empty where it names none. A section without any takes every kind that no other section has.
SECTIONS: Mapping[str, Mapping[str, str]] = {
    "endpoints": {},
    "checks": {},
    "certificates": {"": "certificate"},
    "backups": {name: f"backup_{name}" for name in BACKUPS},
}


POINT_OPTIONS: Options = {
    "kind": Option("str", "Kind of probe.", required=True),
    "seen_from": Option("list", "Hosts or groups that look, instead of the owner.", elements="str"),
    **PATIENCE,
}
