# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The platform description: read, validated, and turned into the targets that it names.

The description is read *unresolved*: its structure (services, hosts, names of endpoints and checks) is enough to know
what must arrive, and a template that cannot be resolved then costs one target instead of the whole run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible.utils.vars import merge_hash
from ansible_collections.xorb.runbook.plugins.module_utils._backup.drills import KIND as DRILL
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import TOPICS
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._core.names import RUN, SUPERVISOR
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import Options, problems, with_defaults
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.kind import Kind

from .._core.messages import brief, suggest
from . import backups
from .fail_after import FailAfter
from .model import Hosts, Platform, Point, Problem, Resolve, Service
from .schema import KINDS, NAME, POINT_OPTIONS, SECTIONS, SERVICE_OPTIONS, SUPERVISED, SUPERVISORS
from .secrets import _has_credentials, _is_unresolved, _plain_secrets


def read(variables: Mapping[str, Any], groups: Mapping[str, list[str]], resolve: Resolve) -> Platform:
    """Read the platform description from a host's variables.

    ``groups`` are the inventory's groups with their hosts; ``resolve`` resolves structural values only (never for
    the options of an endpoint). Faults are collected, not raised: the rest of the platform is still worth looking at.
    Raises `RunbookError` where there is no description to speak of.
    """
    name = variables.get("platform_name")
    described = variables.get("platform_services")
    if isinstance(described, str):
        described = resolve(described)
    if not name:
        raise RunbookError("platform_name: missing; expected a short name of the platform, for example 'xorb'")
    if not isinstance(described, Mapping) or not described:
        raise RunbookError("platform_services: expected a map of service names to descriptions; see docs/platform.md")
    overrides = variables.get("platform_overrides") or {}
    reader = _Reader(groups, resolve)
    described = merge_hash(dict(described), reader.overrides(described, overrides), recursive=True)
    services = {str(key): reader.service(str(key), value) for key, value in described.items()}
    reader.dependencies(services)
    return Platform(str(resolve(name)), services, tuple(reader.problems))


