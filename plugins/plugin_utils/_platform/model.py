# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A platform as it was read: services, which host looks at what of them, and every fault of the description."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Callable

from ansible_collections.xorb.runbook.plugins.module_utils._core.about import Fault
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import NOT_APPLICABLE, Check, address
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import InvalidOptions
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import with_defaults
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.kind import Kind
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.runner import Probe

from .._core.messages import UNDEFINED, brief
from .fail_after import FailAfter
from .schema import POINT_OPTIONS
from .secrets import _is_unresolved

#: Resolves the templates in a value; raises whatever the templating engine raises.
Resolve = Callable[[Any], Any]


@dataclass(frozen=True)
class Problem:
    """A fault of the description: where it is, and what is wrong with it."""

    path: str
    message: str
    service: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class Hosts(tuple[str, ...]):  # noqa: SLOT001 - what was found of it once is kept
    """Hosts in the order of the inventory; whether one is among thousands is known at once."""

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(self)

    def __contains__(self, name: object) -> bool:
        return name in self._names


@dataclass(frozen=True)
class ProbeTarget:
    """One host looking at one point of one service on one owner; ``given`` is unresolved."""

    observer: str
    owner: str
    service: str
    point: str
    path: str
    kind: Kind
    given: Mapping[str, Any]

    @property
    def topic(self) -> str:
        """The chapter of the runbook that this target belongs to."""
        return self.given.get("topic") or self.kind.topic

    @property
    def fail_after(self) -> FailAfter | None:
        """How often it has to fail before the run does, where the description says so."""
        return FailAfter.parse(self.given["fail_after"]) if "fail_after" in self.given else None

    def probe(self, options: Mapping[str, Any]) -> Probe:
        """The probe of this target, with the given options of its kind."""
        return Probe(self.kind, {**options, "service": self.service, "point": self.point, "owner": self.owner})

    def placeholders(self, message: str, fault: Fault | None = None) -> list[Check]:
        """One check for each aspect that must arrive, for the case that it does not."""
        probe = self.probe({**self.given, "topic": self.topic})
        return [replace(check, host=self.observer) for check in probe.unknown(message, fault=fault)]

    def keys(self) -> list[tuple[str, str, str]]:
        """What distinguishes each check that must arrive: the keys of `placeholders`, without making those."""
        begin = f"{self.service}.{self.point}."
        return [(self.observer, self.owner, f"{begin}{aspect}") for aspect in self.kind.expected(self.given)]

    def addresses(self) -> list[str]:
        """How each check that must arrive is called: the addresses of `placeholders`."""
        return [address(host, name, owner) for host, owner, name in self.keys()]

    def _resolved(self, key: str, resolve: Resolve) -> Any:
        try:
            return resolve(self.given[key])
        except Exception as exc:
            message = brief(exc)
            # Templating errors quote the values that they stumbled over; the name of a variable is no secret.
            if key in self.kind.secrets and not UNDEFINED.fullmatch(message):
                message = f"its template cannot be resolved ({type(exc).__name__})"
                raise InvalidOptions([(f"{self.path}.{key}", message)]) from None
            raise

    def _fault(self, key: str, message: str) -> tuple[str, str]:
        """A fault with its path; a value that comes from a template may be a secret, and only the template is shown."""
        expected, got, _value = message.partition(", got ")
        template = self.given.get(re.split(r"[.\[]", key, maxsplit=1)[0])
        if got and _is_unresolved(template):
            message = f"{expected}, which {str(template)!r} does not resolve to"
        return f"{self.path}.{key}", message

    def _too_long(self, options: Mapping[str, Any], deadline: float | None) -> Iterator[tuple[str, str]]:
        """Times that a probe would take and never get."""
        for name, option in self.kind.description_options.items():
            if deadline is not None and option.lasting and name in options and float(options[name]) > deadline:
                limit = f"longer than platform_deadline, the {deadline:g} seconds that all probes of a host have"
                yield f"{self.path}.{name}", f"{float(options[name]):g} seconds are {limit}"

    def resolved(self, resolve: Resolve, address: str, deadline: float | None = None) -> list[Probe]:
        """The probes to run within a deadline in seconds, their options resolved, validated and completed.

        Raises `InvalidOptions` with full paths where the resolved options are wrong, and whatever ``resolve`` raises.
        """
        options = {key: self._resolved(key, resolve) for key in self.given if key not in POINT_OPTIONS}
        found = [self._fault(key, message) for key, message in self.kind.problems(options)]
        found = found or list(self._too_long(options, deadline))
        if found:
            raise InvalidOptions(found)
        if "address" in self.kind.options:
            options["address"] = address
        identity = {"service": self.service, "point": self.point, "owner": self.owner}
        return [
            Probe(self.kind, with_defaults(self.kind.all_options, {**part, **identity}))
            for part in self.kind.split(options)
        ]


