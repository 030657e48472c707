# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run found: expected against received, causes apart from consequences. Pure data in, pure data out."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import (
    CRITICAL,
    NOT_APPLICABLE,
    OK,
    STATUSES,
    UNKNOWN,
    Check,
)
from ansible_collections.xorb.runbook.plugins.module_utils._core.names import RUN
from ansible_collections.xorb.runbook.plugins.module_utils._core.time import timestamp

from .._core.time import moment
from .causes import FAILING, Cause, Topology, explain


@dataclass(frozen=True)
class Run:
    """One run: its operator (``who``), its procedure, its platform, and when it began."""

    id: str
    platform: str
    procedure: str
    started_at: str
    who: str
    topics: tuple[str, ...] = ()
    limited_to: str = ""
    check_mode: bool = False
    #: What this run is a part of, where other runs look at the rest.
    slice_of: str = ""


@dataclass(frozen=True)
class NoAnswer:
    """Why a host gave no result: the sentence goes into each of its checks."""

    status: str
    message: str


@dataclass(frozen=True)
class Suppression:
    """Why a failing check does not fail the run: ``silence``, ``acknowledgement``, or ``pending`` for more failures."""

    check: str
    kind: str
    sentence: str
    #: The run of the ledger that holds the silence or the acknowledgement, the operator who made it, and when it ends.
    silence: int = 0
    by: str = ""
    until: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The suppression as plain data."""
        return dict(self.__dict__)


@dataclass(frozen=True)
class Report:
    """Everything that a run has to say.

    ``checks`` holds one check for everything that was expected and for everything that arrived, worst first.
    ``not_run`` names, as ``host/id``, what ``--limit`` excluded: it is neither a failure nor ever forgotten.
    ``actions`` are what the run did to its hosts or tried to do, each an `actions.Action` as plain data.
    ``backups`` are those whose sets the run listed, each with its host and its sets, as `backup_set_info` returns it.
    ``drills`` are the copies that the run drilled, each with its host and its receipts, as `backup_set_drill` returns
    them.
    ``suppressions`` has the checks that fail and do not fail the run, by ``host/id``; they keep their status.
    ``notes`` are sentences about the run that are no checks. ``fail_on`` are the statuses that fail the run.
    """

    run: Run
    finished_at: str
    expected: int
    received: int
    checks: tuple[Check, ...]
    not_run: tuple[str, ...] = ()
    causes: tuple[Cause, ...] = ()
    actions: tuple[Mapping[str, Any], ...] = ()
    backups: tuple[Mapping[str, Any], ...] = ()
    drills: tuple[Mapping[str, Any], ...] = ()
    ledger: Mapping[str, Any] = field(default_factory=dict)
    suppressions: Mapping[str, Suppression] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    fail_on: tuple[str, ...] = (CRITICAL, UNKNOWN)

    @property
    def decisive(self) -> list[Check]:
        """The checks that fail the run."""
        return [check for check in self.failing(self.fail_on) if check.address not in self.suppressions]

    @property
    def all_ok(self) -> bool:
        """Whether there is nothing to judge: no check, of any host or of the run itself, fails or warns."""
        return all(check.status in (OK, NOT_APPLICABLE) for check in self.checks)

    @property
    def suppressed(self) -> dict[str, int]:
        """How many checks have a suppression of each kind."""
        return dict(Counter(suppression.kind for suppression in self.suppressions.values()))

    def judged_by(self, hosts: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
        """What each host is judged by: what fails or warns of it and of the run, worst first.

        ``hosts`` are those that can be judged. A host that has nothing to be judged by is not in it, but for the first
        one where none has: it stands for all. Each host has its own lines alone, since it is handed no others: what
        hundreds of hosts are handed must not grow with the hosts.
        """
        can_be = list(hosts)
        failing = self.failing(FAILING)
        of_the_run = any(not check.host for check in failing)
        lines: dict[str, list[dict[str, Any]]] = {
            host: [] for host in (can_be if of_the_run else can_be[: not failing])
        }
        for check in failing:
            suppressed = bool(check.host) and check.address in self.suppressions
            line = {
                "id": check.id,
                "address": check.address,
                "status": check.status,
                "blocked_by": check.blocked_by,
                "suppressed": suppressed,
            }
            for host in [check.host] if check.host else can_be:
                lines.setdefault(host, []).append(line)
        return lines

    @property
    def counts(self) -> dict[str, int]:
        """How many checks have each status, worst status first, zeros included."""
        counted = Counter(check.status for check in self.checks)
        return {status: counted[status] for status in reversed(STATUSES)}

    @property
    def hosts(self) -> tuple[str, ...]:
        """Every host that was looked at or should have been, in order of name."""
        return tuple(sorted({check.host for check in self.checks if check.host}))

    @property
    def duration_s(self) -> float:
        """Seconds from the start of the run to the report."""
        return (moment(self.finished_at) - moment(self.run.started_at)).total_seconds()

    def failing(self, statuses: Iterable[str]) -> list[Check]:
        """The checks whose status is one of ``statuses``."""
        wanted = set(statuses)
        return [check for check in self.checks if check.status in wanted]

    def with_check(self, check: Check) -> Report:
        """The same report with one more check about the run itself; a failing one is a root cause, named first."""
        causes = (Cause(check.address, ()), *self.causes) if check.status in FAILING else self.causes
        return replace(self, checks=_sorted([*self.checks, check]), causes=causes)

    def as_dict(self) -> dict[str, Any]:
        """The report as plain data: the shape of the JSON file."""
        return {
            "run": {**self.run.__dict__, "topics": list(self.run.topics)},
            "finished_at": self.finished_at,
            "duration_s": self.duration_s,
            "expected": self.expected,
            "received": self.received,
            "counts": self.counts,
            "causes": [{"check": cause.check, "explains": list(cause.explains)} for cause in self.causes],
            "not_run": list(self.not_run),
            "actions": [dict(action) for action in self.actions],
            "backups": [dict(backup) for backup in self.backups],
            "drills": [dict(drill) for drill in self.drills],
            "suppressed": [suppression.as_dict() for suppression in self.suppressions.values()],
            "notes": list(self.notes),
            "ledger": dict(self.ledger),
            "checks": [check.as_dict() for check in self.checks],
        }


def new_id() -> str:
    """An id for a run that begins now."""
    return f"{timestamp()[:19].replace(':', '').replace('-', '')}-{secrets.token_hex(3)}"


def run_check(aspect: str, status: str, message: str, *, host: str = "", point: str = "run", remedy: str = "") -> Check:
    """A check about the run itself: a silent host, a wrong description, a ledger that cannot be written."""
    return Check(
        id=f"{RUN}.{point}.{aspect}",
        name=f"{point} {aspect}".replace("_", " "),
        topic="health",
        service=RUN,
        host=host,
        owner=host,
        target=host or "control node",
        status=status,
        message=message,
        remedy=remedy,
    )


def assemble(
    run: Run,
    *,
    finished_at: str,
    expected: Mapping[tuple[str, str, str], Check],
    received: Iterable[Check],
    silent: Mapping[str, NoAnswer],
    left_out: Iterable[str],
    about_run: Iterable[Check],
    topology: Topology,
) -> Report:
    """Compare what was expected with what arrived.

    ``expected`` maps the key of each check that must arrive to a placeholder of it; ``silent`` maps hosts that were
    inspected and gave no result to the reason; ``left_out`` has the addresses of the checks that were not made because
    ``--limit`` kept their hosts out of the play; ``about_run`` holds checks that the run made about itself;
    ``topology`` has which service needs which, and which host has which address.
    """
    arrived = {check.key: check for check in received}
    checks = list(arrived.values()) + list(about_run)
    outside = list(left_out)
    known = {check.address for check in checks} if outside else set()
    not_run = [address for address in outside if address not in known]
    for key in expected:
        if key in arrived:
            continue
        placeholder = expected[key]
        why = silent.get(placeholder.host)
        message = why.message if why else "expected, but no result arrived"
        checks.append(replace(placeholder, status=UNKNOWN, message=message))
    checks += [
        run_check("reachable", why.status, why.message, host=host, point="host") for host, why in sorted(silent.items())
    ]
    if not (expected or outside) and all(check.status == NOT_APPLICABLE for check in checks):
        checks.append(run_check("expected", CRITICAL, "nothing was expected: no described service matches this run"))
    explained, causes = explain(checks, topology)
    return Report(
        run=run,
        finished_at=finished_at,
        expected=len(expected) + len(outside),
        received=sum(1 for key in expected if key in arrived) + len(outside) - len(not_run),
        checks=_sorted(explained),
        not_run=tuple(not_run),
        causes=causes,
    )


def _sorted(checks: Iterable[Check]) -> tuple[Check, ...]:
    return tuple(sorted(checks, key=lambda check: (-STATUSES.index(check.status), check.host, check.id, check.owner)))