class _Reader:
    """Reads services one by one and collects every fault on the way."""

    def __init__(self, groups: Mapping[str, list[str]], resolve: Resolve) -> None:
        self._groups = groups
        self._resolve = resolve
        self.problems: list[Problem] = []
        self._service = ""

    def _fault(self, path: str, message: str) -> None:
        self.problems.append(Problem(path, message, self._service))

    def overrides(self, described: Mapping[str, Any], given: Any) -> dict[str, Any]:
        """The overrides of services that are described; any other is a typo, not a new service."""
        if not isinstance(given, Mapping):
            self._fault("platform_overrides", "expected a map of service names to changes")
            return {}
        for name in given:
            if name not in described:
                self._fault(f"platform_overrides.{name}", f"no such service{suggest(str(name), described)}")
        return {name: change for name, change in given.items() if name in described}

    def service(self, name: str, given: Any) -> Service:
        """Read one service; what is wrong with it is noted and left out."""
        self._service = name
        path = f"platform_services.{name}"
        if not NAME.match(name) or name == RUN:
            self._fault(path, "a service name has letters, digits and underscores only, and is not 'runbook'")
            return Service(name, Hosts())
        if not isinstance(given, Mapping):
            self._fault(path, f"expected a map with the keys {', '.join(SERVICE_OPTIONS)}")
            return Service(name, Hosts())
        structure = self._structure(path, SERVICE_OPTIONS, given, but=(*SECTIONS, "supervisor", "logs"))
        owners = self._hosts(f"{path}.hosts", structure.get("hosts"))
        available = structure.get("available", True)
        if not available:
            if not structure.get("reason"):
                self._fault(f"{path}.reason", "missing; say why the service is not available")
            return Service(name, owners, available=False, reason=str(structure.get("reason", "")))
        before = len(self.problems)
        points = tuple(self._points(path, name, given, owners))
        for where, message in backups.faults(points, given.get("endpoints") or (), self._groups):
            self._fault(where, message)
        if owners and not points and len(self.problems) == before:
            message = f"nothing would be looked at; give it {', '.join(SECTIONS)}, or available: false with a reason"
            self._fault(path, message)
        return Service(name, owners, depends_on=tuple(structure.get("depends_on") or ()), points=points)

    def dependencies(self, services: Mapping[str, Service]) -> None:
        """Every name in ``depends_on`` must be a service, and none may need itself by way of others."""
        for service in services.values():
            self._service = service.name
            for index, name in enumerate(service.depends_on):
                if name not in services:
                    path = f"platform_services.{service.name}.depends_on[{index}]"
                    self._fault(path, f"no such service: {name!r}{suggest(name, services)}")
        self._service = ""
        self._similar("platform_services", services)
        for circle in circles({service.name: service.depends_on for service in services.values()}):
            self._service = circle[0]
            round_trip = " needs ".join([*circle, circle[0]])
            self._fault(f"platform_services.{circle[0]}.depends_on", f"a circle: {round_trip}")

    def _similar(self, path: str, names: Iterable[Any]) -> None:
        """Names that only differ in case are one name to the reader of a report."""
        seen: dict[str, Any] = {}
        for name in names:
            other = seen.setdefault(str(name).lower(), name)
            if other != name:
                self._fault(
                    f"{path}.{name}", f"differs from {other!r} in upper and lower case only; give it another name"
                )

    def _structure(
        self, path: str, options: Options, given: Mapping[str, Any], *, but: Iterable[str] = ()
    ) -> dict[str, Any]:
        """Resolve and validate the structural keys of a map; faulty ones are left out."""
        deep = set(but)
        resolved = {}
        for key, value in given.items():
            try:
                resolved[key] = value if key in deep else self._resolve(value)
            except Exception as exc:  # noqa: BLE001 - whatever a template raises is a fault of this key
                self._fault(f"{path}.{key}", brief(exc))
        faults = list(problems(options, resolved))
        for key, message in faults:
            if key in given or message.startswith("missing"):
                self._fault(f"{path}.{key}", message)
        faulty = {key.split(".")[0].split("[")[0] for key, _message in faults}
        sound = {key: value for key, value in resolved.items() if key not in faulty}
        return {**sound, **with_defaults({key: options[key] for key in sound if key not in deep}, sound)}

    def _hosts(self, path: str, pattern: Any) -> Hosts:
        """The hosts of a group, or the host of that name."""
        if pattern is None:
            return Hosts()
        if self._groups.get(pattern):
            return Hosts(self._groups[pattern])
        every = self._groups.get("all", ())
        if pattern in every:
            return Hosts([str(pattern)])
        names = [*(group for group, hosts in self._groups.items() if hosts), *every]
        what = "has no hosts" if pattern in self._groups else "is neither a group nor a host of the inventory"
        self._fault(path, f"{pattern!r} {what}: the service would never be checked{suggest(str(pattern), names)}")
        return Hosts()

    def _points(self, path: str, name: str, given: Mapping[str, Any], owners: Hosts) -> Iterator[Point]:
        supervisor = given.get("supervisor")
        if supervisor is not None:
            yield from self._supervisor(f"{path}.supervisor", name, supervisor, owners)
        seen: Counter[str] = Counter()
        sections = [given[section] for section in SECTIONS if isinstance(given.get(section), Mapping)]
        self._similar(path, (point for points in sections for point in points))
        for section in SECTIONS:
            points = given.get(section) or {}
            if not isinstance(points, Mapping):
                self._fault(f"{path}.{section}", "expected a map of names to descriptions")
                continue
            for point, options in points.items():
                seen[point] += 1
                if not NAME.match(str(point)) or point == SUPERVISOR or seen[point] > 1:
                    self._fault(
                        f"{path}.{section}.{point}",
                        f"a name has letters, digits and underscores only, is used once, and is not {SUPERVISOR!r}",
                    )
                    continue
                where = f"{path}.{section}.{point}"
                described = self._with_kind(where, options, section)
                if described is not None:
                    yield from self._described(where, name, str(point), described, owners)

    def _described(
        self, path: str, service: str, name: str, given: Mapping[str, Any], owners: Hosts
    ) -> Iterator[Point]:
        """The point that a description is of, and one for each copy and drill where it is a backup that has some."""
        own, below = backups.apart(given)
        yield from self._point(path, service, name, own, owners)
        for where, part, options, fault in below:
            if fault:
                self._fault(f"{path}.{where}", fault)
            else:
                yield from self._point(f"{path}.{where}", service, f"{name}.{part}", options, owners)

    def _with_kind(self, path: str, given: Any, section: str) -> Mapping[str, Any] | None:
        """The options of a point with its kind, which may be one of its section's own; nothing where it is wrong."""
        if not isinstance(given, Mapping):
            self._fault(path, "expected a map with the key 'kind'")
            return None
        kinds, kind = SECTIONS[section], str(given.get("kind", ""))
        if not kinds:
            if kind in backups.BELOW:
                key, home = backups.BELOW[kind]
                self._fault(f"{path}.kind", f"a {kind} stands below {key!r} of {home}, without its kind")
            for section_of_its_own, others in SECTIONS.items():
                for shown in (shown for shown, known in others.items() if known == kind):
                    how = f"as kind: {shown}" if shown else "without its kind"
                    self._fault(f"{path}.kind", f"a {kind} stands in the section {section_of_its_own!r}, {how}")
            return given
        if kind in kinds:
            return {**given, "kind": kinds[kind]}
        if "" in kinds:
            self._fault(f"{path}.kind", f"unknown key; every point of this section is a {kinds['']}")
            return {**given, "kind": kinds[""]}
        got = f", got {kind!r}{suggest(kind, kinds)}" if "kind" in given else ""
        self._fault(f"{path}.kind", f"expected one of {', '.join(kinds)}{got}")
        return None

    def _supervisor(self, path: str, name: str, given: Any, owners: Hosts) -> Iterator[Point]:
        kind = given.get("kind") if isinstance(given, Mapping) else None
        if kind not in SUPERVISORS:
            self._fault(f"{path}.kind", f"expected one of {', '.join(SUPERVISORS)}, got {kind!r}")
            return
        if not self._sound(path, SUPERVISORS[str(kind)], given):
            return
        looking, renamed = SUPERVISED[str(kind)]
        options = {renamed.get(key, key): value for key, value in given.items() if key != "kind"}
        if not any(_is_unresolved(value) for value in options.values()):
            faults = list(KINDS[looking].conflicts({key: options[key] for key in options if key not in POINT_OPTIONS}))
            for key, message in faults:
                self._fault(f"{path}.{key}", message)
            if faults:
                return
        if owners:
            yield Point(name, SUPERVISOR, path, KINDS[looking], options, owners)

    def _point(self, path: str, name: str, point: str, given: Mapping[str, Any], owners: Hosts) -> Iterator[Point]:
        kind = KINDS.get(str(given.get("kind")))
        if kind is None:
            known = f"expected one of {', '.join(sorted(KINDS))}"
            got = f", got {given['kind']!r}{suggest(str(given['kind']), KINDS)}" if "kind" in given else ""
            self._fault(f"{path}.kind", f"{known}{got}")
            return
        if not self._sound(path, {**POINT_OPTIONS, **kind.description_options}, given, kind):
            return
        observers = self._observers(path, kind, given)
        if owners and (observers is None or observers):
            yield Point(
                name, point, path, kind, given, owners, observers, self._looks_at(kind, name, point, given, owners)
            )

    def _looks_at(
        self, kind: Kind, service: str, point: str, given: Mapping[str, Any], owners: Hosts
    ) -> Mapping[str, Hosts] | None:
        """The owners that each host looks at, where that is not the same for all of them."""
        if kind.name != DRILL:
            return None
        found = backups.drilled_on(f"{service}.{point}", given, owners, self._groups)
        return {host: Hosts(looked_at) for host, looked_at in found.items()}

    def _observers(self, path: str, kind: Kind, given: Mapping[str, Any]) -> Hosts | None:
        """The hosts that look at every owner; nothing where each owner looks at itself."""
        if "seen_from" not in given:
            return None
        if kind.local:
            self._fault(f"{path}.seen_from", f"a {kind.name} can only be looked at on its own host")
            return Hosts()
        patterns = self._structure(path, POINT_OPTIONS, {"kind": kind.name, "seen_from": given["seen_from"]})
        if "seen_from" in patterns and not patterns["seen_from"]:
            self._fault(f"{path}.seen_from", "names no host: the service would never be looked at")
        observers = [
            host
            for index, pattern in enumerate(patterns.get("seen_from") or ())
            for host in self._hosts(f"{path}.seen_from[{index}]", pattern)
        ]
        return Hosts(dict.fromkeys(observers))

    def _sound(self, path: str, options: Options, given: Mapping[str, Any], kind: Kind | None = None) -> bool:
        """Whether a map of options is as far as is known before its templates are resolved."""
        literal = {key: value for key, value in given.items() if not _is_unresolved(value)}
        faults = [
            (key, message)
            for key, message in problems(options, literal)
            if key not in given or key in literal or not message.startswith("missing")
        ]
        others = [
            (key, "a secret must be a template or an inline !vault value, never plain text")
            for key in _plain_secrets(options, given)
        ]
        credentials = [key for key, value in given.items() if _has_credentials(value)]
        # These have no further fault: a message about a value often repeats it.
        faults = [fault for fault in faults if fault[0].split(".")[0] not in credentials]
        others += [(key, "must not contain user:password@; use the options for credentials") for key in credentials]
        others += _written_out(given)
        if kind and not faults and not others and not kind.expected(given):
            others.append(
                (
                    "kind",
                    "what it looks at must be given without a template, or its absence would not show",
                )
            )
        own = _known(kind, given, literal) if kind else None
        if kind and not others and own is not None and kind.readable(own):
            faults += kind.conflicts(own)
        faults += others
        for key, message in faults:
            self._fault(f"{path}.{key}", message)
        return not faults


