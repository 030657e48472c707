# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A platform on the loopback address, looked at by the shipped playbooks over a local connection."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.support.procedures import Ran, play


@dataclass
class Lab:
    """An inventory of local hosts, and the playbooks run on it."""

    folder: Path
    variables: dict[str, Any] = field(default_factory=dict)
    hosts: dict[str, dict[str, Any]] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)

    def play(self, playbook: str, *options: str, **environment: str) -> Ran:
        """Run a playbook by its name and read its report."""
        return self.play_on(self.write(), playbook, *options, **environment)

    def play_on(self, inventory: Path, playbook: str, *options: str, **environment: str) -> Ran:
        """Run a playbook on another inventory, which keeps its state in the same folder."""
        return play(inventory, playbook, *options, reports=self.folder / "state/reports", **environment)

    def own_playbook(self) -> str:
        """The path of a playbook of an operator's own, which uses the roles alone."""
        path = self.folder / "own.yml"
        roles = [{"role": "xorb.runbook.inspect"}, {"role": "xorb.runbook.report"}]
        path.write_text(yaml.safe_dump([{"hosts": "all", "gather_facts": False, "strategy": "linear", "roles": roles}]))
        return str(path)

    def write(self) -> Path:
        """Write the inventory, and say where."""
        local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        own = {
            "platform_name": "lab",
            "platform_state_dir": str(self.folder / "state"),
            # Room for a machine ten times slower: what a deadline cuts off has tests of its own.
            "platform_deadline": 300,
        }
        inventory = {
            "all": {
                "vars": {**own, **self.variables},
                "hosts": {name: {**local, **variables} for name, variables in self.hosts.items()},
                "children": {group: {"hosts": {key: {} for key in hosts}} for group, hosts in self.groups.items()},
            }
        }
        path = self.folder / "inventory.yml"
        path.write_text(yaml.safe_dump(inventory))
        return path
