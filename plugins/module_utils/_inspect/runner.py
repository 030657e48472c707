# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs probes side by side within one deadline, and turns what they find into checks."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .._clients import commands
from .._core import about as facts
from .._core.about import About, Fault
from .._core.checks import CRITICAL, NOT_APPLICABLE, OK, UNKNOWN, Check, Finding
from .._core.errors import RunbookError
from .._core.names import SUPERVISOR
from .._core.time import timestamp
from .kind import Kind


@dataclass(frozen=True)
class Probe:
    """One inspection of one point, ready to run: a kind and its resolved options."""

    kind: Kind
    options: Mapping[str, Any]

    def check(
        self,
        finding: Finding,
        *,
        host: str = "",
        observed_at: str = "",
        duration_ms: float | None = None,
        about: str | None = None,
    ) -> Check:
        """The check that a finding of this probe is. The host is filled in by the controller, which knows its name.

        ``about`` is what several findings have in common, where that is known.
        """
        if about is None:
            about = "" if finding.status in (OK, NOT_APPLICABLE) else str(self._about(finding))
        service, point = self.options["service"], self.options["point"]
        owner = self.options["owner"]
        return Check(
            id=f"{service}.{point}.{finding.aspect}",
            name=f"{service} {point} {finding.aspect}".replace("_", " "),
            topic=self._topic,
            service=service,
            host=host,
            owner=owner,
            target=self.kind.target(self.options)
            if self.kind.lies_here
            else f"{owner}:{self.kind.target(self.options)}",
            status=finding.status,
            message=finding.message,
            value=finding.value,
            unit=finding.unit,
            warning=finding.limits.warning,
            critical=finding.limits.critical,
            threshold_source=finding.limits.source,
            remedy=self.options.get("remedy") or finding.remedy,
            observed_at=observed_at,
            duration_ms=duration_ms,
            falling=finding.limits.falling,
            about=about,
        )

    def unknown(
        self, message: str, *, fault: Fault | None = None, but: Iterable[str] = (), observed_at: str = ""
    ) -> list[Check]:
        """Checks for the aspects that did not arrive, with the reason."""
        arrived = set(but)
        about = str(self._about(Finding.failed("", UNKNOWN, message, fault or _UNSEEN)))
        return [
            self.check(Finding(aspect, UNKNOWN, message), observed_at=observed_at, about=about)
            for aspect in self.kind.expected(self.options)
            if aspect not in arrived
        ]

    def _about(self, finding: Finding) -> About:
        """What the report has to know of a failing finding, with the names of the host and the service it is of."""
        faults = tuple(self._placed(fault) for fault in finding.faults)
        if faults:
            allowed = facts.compatible(fault.reason for fault in faults)
        else:
            # It answered, and not as it should.
            answered = finding.status != UNKNOWN and self._topic == "health"
            allowed = facts.COMPATIBLE[facts.UNWELL] if answered else frozenset()
        critical = finding.status == CRITICAL
        # A number beyond its limits was found out, which does not keep the rest from being found out.
        measured = isinstance(finding.value, (int, float)) and finding.limits.judge(finding.value) == finding.status
        opens = not measured if self.kind.opens is None else finding.aspect in self.kind.opens
        down = critical or any(fault.reason == facts.DOWN for fault in faults)
        return About(
            faults,
            allowed & self.kind.explained_by,
            process=down and self.options["point"] == SUPERVISOR,
            opens=critical and opens,
        )

    @property
    def _topic(self) -> str:
        return self.options.get("topic") or self.kind.topic

    def _placed(self, fault: Fault) -> Fault:
        """The fault with what it is of: names that mean something on one host only get that host's."""
        owner, service = self.options["owner"], self.options["service"]
        of = {facts.SERVICE: f"{owner}/{service}", facts.PROBE: f"{owner}/{service}.{self.options['point']}"}
        subjects = fault.subjects or (((facts.ENDPOINT, self._port),) if self._port else ((facts.PROBE, ""),))
        placed = tuple(
            (sort, of.get(sort) or (f"{owner}:{name}" if sort in facts.OF_A_HOST else name)) for sort, name in subjects
        )
        return replace(fault, subjects=placed)

    @property
    def _port(self) -> str:
        """The port that is connected to; a description that is not resolved may have a template instead."""
        option = self.kind.options.get("port")
        port = self.options.get("port") or (option and option.default)
        return str(port) if str(port).isdecimal() else ""


