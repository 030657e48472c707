# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Root causes: which failing check explains which others.

No kind of probe is known here, and no sentence is read: a check says what it is about (`_core.about`), and everything
is found by that. The cost grows with the number of checks.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

from ansible_collections.xorb.runbook.plugins.module_utils._core.about import (
    BRINGS,
    DEPENDENCY,
    DROPPED,
    ENDPOINT,
    FINDERS,
    OUTAGES,
    PROCESS,
    REPORTED,
    SERVICE,
    About,
    Fault,
    compatible,
)
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import (
    CRITICAL,
    STATUSES,
    TOPICS,
    UNKNOWN,
    WARNING,
    Check,
)
from ansible_collections.xorb.runbook.plugins.module_utils._core.names import RUN, SUPERVISOR

#: The id of the check that says why a whole host was silent.
SILENT_HOST = "runbook.host.reachable"

FAILING = (WARNING, UNKNOWN, CRITICAL)

#: Where a host calls itself.
_LOOPBACK = re.compile(r"localhost|127\..*|::1")

#: A reason with what it is of: checks that have one in common have found the same fault.
_Identity = tuple[str, str, str]
_Rank = tuple[Any, ...]
_Key = TypeVar("_Key")


@dataclass(frozen=True)
class Cause:
    """A failing check that nothing else explains: its ``host/id``, and those of the checks that it explains."""

    check: str
    explains: tuple[str, ...]


@dataclass(frozen=True)
class Topology:
    """What the description and the inventory say of the platform: which services each service needs, and which of the
    hosts has an address."""

    depends_on: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    addresses: Mapping[str, str] = field(default_factory=dict)


def explain(checks: Iterable[Check], topology: Topology) -> tuple[list[Check], tuple[Cause, ...]]:
    """Set ``blocked_by`` of every failing check that another one explains, and list the root causes, worst first.

    A silent host explains every check that it should have made. Of those that have found the same fault, the most
    specific explains the others. A dead process explains what could not be had of its service, a failing service those
    that depend on it, and a critical aspect what the same probe could not find out any more.
    """
    found = list(checks)
    roots = _Graph(found, topology).roots()
    explained = [
        check if check.blocked_by == roots.get(position, "") else replace(check, blocked_by=roots.get(position, ""))
        for position, check in enumerate(found)
    ]
    consequences: dict[str, list[str]] = defaultdict(list)
    for check in explained:
        if check.blocked_by:
            consequences[check.blocked_by].append(check.address)
    causes = sorted(
        (check for check in explained if check.status in FAILING and not check.blocked_by),
        key=lambda check: (-STATUSES.index(check.status), -len(consequences[check.address]), check.address),
    )
    return explained, tuple(
        {check.address: Cause(check.address, tuple(consequences[check.address])) for check in causes}.values()
    )


def identities(check: Check) -> frozenset[_Identity]:
    """The faults that a check has found itself, by all their names."""
    about = About.read(check.about)
    return frozenset(name for fault in about.faults if fault.known in FINDERS for name in _names(fault, check))


def _names(fault: Fault, check: Check) -> Iterator[_Identity]:
    """The names of a fault. What is wrong with one of its endpoints in a way is wrong with the service in that way."""
    for sort, name in fault.subjects:
        yield fault.reason, sort, name
        if sort == ENDPOINT:
            yield fault.reason, SERVICE, f"{check.owner}/{check.service}"


class _Node:
    """A failing check with what it says of itself."""

    def __init__(self, position: int, check: Check) -> None:
        self.position = position
        self.check = check
        self.about = About.read(check.about) if check.about else _undeclared(check)
        self.probe = (check.host, check.owner, check.id.rpartition(".")[0])
        self.found = [fault for fault in self.about.faults if fault.known in FINDERS]
        self.reported = [
            name for fault in self.about.faults if fault.known == REPORTED for _sort, name in fault.subjects
        ]

    @cached_property
    def rank(self) -> _Rank:
        """What makes a check a better cause than another one: the first of some is their cause."""
        check = self.check
        return (
            not self.about.process,
            min((FINDERS.index(fault.known) for fault in self.found), default=len(FINDERS)),
            len(self.found),
            -STATUSES.index(check.status),
            not self.about.opens,
            TOPICS.index(check.topic) if check.topic in TOPICS else len(TOPICS),
            check.host != check.owner,
            not check.remedy,
            self.probe,
            self.position,
        )

    @property
    def unanswered(self) -> bool:
        """Whether nothing came of what was looked at, as far as the check says."""
        if not self.found:
            return self.check.status == UNKNOWN or not self.check.about
        return PROCESS in compatible(fault.reason for fault in self.found)

    def rank_for(self, fault: Fault) -> _Rank:
        """The same for one of its faults."""
        own = self.rank
        return (own[0], FINDERS.index(fault.known), *own[2:])