def _known(kind: Kind, given: Mapping[str, Any], literal: Mapping[str, Any]) -> dict[str, Any] | None:
    """The options of a point as far as they can be compared; nothing where one of them depends on a template.

    Of a secret it matters whether there is one, and not which: a text of its own stands for each.
    """
    known = {key: value for key, value in literal.items() if key not in POINT_OPTIONS}
    for key in given.keys() - literal.keys():
        option = kind.options.get(key)
        if option is None or not option.secret or option.type != "str":
            return None
        known[key] = f"not resolved: {key}"
    return known


def _written_out(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is wrong with the keys of a point whose values must be known without a template."""
    if given.get("topic") is not None and given["topic"] not in TOPICS:
        yield "topic", f"expected one of {', '.join(TOPICS)}, written out{suggest(str(given['topic']), TOPICS)}"
    if "fail_after" in given:
        try:
            FailAfter.parse(given["fail_after"])
        except RunbookError as exc:
            yield "fail_after", f"{exc}, written out"


def circles(needs: Mapping[str, Iterable[str]]) -> Iterator[list[str]]:
    """Yield services that need each other, one circle for all that hang together; in proportion to what is written."""
    done: set[str] = set()
    for start in needs:
        trail: dict[str, Iterator[str]] = {}
        following = start
        while following:
            if following in trail:
                names = list(trail)
                yield names[names.index(following) :]
            elif following not in done:
                trail[following] = iter(needs.get(following, ()))
                done.add(following)
            following = ""
            while trail and not following:
                last = next(reversed(trail), "")
                following = next(trail[last], "")
                if not following:
                    trail.pop(last)
