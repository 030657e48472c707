# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the description gives to a host for procedures to act on, resolved; each fault costs its own point alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from .._core.messages import brief, suggest
from .._platform.model import ProbeTarget
from .procedure import Context


@dataclass(frozen=True)
class Described:
    """A point of this host with the options of its kind; ``fault`` says why they are not known."""

    target: ProbeTarget
    options: Mapping[str, Any] = field(default_factory=dict)
    fault: str = ""


def refuse_unknown(context: Context, services: Sequence[str]) -> None:
    """Raise `RunbookError` for a service that the description does not have."""
    known = context.platform.services
    for name in services:
        if name not in known:
            raise RunbookError(f"{name}: there is no such service{suggest(name, known)}")


def faults(context: Context, services: Sequence[str]) -> list[str]:
    """What is wrong with the description of some services, or of all of them where none is named."""
    problems = context.platform.problems
    return [str(problem) for problem in problems if not services or problem.service in services]


def described(context: Context, kinds: Sequence[str], services: Sequence[str]) -> Iterator[Described]:
    """The points of some kinds that this host owns."""
    for target in context.platform.targets(observer=context.host, services=services, kinds=kinds):
        yield resolved(context, target)


def of(context: Context, kinds: Sequence[str], service: str, name: str) -> Described:
    """The point of a name, of one of some kinds, that this host owns; raises `RunbookError` where it has none."""
    for target in context.platform.targets(observer=context.host, services=[service], kinds=kinds):
        if target.point == name:
            return resolved(context, target)
    raise RunbookError(f"{service}.{name}: the description of {context.host} has none that is sound")


def resolved(context: Context, target: ProbeTarget) -> Described:
    """A point with its options, as the host's variables resolve them."""
    try:
        (probe,) = target.resolved(context.inventory.resolver(context.host), "localhost")
    except Exception as exc:  # noqa: BLE001 - whatever a template raises is a fault of this point
        return Described(target, fault=f"{target.path}: {brief(exc)}")
    return Described(target, probe.options)