@dataclass(frozen=True)
class Point:
    """One point of a service, which hosts look at it, and on which hosts; ``given`` is unresolved.

    It makes the targets of a host when they are needed: all targets of all hosts would be made anew by each of them.
    """

    service: str
    name: str
    path: str
    kind: Kind
    given: Mapping[str, Any]
    owners: Hosts
    #: The hosts that look at every owner; without any, each owner looks at itself.
    observers: Hosts | None = None
    #: The hosts that look at some owners each, which then do not look at themselves.
    looks_at: Mapping[str, Hosts] | None = None

    @property
    def topic(self) -> str:
        """The chapter of the runbook that its targets belong to."""
        return self.given.get("topic") or self.kind.topic

    def targets(self, observer: str = "") -> Iterator[ProbeTarget]:
        """The targets of one host, or of all where none is named."""
        for looking, owner in self._pairs(observer):
            yield ProbeTarget(looking, owner, self.service, self.name, self.path, self.kind, self.given)

    def _pairs(self, observer: str) -> Iterable[tuple[str, str]]:
        if (looks_at := self.looks_at) is not None:
            return ((looking, owner) for looking in _only(observer, looks_at) for owner in looks_at[looking])
        if self.observers is None:
            return ((owner, owner) for owner in _only(observer, self.owners))
        return ((looking, owner) for looking in _only(observer, self.observers) for owner in self.owners)


def _only(name: str, hosts: Collection[str]) -> Iterable[str]:
    if not name:
        return hosts
    return (name,) if name in hosts else ()


@dataclass(frozen=True)
class Service:
    """One service of the platform; a service that is not available has a reason and no points."""

    name: str
    owners: Hosts
    available: bool = True
    reason: str = ""
    depends_on: tuple[str, ...] = ()
    points: tuple[Point, ...] = ()


@dataclass(frozen=True)
class Platform:
    """A described platform: what there is, what is to be looked at, and every fault of the description."""

    name: str
    services: Mapping[str, Service] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def targets(
        self,
        *,
        observer: str = "",
        topics: Iterable[str] = (),
        services: Iterable[str] = (),
        kinds: Iterable[str] = (),
    ) -> list[ProbeTarget]:
        """The targets that match; an empty selector matches everything."""
        chosen = {"topic": set(topics), "service": set(services), "kind": set(kinds)}

        def wanted(point: Point) -> bool:
            traits = {"topic": point.topic, "service": point.service, "kind": point.kind.name}
            return all(not names or traits[trait] in names for trait, names in chosen.items())

        return [
            target
            for service in self.services.values()
            for point in service.points
            if wanted(point)
            for target in point.targets(observer)
        ]

    def not_applicable(self, hosts: Iterable[str], services: Iterable[str] = ()) -> list[Check]:
        """One check for each service that the description says is not there on these hosts, with its reason."""
        wanted, among = set(services), set(hosts)
        return [
            Check(
                id=f"{service.name}.service.available",
                name=f"{service.name} available".replace("_", " "),
                topic="health",
                service=service.name,
                host=owner,
                owner=owner,
                target=owner,
                status=NOT_APPLICABLE,
                message=service.reason,
            )
            for service in self.services.values()
            if not service.available and (not wanted or service.name in wanted)
            for owner in service.owners
            if owner in among
        ]

    def structure(self, service: str) -> tuple[Any, ...]:
        """What must be the same on whichever host the description is read: its owners, and its observers."""
        read = self.services.get(service)
        if not read:
            return ()
        points = {
            (
                point.name,
                point.kind.name,
                point.topic,
                point.observers and frozenset(point.observers),
                frozenset((point.looks_at or {}).items()),
            )
            for point in read.points
        }
        return (frozenset(read.owners), read.available, frozenset(points))

    @property
    def depends_on(self) -> dict[str, tuple[str, ...]]:
        """What each service needs."""
        return {service.name: service.depends_on for service in self.services.values()}