def _undeclared(check: Check) -> About:
    """What is assumed of a check that says nothing of itself: one that could be a probe over the network."""
    relations = {PROCESS, DEPENDENCY} if check.topic == "health" and not _is_supervisor(check) else ()
    process = _is_supervisor(check) and check.status == CRITICAL
    return About((), frozenset(relations), process=process, opens=check.status == CRITICAL)


def _is_supervisor(check: Check) -> bool:
    return check.id.split(".")[1:2] == [SUPERVISOR]


class _Classes:
    """Sets of names of the same fault, merged as checks show that they are the same (a union-find)."""

    def __init__(self) -> None:
        self._above: dict[_Identity, _Identity] = {}

    def merge(self, names: Iterable[_Identity]) -> None:
        """All of these are one."""
        first = None
        for name in names:
            top = self.of(name)
            if first is None:
                first = top
            elif top != first:
                self._above[top] = first

    def of(self, name: _Identity) -> _Identity:
        """The name that stands for all of its set."""
        above = self._above
        above.setdefault(name, name)
        while above[name] != name:
            above[name] = above[above[name]]
            name = above[name]
        return name


class _Graph:
    """The failing checks of a run, each with at most one that explains it."""

    def __init__(self, checks: list[Check], topology: Topology) -> None:
        self._addresses = topology.addresses
        self._nodes = [_Node(position, check) for position, check in enumerate(checks) if check.status in FAILING]
        self._silent = {node.check.host: node for node in self._nodes if node.check.id == SILENT_HOST}
        self._looked = [node for node in self._nodes if node.check.id != SILENT_HOST]
        #: What is looked at and fine: whatever reports a fault there, it is not that of another port.
        self._fine = {check.target for check in checks if check.status not in FAILING}
        #: The hosts that get through to a host, with that host.
        self._reached = {(check.host, check.owner) for check in checks if check.status not in FAILING}
        self._group_faults()
        self._dead = _best(
            ((node.check.owner, node.check.service), node) for node in self._looked if node.about.process
        )
        self._openers = _best((node.probe, node) for node in self._looked if node.about.opens)
        self._reporters = _best((address, node) for node in self._looked for address in node.reported)
        self._services = _Services(topology.depends_on, self._failing_services())

    def _group_faults(self) -> None:
        """Find for each fault the check that knows most of it, and what can explain it."""
        self._classes = _Classes()
        for node in self._looked:
            for fault in node.found:
                self._classes.merge(self._names(fault, node.check))
        self._finders: dict[_Identity, tuple[_Rank, _Node]] = {}
        self._relations: dict[_Identity, frozenset[str]] = defaultdict(frozenset)
        self._by_endpoint: dict[str, tuple[_Rank, _Node]] = {}
        self._outages: dict[str, tuple[_Rank, _Node]] = {}
        for node in self._looked:
            if node.about.process:
                _keep_best(self._outages, node.check.owner, node.rank, node)
            for fault in node.found:
                one, rank = self._class(fault, node), node.rank_for(fault)
                _keep_best(self._finders, one, rank, node)
                self._relations[one] |= node.about.explained_by
                for sort, name in fault.subjects:
                    if sort == ENDPOINT:
                        _keep_best(self._by_endpoint, name, rank, node)
                        if fault.reason in OUTAGES:
                            _keep_best(self._outages, node.check.owner, rank, node)

    def _names(self, fault: Fault, check: Check) -> Iterator[_Identity]:
        """The names of a fault, and the way between two hosts where nothing at all gets through."""
        yield from _names(fault, check)
        way = (check.host, check.owner)
        if fault.reason == DROPPED and check.host != check.owner and way not in self._reached:
            yield fault.reason, "way", " ".join(way)

    def _class(self, fault: Fault, node: _Node) -> _Identity:
        return self._classes.of(next(self._names(fault, node.check), (fault.reason, "", node.check.address)))

    def _failing_services(self) -> dict[str, _Node]:
        """The check by which each service fails those that need it: of its health, and critical, or its host's."""
        failing = []
        for node in self._looked:
            check = node.check
            if check.topic != "health" or check.service == RUN:
                continue
            silent = self._silent.get(check.owner) if check.owner == check.host else None
            if silent or check.status == CRITICAL or node.about.process:
                failing.append((check.service, silent or node))
        return _best(failing)

    # -- What explains a check ----------------------------------------------------------------------------------------

    def roots(self) -> dict[int, str]:
        """The address of the root cause of each check that is not one itself, by its position."""
        above = {node.position: self._above(node) for node in self._nodes}
        root: dict[int, _Node] = {}
        for node in self._nodes:
            way: list[_Node] = []
            seen: set[int] = set()
            here: _Node = node
            while here.position not in root and here.position not in seen:
                seen.add(here.position)
                way.append(here)
                higher = above[here.position]
                if higher is None:
                    break
                here = higher
            # Where checks explain each other in a circle, the best of the circle is the cause.
            top = root.get(here.position) or min(way[way.index(here) :], key=lambda one: one.rank)
            root.update({one.position: top for one in way})
        return {position: top.check.address for position, top in root.items() if top.position != position}

    def _above(self, node: _Node) -> _Node | None:
        """What explains a check next."""
        check = node.check
        if check.id == SILENT_HOST:
            return None
        silent = self._silent.get(check.host) or (self._silent.get(check.owner) if node.unanswered else None)
        if silent:
            return silent
        # What it brings about does not keep it from being brought about.
        classes = [self._class(fault, node) for fault in node.found if fault.known != BRINGS]
        own = [one for one in classes if self._finders[one][1] is node]
        if classes and not own:
            return self._finders[classes[0]][1]
        if node.reported and not own:
            return self._of_what_it_reported(node)
        return self._by_relation(node, own) or self._by_probe(node)

    def _by_relation(self, node: _Node, own: list[_Identity]) -> _Node | None:
        """The dead process, or else the failing dependency, where all that it found can come of that."""
        relations = node.about.explained_by
        if own and not node.about.process:
            relations = frozenset.intersection(*(self._relations[one] for one in own))
        service = (node.check.owner, node.check.service)
        if PROCESS in relations and self._dead.get(service, node) is not node:
            return self._dead[service]
        return self._services.failing_dependency(node.check.service) if DEPENDENCY in relations else None

    def _by_probe(self, node: _Node) -> _Node | None:
        """The critical aspect without which the same probe could not find this one out."""
        opener = self._openers.get(node.probe)
        return opener if node.check.status == UNKNOWN and opener is not node else None

    def _of_what_it_reported(self, node: _Node) -> _Node | None:
        """What is wrong at the addresses that it reports, or else another check that reports them.

        Nothing unless that is known of all of them.
        """
        known = [self._at(address, node.check.owner) or self._reporters[address] for address in node.reported]
        return known[0] if node not in known else None

    def _at(self, address: str, own_host: str) -> _Node | None:
        """What is wrong at an address: with that very port, or with its host."""
        name, _colon, port = address.rpartition(":")
        name = name.strip("[]")
        host = own_host if _LOOPBACK.fullmatch(name) else self._addresses.get(name, "")
        if not host:
            return None
        if host in self._silent:
            return self._silent[host]
        endpoint = f"{host}:{port}"
        if endpoint in self._by_endpoint:
            return self._by_endpoint[endpoint][1]
        # A port that no other check looks at, of a host on which something is down.
        unknown = endpoint not in self._fine and host in self._outages
        return self._outages[host][1] if unknown else None