#: Whatever else kept a probe from being made: its aspects have that in common, and nothing with other probes.
_UNSEEN = Fault.stated(facts.UNSEEN, (facts.PROBE, ""))


def run_probes(probes: list[Probe], *, deadline: float) -> list[Check]:
    """Run every probe in a thread of its own and return the checks that they gave within ``deadline`` seconds.

    Probes of a kind that asks for several points at once have one thread.

    Threads are daemons: one that hangs in a system call neither holds up the others nor the end of the module (an
    executor would wait for it). Child processes that are still there at the deadline are killed.
    """
    ends = time.monotonic() + deadline
    events: queue.SimpleQueue[_Event] = queue.SimpleQueue()
    for members in _groups(probes):
        _start(members, events)

    checks: list[list[Check]] = [[] for _probe in probes]
    running = set(range(len(probes)))
    while running:
        try:
            event = events.get(timeout=max(0.0, ends - time.monotonic()))
        except queue.Empty:
            break
        index = event.index
        if event.check is not None:
            checks[index].append(event.check)
            continue
        if event.again:
            _start({index: probes[index]}, events)
            continue
        running.discard(index)
        reason = event.failure or "the probe ended without a result"
        checks[index] += _missing(probes[index], checks[index], reason, event.fault)
    commands.kill_all()
    for index in running:
        reason = f"no answer within the deadline of {deadline:g} s"
        checks[index] += _missing(probes[index], checks[index], reason, Fault(facts.LATE))
    return [check for found in checks for check in found]


@dataclass(frozen=True)
class _Event:
    """What the thread of a probe reports: a check, that the probe is to be run again by itself, or that it has ended.

    An end has the reason where it failed.
    """

    index: int
    check: Check | None = None
    again: bool = False
    failure: str = ""
    fault: Fault | None = None


def _missing(probe: Probe, arrived: list[Check], reason: str, fault: Fault | None) -> list[Check]:
    aspects = [check.id.rsplit(".", 1)[1] for check in arrived]
    return probe.unknown(reason, fault=fault, but=aspects, observed_at=timestamp())


def _groups(probes: Iterable[Probe]) -> Iterator[dict[int, Probe]]:
    """The probes that run together, by their indexes; most run alone."""
    together: dict[str, dict[int, Probe]] = {}
    for index, probe in enumerate(probes):
        if probe.kind.run_all:
            together.setdefault(probe.kind.name, {})[index] = probe
        else:
            yield {index: probe}
    yield from together.values()


def _start(members: Mapping[int, Probe], events: queue.SimpleQueue[_Event]) -> None:
    run, name = (_run_one if len(members) == 1 else _run_all), f"probe-{next(iter(members))}"
    try:
        threading.Thread(target=run, args=(members, events), name=name, daemon=True).start()
    except RuntimeError as exc:  # a limit on processes is a reason not to know, none to lose the other probes
        for index in members:
            events.put(_Event(index, failure=f"no thread for this probe: {exc}"))


def _run_all(members: Mapping[int, Probe], events: queue.SimpleQueue[_Event]) -> None:
    """Run probes by one query; those that have no finding by that are run by themselves, and say why they fail."""
    left, indexes = dict(members), list(members)
    points = [probe.options for probe in members.values()]
    began = time.monotonic()
    with contextlib.suppress(Exception):
        run_all = next(iter(members.values())).kind.run_all
        for position, finding in run_all(points) if run_all else ():
            spent = round((time.monotonic() - began) * 1000, 1)
            check = left[indexes[position]].check(finding, observed_at=timestamp(), duration_ms=spent)
            events.put(_Event(indexes[position], check))
            events.put(_Event(indexes[position]))
            del left[indexes[position]]
    for index in left:
        events.put(_Event(index, again=True))


def _run_one(members: Mapping[int, Probe], events: queue.SimpleQueue[_Event]) -> None:
    """Run one probe; the last thing put into the queue is always its end."""
    ((index, probe),) = members.items()
    began = time.monotonic()
    failure, fault = "", None
    try:
        for finding in probe.kind.run(probe.options):
            spent = round((time.monotonic() - began) * 1000, 1)
            events.put(_Event(index, probe.check(finding, observed_at=timestamp(), duration_ms=spent)))
            began = time.monotonic()
    except RunbookError as exc:
        failure, fault = str(exc), exc.fault
    except Exception as exc:  # noqa: BLE001 - the one place where anything a probe raises becomes a truthful "unknown"
        failure = f"{type(exc).__name__}: {exc}".strip()
    events.put(_Event(index, failure=failure, fault=fault))
