# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The backups of one host: what the description says of each, as the modules take it that act on its sets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._backup.spec import KINDS
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._core.names import SUPERVISOR

from ..._core.messages import suggest
from ..._platform import backups
from ..._platform.model import Point, ProbeTarget
from .. import described as points
from ..described import Described
from ..procedure import Answer, Context


@dataclass(frozen=True)
class Backup:
    """One backup of a host; ``fault`` says why its options are not known."""

    service: str
    name: str
    kind: str
    options: Mapping[str, Any] = field(default_factory=dict)
    container: Mapping[str, Any] | None = None
    unit: str = ""
    fault: str = ""

    @property
    def label(self) -> str:
        """What it is called, for people."""
        return f"{self.service}.{self.name}"

    def arguments(self, context: Context) -> dict[str, Any]:
        """What the modules take that take and prove its sets."""
        return {
            "platform": context.platform.name,
            "service": self.service,
            "backup": self.name,
            "host": context.host,
            self.kind: self.options,
            "container": self.container,
            "unit": self.unit or None,
        }

    @property
    def verify_on(self) -> str:
        """The host or the group on which its sets are verified; empty where that is its own host."""
        return str(self.options.get("verify_on") or "")

    def arguments_on(self, host: str, context: Context) -> dict[str, Any]:
        """The same for a host that is not its own: it has no container of the service, and no secret of its server."""
        lent = {name: value for name, value in self.options.items() if name != "login"}
        login = {name: value for name, value in (self.options.get("login") or {}).items() if name != "password"}
        options = {**lent, **({"login": login} if login else {})}
        return {**self.arguments(context), "host": host, self.kind: options, "container": None, "unit": None}

    def store(self) -> dict[str, Any]:
        """What the modules take that list and remove its sets."""
        named = {name: self.options.get(name) for name in ("directory", "repository", "keep")}
        return {"service": self.service, "backup": self.name, **_given(named)}


def described(context: Context) -> tuple[list[Backup], list[str]]:
    """The backups of this host that the options ``services`` and ``backups`` select; see `selected`."""
    return selected(context, context.options["services"], context.options["backups"])


def selected(context: Context, services: Sequence[str], names: Sequence[str]) -> tuple[list[Backup], list[str]]:
    """The backups of this host of some services and names, all where none is given, and what is wrong with others.

    A fault of one keeps no other from being taken. Raises `RunbookError` for a name that the description has not.
    """
    points.refuse_unknown(context, services)
    refuse_unknown(context, names)
    found = [
        _backup(context, one)
        for one in points.described(context, backups.PROBES, services)
        if not names or f"{one.target.service}.{one.target.point}" in names
    ]
    involved = {one.service for one in found}
    wrong = [str(problem) for problem in context.platform.problems if problem.service in involved]
    return [one for one in found if not one.fault], [*wrong, *(one.fault for one in found if one.fault)]


def of(context: Context, service: str, name: str) -> Backup:
    """The backup of a name of this host; raises `RunbookError` where it has none."""
    return _backup(context, points.of(context, backups.PROBES, service, name))


def refused_for_good(context: Context, answer: Answer) -> bool:
    """Whether a plan's answer is the last word of its run on a backup.

    Not where a killed run left something, which is ended before anything else: it may be in the way, and full of room.
    """
    return bool(answer.fault) and (context.check_mode or not answer.values.get("unfinished"))


def unrefused(context: Context, found: Sequence[Backup], faults: Sequence[str]) -> tuple[list[Backup], list[str]]:
    """The backups that a step after the plan acts on, and the faults that are new: the plan has reported its own."""
    planned = context.result("plan")
    refused = planned.get("refused", ())
    return [one for one in found if one.label not in refused], [] if planned else list(faults)


def refuse_unknown(context: Context, names: Sequence[str]) -> None:
    known = [f"{point.service}.{point.name}" for point in _points(context) if backups.kind_of(point.kind.name)]
    for name in names:
        if name not in known:
            raise RunbookError(f"backups: there is no backup {name!r}{suggest(name, known)}")


def _points(context: Context) -> Iterator[Point]:
    return (point for service in context.platform.services.values() for point in service.points)


def _backup(context: Context, one: Described) -> Backup:
    target, kind = one.target, backups.kind_of(one.target.kind.name)
    if one.fault:
        return Backup(target.service, target.point, kind, fault=one.fault)
    options = {name: one.options[name] for name in KINDS[kind] if one.options.get(name) is not None}
    try:
        if "login" in KINDS[kind]:
            endpoint = _endpoint(context, target, options.get("endpoint", ""))
            options["login"] = _given(backups.login(kind, options.get("login") or {}, endpoint))
        unit = str(_options(context, target, (SUPERVISOR,), kind="unit").get("unit") or "")
        return Backup(target.service, target.point, kind, options, _container(context, target), unit)
    except RunbookError as exc:
        return Backup(target.service, target.point, kind, fault=str(exc))


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _endpoint(context: Context, target: ProbeTarget, name: str) -> Mapping[str, Any]:
    """The options of the endpoint that a backup logs in by, as its own host would reach it."""
    if not name:
        return {}
    return _options(context, target, (name,))


def _container(context: Context, target: ProbeTarget) -> Mapping[str, Any] | None:
    """The container of the service, where Compose keeps it running."""
    options = _options(context, target, (SUPERVISOR,), kind="container")
    if not options:
        return None
    names = {"project": "project", "project_src": "project_src", "files": "files", "compose_service": "service"}
    return _given({name: options.get(option) for option, name in names.items()})


def _options(context: Context, target: ProbeTarget, names: Iterable[str], kind: str = "") -> Mapping[str, Any]:
    """The options of another point of the same service on the same host; nothing where it has no such point."""
    for point in context.platform.services[target.service].points:
        if point.name in names and kind in ("", point.kind.name):
            own = ProbeTarget(
                context.host, target.owner, point.service, point.name, point.path, point.kind, point.given
            )
            found = points.resolved(context, own)
            if found.fault:
                raise RunbookError(found.fault)
            return found.options
    return {}
