# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The platform description: read, validated, and turned into the looks that it asks for.

The description is read *unresolved*: its structure (services, hosts, names of endpoints and checks) is enough to know
what must arrive, and a template that cannot be resolved then costs one look instead of the whole run.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Callable

from ansible.utils.vars import merge_hash
from ansible_collections.xorb.runbook.plugins.module_utils import _probes
from ansible_collections.xorb.runbook.plugins.module_utils._checks import (
    NOT_APPLICABLE,
    TOPICS,
    UNKNOWN,
    Check,
    Finding,
)
from ansible_collections.xorb.runbook.plugins.module_utils._errors import InvalidOptions, RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._kind import Kind
from ansible_collections.xorb.runbook.plugins.module_utils._options import Option, Options, problems, with_defaults
from ansible_collections.xorb.runbook.plugins.module_utils._runner import Probe
from ansible_collections.xorb.runbook.plugins.plugin_utils._causes import SUPERVISOR
from ansible_collections.xorb.runbook.plugins.plugin_utils._fail_after import FailAfter
from ansible_collections.xorb.runbook.plugins.plugin_utils._report import RUN

#: Resolves the templates in a value; raises whatever the templating engine raises.
Resolve = Callable[[Any], Any]

#: What an undefined variable is told by, and nothing else.
UNDEFINED = re.compile(r"'\w+' is undefined")

#: All of them, since a worker of Ansible could only import them for itself, and each would again.
KINDS: Mapping[str, Kind] = dict(_probes.KINDS)

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

#: The sections of a service that hold points, and the kind that all points of a section have.
SECTIONS: Mapping[str, str] = {"endpoints": "", "checks": "", "certificates": "certificate"}

POINT_OPTIONS: Options = {
    "kind": Option("str", "Kind of probe.", required=True),
    "seen_from": Option("list", "Hosts or groups that look, instead of the owner.", elements="str"),
    **PATIENCE,
}


@dataclass(frozen=True)
class Problem:
    """A fault of the description: where it is, and what is wrong with it."""

    path: str
    message: str
    service: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


@dataclass(frozen=True)
class Look:
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
        """The chapter of the runbook that this look belongs to."""
        return self.given.get("topic") or self.kind.topic

    @property
    def fail_after(self) -> FailAfter | None:
        """How often it has to fail before the run does, where the description says so."""
        return FailAfter.parse(self.given["fail_after"]) if "fail_after" in self.given else None

    def probe(self, options: Mapping[str, Any]) -> Probe:
        """The probe that this look is, with the given options of its kind."""
        return Probe(self.kind, {**options, "service": self.service, "point": self.point, "owner": self.owner})

    def placeholders(self, message: str, status: str = UNKNOWN) -> list[Check]:
        """One check for each aspect that must arrive, for the case that it does not."""
        probe = self.probe({**self.given, "topic": self.topic})
        return [
            replace(probe.check(Finding(aspect, status, message)), host=self.observer)
            for aspect in self.kind.expected(self.given)
        ]

    def _resolved(self, key: str, resolve: Resolve) -> Any:
        try:
            return resolve(self.given[key])
        except Exception as exc:
            told = brief(exc)
            # Templating errors quote the values that they stumbled over; the name of a variable is no secret.
            if key in self.kind.secrets and not UNDEFINED.fullmatch(told):
                message = f"its template cannot be resolved ({type(exc).__name__})"
                raise InvalidOptions([(f"{self.path}.{key}", message)]) from None
            raise

    def _fault(self, key: str, message: str) -> tuple[str, str]:
        """A fault with its path; a value that comes from a template may be a secret, and only the template is shown."""
        told, got, _value = message.partition(", got ")
        template = self.given.get(re.split(r"[.\[]", key, maxsplit=1)[0])
        if got and _is_unresolved(template):
            message = f"{told}, which {str(template)!r} does not resolve to"
        return f"{self.path}.{key}", message

    def resolved(self, resolve: Resolve, address: str) -> list[Probe]:
        """The probes to run, their options resolved, validated and completed.

        Raises `InvalidOptions` with full paths where the resolved options are wrong, and whatever ``resolve`` raises.
        """
        options = {key: self._resolved(key, resolve) for key in self.given if key not in POINT_OPTIONS}
        found = [self._fault(key, message) for key, message in self.kind.problems(options)]
        if found:
            raise InvalidOptions(found)
        if "address" in self.kind.options:
            options["address"] = address
        identity = {"service": self.service, "point": self.point, "owner": self.owner}
        return [
            Probe(self.kind, with_defaults(self.kind.probe_options, {**part, **identity}))
            for part in self.kind.split(options)
        ]


