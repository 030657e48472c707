# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The check: the one unit of truth that every part of the collection exchanges."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Union

from .about import Fault
from .text import clean

OK = "ok"
WARNING = "warning"
CRITICAL = "critical"
UNKNOWN = "unknown"
NOT_APPLICABLE = "not_applicable"

#: From harmless to worst. ``unknown`` is worse than a warning: nothing was seen, so nothing is known.
STATUSES = (NOT_APPLICABLE, OK, WARNING, UNKNOWN, CRITICAL)

TOPICS = (
    "health",
    "performance",
    "database",
    "certificates",
    "logs",
    "security",
    "access",
    "monitoring",
    "scanners",
    "workflows",
    "backups",
    "capacity",
    "kpi",
)

Number = Union[int, float]
Value = Union[int, float, str, None]


@dataclass(frozen=True)
class Limits:
    """The thresholds that a number is judged by; ``None`` means that there is no such threshold.

    A number crosses a threshold when it is *above* it, or *below* it where ``falling`` is set (days left, for example).
    """

    warning: Number | None = None
    critical: Number | None = None
    source: str = ""
    falling: bool = False

    def judge(self, value: Number) -> str:
        """Return ``ok``, ``warning`` or ``critical`` for ``value``."""
        if self._crosses(value, self.critical):
            return CRITICAL
        if self._crosses(value, self.warning):
            return WARNING
        return OK

    def _crosses(self, value: Number, threshold: Number | None) -> bool:
        if threshold is None:
            return False
        return value < threshold if self.falling else value > threshold


@dataclass(frozen=True)
class Finding:
    """What a probe found of one aspect; the runner adds which service that was and turns it into a `Check`.

    ``message`` is one sentence with the evidence and never holds a secret. ``faults`` are what it found to be wrong, as
    data, for the report to know what else found the same; a probe that got an answer and refuses it has none.
    """

    aspect: str
    status: str
    message: str
    value: Value = None
    unit: str = ""
    limits: Limits = Limits()
    remedy: str = ""
    faults: tuple[Fault, ...] = ()

    @classmethod
    def measured(
        cls,
        aspect: str,
        message: str,
        *,
        value: Number,
        unit: str,
        limits: Limits,
        remedy: str = "",
        faults: tuple[Fault, ...] = (),
    ) -> Finding:
        """A finding whose status follows from a number and its limits."""
        status = limits.judge(value)
        return cls(aspect, status, message, value=value, unit=unit, limits=limits, remedy=remedy, faults=faults)

    @classmethod
    def failed(cls, aspect: str, status: str, message: str, fault: Fault | None) -> Finding:
        """A finding of what an attempt met, where that is known."""
        return cls(aspect, status, message, faults=(fault,) if fault else ())


@dataclass(frozen=True)
class Check:
    """One statement about the platform: see docs/architecture.md for the meaning of each field."""

    id: str
    name: str
    topic: str
    service: str
    host: str
    owner: str
    target: str
    status: str
    message: str
    value: Value = None
    unit: str = ""
    warning: Number | None = None
    critical: Number | None = None
    threshold_source: str = ""
    remedy: str = ""
    blocked_by: str = ""
    observed_at: str = ""
    duration_ms: float | None = None
    falling: bool = False
    about: str = ""

    @property
    def limits(self) -> Limits:
        """The thresholds that its value was judged by."""
        return Limits(self.warning, self.critical, self.threshold_source, self.falling)

    def __post_init__(self) -> None:
        """Clean whatever a host sent: here, so that no kind, no module and no output can forget it."""
        for name, value in self.__dict__.items():
            if isinstance(value, str) and not value.isprintable():
                object.__setattr__(self, name, clean(value))

    @property
    def key(self) -> tuple[str, str, str]:
        """What distinguishes this check from every other of the same run."""
        return (self.host, self.owner, self.id)

    @property
    def address(self) -> str:
        """How ``blocked_by`` refers to this check; one of another host's service names that host."""
        return address(self.host, self.id, self.owner)

    def as_dict(self) -> dict[str, Any]:
        """The check as plain data: every field, but ``about`` only where it is not empty."""
        # Every value is flat; to copy them deeply is most of what a report of many hosts would cost.
        data = dict(self.__dict__)
        if not self.about:
            del data["about"]
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Check:
        """Read a check that came over the wire; an undefined status is ``unknown``."""
        known = {name: data[name] for name in FIELDS if name in data}
        status = str(known.get("status", ""))
        if status not in STATUSES:
            known["message"] = f"undefined status {status!r}: {known.get('message', '')}"
            known["status"] = UNKNOWN
        # A database has no truth values, and for most checks no value at all.
        known["falling"] = bool(known.get("falling"))
        return cls(**known)


#: The names of a check's fields.
FIELDS = tuple(field.name for field in fields(Check))


def address(host: str, name: str, owner: str) -> str:
    """How a check with this id is referred to: ``host/id``, with ``@owner`` where it is about another host."""
    elsewhere = f"@{owner}" if owner not in ("", host) else ""
    return f"{host}/{name}{elsewhere}"


def worst(statuses: Iterable[str]) -> str:
    """The worst of some statuses; ``not_applicable`` when there is none."""
    return max(statuses, key=STATUSES.index, default=NOT_APPLICABLE)
