# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The inventory as the actions need it: the platform as each host describes it, and who reaches whom where."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from ansible.template import Templar
from ansible_collections.xorb.runbook.plugins.plugin_utils._platform import Look, Platform, Resolve, read

#: Where a host is found by others, first that is set; without any of them, by its inventory name.
ADDRESS_VARIABLES = ("platform_address", "ansible_host")


class Inventory:
    """What one action can see of the inventory, from the variables of its task. Nothing here contacts a host."""

    def __init__(self, task_vars: Mapping[str, Any], templar: Templar) -> None:
        self._task_vars = task_vars
        self._templar = templar
        self._platforms: list[tuple[tuple[Any, Any, Any], Platform]] = []

    @property
    def groups(self) -> Mapping[str, list[str]]:
        """The inventory's groups with their hosts."""
        groups: Mapping[str, list[str]] = self._task_vars["groups"]
        return groups

    @property
    def hosts(self) -> list[str]:
        """Every host of the inventory."""
        return list(self.groups["all"])

    @cached_property
    def play_hosts(self) -> frozenset[str]:
        """The hosts that the current play was meant to reach, reachable or not."""
        return frozenset(self._task_vars["ansible_play_hosts_all"])

    def variables(self, host: str) -> Mapping[str, Any]:
        """A host's variables, unresolved."""
        if host == self._task_vars.get("inventory_hostname"):
            return self._task_vars
        hostvars = self._task_vars["hostvars"]
        return {**hostvars.raw_get(host), "hostvars": hostvars}

    def resolver(self, host: str) -> Resolve:
        """What resolves templates as that host would."""
        templar = self._templar.copy_with_new_env(available_variables=self.variables(host))

        def resolve(value: Any) -> Any:
            return templar.template(value)

        return resolve

    def platform(self, host: str) -> Platform:
        """The platform as that host's variables describe it.

        Hosts nearly always share one description: it is read once for all of them, which is what keeps a run over
        hundreds of hosts quick.
        """
        variables = self.variables(host)
        described = tuple(variables.get(key) for key in ("platform_name", "platform_services", "platform_overrides"))
        for known, platform in self._platforms:
            if known == described:
                return platform
        platform = read(variables, self.groups, self.resolver(host))
        self._platforms.append((described, platform))  # type: ignore[arg-type]
        return platform

    @property
    def platforms(self) -> list[Platform]:
        """Every different description read so far."""
        return [platform for _described, platform in self._platforms]

    def address(self, look: Look) -> str:
        """Where the observer of a look reaches the owner."""
        if look.observer == look.owner:
            return "localhost"
        variables = self._task_vars["hostvars"][look.owner]
        for name in ADDRESS_VARIABLES:
            if name in variables:
                return str(variables[name])
        return look.owner