@dataclass(frozen=True)
class Service:
    """One service of the platform; a service that is not available has a reason and no looks."""

    name: str
    owners: tuple[str, ...]
    available: bool = True
    reason: str = ""
    depends_on: tuple[str, ...] = ()
    looks: tuple[Look, ...] = ()


@dataclass(frozen=True)
class Platform:
    """A described platform: what there is, what is to be looked at, and every fault of the description."""

    name: str
    services: Mapping[str, Service] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def looks(
        self,
        *,
        observer: str = "",
        topics: Iterable[str] = (),
        services: Iterable[str] = (),
        kinds: Iterable[str] = (),
    ) -> list[Look]:
        """The looks that match; an empty selector matches everything."""
        chosen = {"topic": set(topics), "service": set(services), "kind": set(kinds)}

        def wanted(look: Look) -> bool:
            traits = {"topic": look.topic, "service": look.service, "kind": look.kind.name}
            return all(not names or traits[trait] in names for trait, names in chosen.items())

        return [
            look
            for service in self.services.values()
            for look in service.looks
            if (not observer or look.observer == observer) and wanted(look)
        ]

    def not_applicable(self, services: Iterable[str] = ()) -> list[Check]:
        """One check for each service that the description says is not there, with its reason."""
        wanted = set(services)
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
        ]

    def structure(self, service: str) -> tuple[Any, ...]:
        """What must be the same on whichever host the description is read: who has the service, and who looks at it."""
        read = self.services.get(service)
        if not read:
            return ()
        looks = {(look.observer, look.owner, look.point, look.kind.name, look.topic) for look in read.looks}
        return (read.owners, read.available, frozenset(looks))

    @property
    def depends_on(self) -> dict[str, tuple[str, ...]]:
        """What each service needs."""
        return {service.name: service.depends_on for service in self.services.values()}


