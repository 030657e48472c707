# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs probes side by side within one deadline, and turns what they find into checks."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .._clients import commands
from .._core.checks import UNKNOWN, Check, Finding
from .._core.errors import RunbookError
from .._core.time import timestamp
from .kind import Kind


@dataclass(frozen=True)
class Probe:
    """One look at one point, ready to run: a kind and its resolved options."""

    kind: Kind
    options: Mapping[str, Any]

    def check(
        self, finding: Finding, *, host: str = "", observed_at: str = "", duration_ms: float | None = None
    ) -> Check:
        """The check that a finding of this probe is. The host is filled in by the controller, which knows its name."""
        service, point = self.options["service"], self.options["point"]
        owner = self.options["owner"]
        return Check(
            id=f"{service}.{point}.{finding.aspect}",
            name=f"{service} {point} {finding.aspect}".replace("_", " "),
            topic=self.options.get("topic") or self.kind.topic,
            service=service,
            host=host,
            owner=owner,
            target=f"{owner}:{self.kind.target(self.options)}",
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
        )

    def unknown(self, message: str, *, but: Iterable[str] = ()) -> list[Check]:
        """Checks for the aspects that did not arrive, with the reason."""
        arrived = set(but)
        now = timestamp()
        return [
            self.check(Finding(aspect, UNKNOWN, message), observed_at=now)
            for aspect in self.kind.expected(self.options)
            if aspect not in arrived
        ]


def run_probes(probes: list[Probe], *, deadline: float) -> list[Check]:
    """Run every probe in a thread of its own and return the checks that they gave within ``deadline`` seconds.

    Threads are daemons: one that hangs in a system call neither holds up the others nor the end of the module (an
    executor would wait for it). Child processes that are still there at the deadline are killed.
    """
    ends = time.monotonic() + deadline
    news: queue.SimpleQueue[tuple[int, Check | None, str]] = queue.SimpleQueue()
    for index, probe in enumerate(probes):
        try:
            threading.Thread(target=_run_one, args=(index, probe, news), name=f"probe-{index}", daemon=True).start()
        except RuntimeError as exc:  # a limit on processes is a reason not to know, none to lose the other probes
            news.put((index, None, f"no thread for this probe: {exc}"))

    checks: list[list[Check]] = [[] for _probe in probes]
    running = set(range(len(probes)))
    while running:
        try:
            index, check, failure = news.get(timeout=max(0.0, ends - time.monotonic()))
        except queue.Empty:
            break
        if check is not None:
            checks[index].append(check)
            continue
        running.discard(index)
        checks[index] += _missing(probes[index], checks[index], failure or "the probe ended without saying anything")
    commands.kill_all()
    for index in running:
        checks[index] += _missing(probes[index], checks[index], f"no answer within the deadline of {deadline:g} s")
    return [check for found in checks for check in found]


def _missing(probe: Probe, arrived: list[Check], reason: str) -> list[Check]:
    return probe.unknown(reason, but=[check.id.rsplit(".", 1)[1] for check in arrived])


def _run_one(index: int, probe: Probe, news: queue.SimpleQueue[tuple[int, Check | None, str]]) -> None:
    """Run one probe; the last thing put into the queue is always its end, with the reason where it failed."""
    began = time.monotonic()
    failure = ""
    try:
        for finding in probe.kind.run(probe.options):
            spent = round((time.monotonic() - began) * 1000, 1)
            news.put((index, probe.check(finding, observed_at=timestamp(), duration_ms=spent), ""))
            began = time.monotonic()
    except RunbookError as exc:
        failure = str(exc)
    except Exception as exc:  # noqa: BLE001 - the one place where anything a probe raises becomes a truthful "could not look"
        failure = f"{type(exc).__name__}: {exc}".strip()
    news.put((index, None, failure))
