# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the description expects: the checks that must arrive, and how often each may fail."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, Check

from .._platform.fail_after import AT_ONCE, FailAfter
from .._platform.inventory import Inventory
from .._platform.model import Platform, ProbeTarget, Problem
from .report import run_check

_Key = tuple[str, str, str]


class Placeholders(Mapping[_Key, Check]):
    """A placeholder of each check that must arrive, by its key, made when it is asked for.

    Nearly every check arrives, and to make one of each would be an eighth of what a report of many hosts costs.
    """

    def __init__(self) -> None:
        self._targets: dict[_Key, ProbeTarget] = {}
        self._made: dict[_Key, Check] = {}

    def add(self, target: ProbeTarget) -> None:
        """Expect every check of a target."""
        self._targets.update(dict.fromkeys(target.keys(), target))

    def __getitem__(self, key: _Key) -> Check:
        if key not in self._made:
            checks = self._targets[key].placeholders("expected, but no result arrived")
            self._made.update({check.key: check for check in checks})
        return self._made[key]

    def __iter__(self) -> Iterator[_Key]:
        return iter(self._targets)

    def __len__(self) -> int:
        return len(self._targets)

    def __contains__(self, key: object) -> bool:
        return key in self._targets


@dataclass
class Expected:
    """What must arrive from some hosts."""

    checks: Placeholders = field(default_factory=Placeholders)
    #: By the target that checks come from, and for all others.
    patience: dict[_Key, FailAfter] = field(default_factory=dict)
    otherwise: FailAfter = field(default_factory=FailAfter)
    #: Checks by their keys that no patience covers: what a procedure has to prove of its own work.
    proofs: set[_Key] = field(default_factory=set)

    def fail_after(self, check: Check) -> FailAfter:
        """How often this check may fail: a probe can find more aspects than its kind promises."""
        if check.key in self.proofs:
            return AT_ONCE
        return self.patience.get((check.host, check.owner, check.id.rpartition(".")[0]), self.otherwise)


def expected(
    inventory: Inventory, hosts: Iterable[str], wanted: Mapping[str, list[str]], otherwise: FailAfter
) -> Expected:
    """Read from the description, as each of these hosts has it, what has to arrive of it."""
    found = Expected(otherwise=otherwise)
    for host in hosts:
        for target in inventory.platform(host).targets(observer=host, **wanted):
            found.checks.add(target)
            if target.fail_after:
                found.patience[target.observer, target.owner, f"{target.service}.{target.point}"] = target.fail_after
    return found


def left_out(inventory: Inventory, here: Platform, wanted: Mapping[str, list[str]]) -> list[str]:
    """The addresses of what the hosts would have looked at that a limit keeps out of the play.

    Their variables are not read: which host looks at what has to be the same on whichever host the description is read,
    so the hosts of the play know. A limit to ten hosts of thousands costs ten hosts.
    """
    return [
        address
        for host in inventory.absent
        for target in here.targets(observer=host, **wanted)
        for address in target.addresses()
    ]


def described(inventory: Inventory, here: Platform) -> Iterator[Check]:
    """Everything that the platform has, whichever host looks at it and however it is; see `left_out`."""
    for host in inventory.hosts:
        platform = inventory.platform(host) if host in inventory.play_hosts else here
        for target in platform.targets(observer=host):
            yield from target.placeholders("described")


def described_wrongly(problems: Iterable[Problem]) -> Iterator[Check]:
    """One check for each service that the description is wrong about, naming all its faults."""
    by_service: dict[str, list[str]] = {}
    for problem in problems:
        by_service.setdefault(problem.service or "platform", []).append(str(problem))
    for service, faults in by_service.items():
        yield run_check(service, CRITICAL, "; ".join(faults), point="description", remedy="xorb.runbook.platform_check")