def read(variables: Mapping[str, Any], groups: Mapping[str, list[str]], resolve: Resolve) -> Platform:
    """Read the platform description from a host's variables.

    ``groups`` are the inventory's groups with their hosts; ``resolve`` is asked for structural values only (never for
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
            return Service(name, ())
        if not isinstance(given, Mapping):
            self._fault(path, f"expected a map with the keys {', '.join(SERVICE_OPTIONS)}")
            return Service(name, ())
        structure = self._structure(path, SERVICE_OPTIONS, given, but=(*SECTIONS, "supervisor", "logs"))
        owners = self._hosts(f"{path}.hosts", structure.get("hosts"))
        available = structure.get("available", True)
        if not available:
            if not structure.get("reason"):
                self._fault(f"{path}.reason", "missing; say why the service is not available")
            return Service(name, owners, available=False, reason=str(structure.get("reason", "")))
        before = len(self.problems)
        looks = tuple(self._looks(path, name, given, owners))
        if owners and not looks and len(self.problems) == before:
            told = f"nothing would be looked at; give it {', '.join(SECTIONS)}, or available: false with a reason"
            self._fault(path, told)
        return Service(name, owners, depends_on=tuple(structure.get("depends_on") or ()), looks=looks)

    def dependencies(self, services: Mapping[str, Service]) -> None:
        """Every name in ``depends_on`` must be a service."""
        for service in services.values():
            self._service = service.name
            for index, name in enumerate(service.depends_on):
                if name not in services:
                    path = f"platform_services.{service.name}.depends_on[{index}]"
                    self._fault(path, f"no such service: {name!r}{suggest(name, services)}")

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

    def _hosts(self, path: str, pattern: Any) -> tuple[str, ...]:
        """The hosts of a group, or the host of that name."""
        if pattern is None:
            return ()
        every = set(self._groups.get("all", ()))
        if self._groups.get(pattern):
            return tuple(self._groups[pattern])
        if pattern in every:
            return (str(pattern),)
        names = [*(group for group, hosts in self._groups.items() if hosts), *every]
        what = "has no hosts" if pattern in self._groups else "is neither a group nor a host of the inventory"
        self._fault(path, f"{pattern!r} {what}: the service would never be checked{suggest(str(pattern), names)}")
        return ()

    def _looks(self, path: str, name: str, given: Mapping[str, Any], owners: tuple[str, ...]) -> Iterator[Look]:
        supervisor = given.get("supervisor")
        if supervisor is not None:
            yield from self._supervisor(f"{path}.supervisor", name, supervisor, owners)
        seen: Counter[str] = Counter()
        for section, implied in SECTIONS.items():
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
                yield from self._point(where, name, str(point), self._with_kind(where, options, implied), owners)

    def _with_kind(self, path: str, given: Any, implied: str) -> Any:
        """The options of a point with the kind that its section implies; a kind of a section of its own stays there."""
        if not isinstance(given, Mapping):
            return given
        if implied:
            if "kind" in given:
                self._fault(f"{path}.kind", f"unknown key; every point of this section is a {implied}")
            return {**given, "kind": implied}
        for section, kind in SECTIONS.items():
            if kind and given.get("kind") == kind:
                self._fault(f"{path}.kind", f"a {kind} stands in the section {section!r}, without its kind")
        return given

    def _supervisor(self, path: str, name: str, given: Any, owners: tuple[str, ...]) -> Iterator[Look]:
        kind = given.get("kind") if isinstance(given, Mapping) else None
        if kind not in SUPERVISORS:
            self._fault(f"{path}.kind", f"expected one of {', '.join(SUPERVISORS)}, got {kind!r}")
            return
        if not self._sound(path, SUPERVISORS[str(kind)], given):
            return
        looking, renamed = SUPERVISED[str(kind)]
        options = {renamed.get(key, key): value for key, value in given.items() if key != "kind"}
        if not any(_is_unresolved(value) for value in options.values()):
            faults = list(KINDS[looking].check({key: options[key] for key in options if key not in POINT_OPTIONS}))
            for key, message in faults:
                self._fault(f"{path}.{key}", message)
            if faults:
                return
        for owner in owners:
            yield Look(owner, owner, name, SUPERVISOR, path, KINDS[looking], options)

    def _point(self, path: str, name: str, point: str, given: Any, owners: tuple[str, ...]) -> Iterator[Look]:
        if not isinstance(given, Mapping):
            self._fault(path, "expected a map with the key 'kind'")
            return
        kind = KINDS.get(str(given.get("kind")))
        if kind is None:
            known = f"expected one of {', '.join(sorted(KINDS))}"
            got = f", got {given['kind']!r}{suggest(str(given['kind']), KINDS)}" if "kind" in given else ""
            self._fault(f"{path}.kind", f"{known}{got}")
            return
        if not self._sound(path, {**POINT_OPTIONS, **kind.description_options}, given, kind):
            return
        for observer, owner in self._pairs(path, kind, given, owners):
            yield Look(observer, owner, name, point, path, kind, given)

    def _pairs(
        self, path: str, kind: Kind, given: Mapping[str, Any], owners: tuple[str, ...]
    ) -> Iterator[tuple[str, str]]:
        """Who looks at whom."""
        if "seen_from" not in given:
            yield from ((owner, owner) for owner in owners)
            return
        if kind.local:
            self._fault(f"{path}.seen_from", f"a {kind.name} can only be looked at on its own host")
            return
        patterns = self._structure(path, POINT_OPTIONS, {"kind": kind.name, "seen_from": given["seen_from"]})
        if "seen_from" in patterns and not patterns["seen_from"]:
            self._fault(f"{path}.seen_from", "names nobody: the service would never be looked at")
        observers = [
            host
            for index, pattern in enumerate(patterns.get("seen_from") or ())
            for host in self._hosts(f"{path}.seen_from[{index}]", pattern)
        ]
        yield from ((observer, owner) for observer in dict.fromkeys(observers) for owner in owners)

    def _sound(self, path: str, options: Options, given: Mapping[str, Any], kind: Kind | None = None) -> bool:
        """Whether a map of options is as far as can be told before its templates are resolved."""
        literal = {key: value for key, value in given.items() if not _is_unresolved(value)}
        faults = [
            (key, message)
            for key, message in problems(options, literal)
            if key not in given or key in literal or not message.startswith("missing")
        ]
        faults += [
            (key, "a secret must be a template or an inline !vault value, never plain text")
            for key in _plain_secrets(options, given)
        ]
        credentials = [key for key, value in given.items() if _has_credentials(value)]
        # Nothing more is said of these: what is wrong with a value is often told by repeating it.
        faults = [fault for fault in faults if fault[0].split(".")[0] not in credentials]
        faults += [(key, "must not contain user:password@; use the options for credentials") for key in credentials]
        if given.get("topic") is not None and given["topic"] not in TOPICS:
            faults.append(("topic", f"expected one of {', '.join(TOPICS)}, written out"))
        if "fail_after" in given:
            try:
                FailAfter.parse(given["fail_after"])
            except RunbookError as exc:
                faults.append(("fail_after", f"{exc}, written out"))
        if kind and not faults and not kind.expected(given):
            faults.append(("kind", "what it looks at must be told without a template, or nobody would miss it"))
        if kind and not faults and literal.keys() == given.keys():
            faults += kind.check({key: value for key, value in given.items() if key not in POINT_OPTIONS})
        for key, message in faults:
            self._fault(f"{path}.{key}", message)
        return not faults


def _is_unresolved(value: Any) -> bool:
    """Whether a value holds a template or a vaulted text anywhere."""
    if isinstance(value, Mapping):
        return any(_is_unresolved(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return any(_is_unresolved(item) for item in value)
    if isinstance(value, str):
        return "{{" in value or "{%" in value
    return type(value).__name__ == "EncryptedString"


def _plain_secrets(options: Options, given: Any, path: str = "") -> Iterator[str]:
    """Yield the path of every secret that stands there for everybody to read, however deep."""
    if not isinstance(given, Mapping):
        return
    for key, option in options.items():
        value = given.get(key)
        if option.secret and not _keeps_secret(value):
            yield f"{path}{key}"
        elif option.options and isinstance(value, (list, tuple)):
            for index, item in enumerate(value):
                yield from _plain_secrets(option.options, item, f"{path}{key}[{index}].")
        elif option.options:
            yield from _plain_secrets(option.options, value, f"{path}{key}.")


def _keeps_secret(value: Any) -> bool:
    """Whether a secret, or each value of a map or a list of secrets, is absent, a template or vaulted."""
    if isinstance(value, Mapping):
        return all(_keeps_secret(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return all(_keeps_secret(item) for item in value)
    return value is None or _is_unresolved(value)


def _has_credentials(value: Any) -> bool:
    """Whether a text anywhere in a value has a URL with a user and a password."""
    if isinstance(value, Mapping):
        return any(_has_credentials(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return any(_has_credentials(item) for item in value)
    return isinstance(value, str) and bool(re.search(r"//[^/@\s]*:[^/@\s]*@", value))


def suggest(name: str, known: Iterable[str]) -> str:
    """The known name that a wrong one was probably meant to be, as the end of a sentence; or nothing."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def brief(exc: BaseException) -> str:
    """An error in one line, without the source lines that Ansible would print beside it: they may hold secrets."""
    text = getattr(exc, "_message", "") or getattr(exc, "message", "") or str(exc)
    return " ".join(str(text).split())[:300] or type(exc).__name__