class _Services:
    """Which services need which others, and which of those fail."""

    def __init__(self, depends_on: Mapping[str, tuple[str, ...]], failing: Mapping[str, _Node]) -> None:
        self._depends_on = depends_on
        self._failing = failing
        self._needed: dict[str, dict[str, None]] = {}
        self._found: dict[str, _Node | None] = {}

    def failing_dependency(self, service: str) -> _Node | None:
        """The failing check of the nearest dependency that fails, which what that one needs may explain in its turn."""
        if service not in self._found:
            # Services that need each other explain no check in their circle: each of them would blame the next.
            outside = (name for name in self._all_needed(service) if service not in self._all_needed(name))
            self._found[service] = next((self._failing[name] for name in outside if name in self._failing), None)
        return self._found[service]

    def _all_needed(self, service: str) -> dict[str, None]:
        """Everything a service needs, directly or not, nearest first and each once; itself only in a circle."""
        if service not in self._needed:
            needed: dict[str, None] = {}
            waiting = list(self._depends_on.get(service, ()))
            while waiting:
                fresh = [name for name in dict.fromkeys(waiting) if name not in needed]
                needed.update(dict.fromkeys(fresh))
                waiting = [further for name in fresh for further in self._depends_on.get(name, ())]
            self._needed[service] = needed
        return self._needed[service]


def _best(named: Iterable[tuple[_Key, _Node]]) -> dict[_Key, _Node]:
    """The best check for each key."""
    best: dict[_Key, tuple[_Rank, _Node]] = {}
    for key, node in named:
        _keep_best(best, key, node.rank, node)
    return {key: node for key, (_rank, node) in best.items()}


def _keep_best(best: dict[_Key, tuple[_Rank, _Node]], key: _Key, rank: _Rank, node: _Node) -> None:
    if key not in best or rank < best[key][0]:
        best[key] = (rank, node)
