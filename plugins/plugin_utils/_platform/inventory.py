# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The inventory as the actions need it: the platform as each host describes it, and the addresses of hosts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ansible.template import Templar
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from .._core.messages import brief
from .duplicates import sources, written_twice
from .model import Hosts, Platform, ProbeTarget, Problem, Resolve
from .reader import read

#: The variables that a description is read from.
READ = ("platform_name", "platform_services", "platform_overrides")
#: Where a host is found by others, first that is set; without any of them, by its inventory name.
ADDRESS_VARIABLES = ("platform_address", "ansible_host")
#: Addresses that mean the observer itself, whichever host has them.
LOOPBACK = re.compile(r"localhost|127\..*|::1")


class Inventory:
    """What one action can see of the inventory, from the variables of its task. Nothing here contacts a host."""

    def __init__(self, task_vars: Mapping[str, Any], templar: Templar) -> None:
        self._task_vars = task_vars
        self._templar = templar
        self._readings: list[_Reading] = []
        self._variables: dict[str, Mapping[str, Any]] = {}

    @property
    def groups(self) -> Mapping[str, list[str]]:
        """The inventory's groups with their hosts."""
        groups: Mapping[str, list[str]] = self._task_vars["groups"]
        return groups

    @property
    def hosts(self) -> list[str]:
        """Every host of the inventory."""
        return list(self.groups["all"])

    @property
    def here(self) -> str:
        """The host of the current task."""
        return str(self._task_vars["inventory_hostname"])

    @cached_property
    def play_hosts(self) -> Hosts:
        """The hosts that the current play was meant to reach, reachable or not."""
        return Hosts(self._task_vars["ansible_play_hosts_all"])

    @property
    def present(self) -> list[str]:
        """The hosts of the play, in the order of the inventory."""
        return [host for host in self.hosts if host in self.play_hosts]

    @property
    def absent(self) -> list[str]:
        """The hosts that a limit, or the play itself, leaves out."""
        return [host for host in self.hosts if host not in self.play_hosts]

    def variables(self, host: str) -> Mapping[str, Any]:
        """A host's variables, unresolved. Ansible puts them together anew for each read: they are read once."""
        if host == self._task_vars.get("inventory_hostname"):
            return self._task_vars
        if host not in self._variables:
            hostvars = self._task_vars["hostvars"]
            self._variables[host] = {**hostvars.raw_get(host), "hostvars": hostvars}
        return self._variables[host]

    def resolver(self, host: str) -> Resolve:
        """What resolves templates as that host would."""
        templar = self._templar.copy_with_new_env(available_variables=self.variables(host))

        def resolve(value: Any) -> Any:
            return templar.template(value)

        return resolve

    def platform(self, host: str) -> Platform:
        """The platform as that host's variables describe it.

        Hosts nearly always share one description: it is read once for all of them, which is what keeps a run over
        hundreds of hosts quick. Sharing means the same text *and* the same answers to the templates in its structure.
        """
        variables = self.variables(host)
        text = tuple(variables.get(key) for key in READ)
        resolve = self.resolver(host)
        for known in self._readings:
            if known.text == text and all(_answer(resolve, template) == answer for template, answer in known.answers):
                return known.platform
        answers: list[tuple[Any, Any]] = []

        def recorded(value: Any) -> Any:
            if _is_plain(value):
                return value
            answers.append((value, _answer(resolve, value)))
            return resolve(value)

        platform = read(variables, self.groups, recorded)
        self._readings.append(_Reading(text, answers, platform))
        return platform

    @property
    def problems(self) -> list[Problem]:
        """Every fault of every description read so far, and where they contradict each other."""
        platforms = [reading.platform for reading in self._readings]
        named = {problem: None for platform in platforms for problem in platform.problems}
        for reading in self._readings:
            described = sources(dict(zip(READ, reading.text)), self.variables(self.hosts[0]) if self.hosts else {})
            named.update(dict.fromkeys(written_twice(described, self._read_text)))
        if len(platforms) == 1:
            return list(named)
        for service in dict.fromkeys(name for platform in platforms for name in platform.services):
            if len({platform.structure(service) for platform in platforms}) > 1:
                message = "hosts differ in the owners or the observers of the service; that must be the same for all"
                named[Problem(f"platform_services.{service}", message, service)] = None
        return list(named)

    def _read_text(self, path: str) -> str:
        """A file of the inventory as it is written, decrypted where it is a vault."""
        return str(self._task_vars["hostvars"]._loader.get_text_file_contents(path))

    def address(self, target: ProbeTarget) -> str:
        """Where the observer of a target reaches the owner, if it has to."""
        if target.observer == target.owner or target.kind.local:
            return "localhost"
        variables = self._task_vars["hostvars"][target.owner]
        for name in ADDRESS_VARIABLES:
            if variables.get(name):
                address = str(variables[name])
                if name == "ansible_host" and LOOPBACK.fullmatch(address):
                    raise RunbookError(
                        f"{target.observer} would look at itself: ansible_host of {target.owner} is {address};"
                        " set platform_address of that host"
                    )
                return address
        return target.owner

    @cached_property
    def addresses(self) -> dict[str, str]:
        """The host of each address that no other host has, for what knows hosts by their addresses alone."""
        known: dict[str, str] = {}
        shared: set[str] = set()
        for host in self.present:
            variables, resolve = self.variables(host), self.resolver(host)
            given = (_answer(resolve, variables[name]) for name in ADDRESS_VARIABLES if variables.get(name))
            for address in {host, *map(str, given)}:
                shared.update({address} if address in known else ())
                known[address] = host
        return {address: host for address, host in known.items() if address not in shared}


@dataclass(frozen=True)
class _Reading:
    """A description that was read: its text, what its structural templates were resolved to, and what it says."""

    text: tuple[Any, ...]
    answers: list[tuple[Any, Any]]
    platform: Platform


def _is_plain(value: Any) -> bool:
    """Whether there is no template in a value, however deep, and so nothing that differs between hosts."""
    if isinstance(value, Mapping):
        return all(_is_plain(item) for pair in value.items() for item in pair)
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    return not isinstance(value, str) or "{" not in value


def _answer(resolve: Resolve, value: Any) -> Any:
    """What a template resolves to, or why it does not."""
    try:
        return resolve(value)
    except Exception as exc:  # noqa: BLE001 - not being resolved is an answer, too
        return brief(exc)
